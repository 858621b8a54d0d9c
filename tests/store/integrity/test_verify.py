"""Verification finds what was done to a lake, names the first place, and goes on to find the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import CALLS, day, record, rows_of, take_in

from store import commit as delta
from store.integrity import leaves, retired, streams
from store.integrity.checks.report import Report
from store.integrity.log import CHECKPOINT, Log
from store.integrity.tiles import tile_path
from store.integrity.verify import Options, last_verified, verify
from store.keeping.compacting import written
from store.keeping.replacing import Change, replace_files
from store.keeping.rows import plain, read_rows
from store.lake import Lake
from store.tables import TABLES
from store.tables.events import EVENTS


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.integrity.checks.commits._PATIENCE", 0.1)


@pytest.fixture(scope="module")
def filled(empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a lake with three commits of events, to be copied."""
    lake = Lake.open(shutil.copytree(empty_lake, tmp_path_factory.mktemp("filled") / "lake"))
    for first in (0, 10, 20):
        take_in(lake, [record(n) for n in range(first, first + 10)], first)
    return lake.path


@pytest.fixture
def whole(filled: Path, tmp_path: Path) -> Lake:
    """Return a lake of one's own to damage."""
    return Lake.open(shutil.copytree(filled, tmp_path / "lake"))


def check(lake: Lake, **options: Any) -> Report:
    """Verify a lake."""
    return verify(Lake.open(lake.path), Options(**options))


def data(lake: Lake, version: int = 1) -> Path:
    """Return the data file of a commit."""
    [name] = delta.note_of(lake.path / "events", version)["sha256"]
    return lake.path / "events" / str(name)


def entry_of(lake: Lake, version: int) -> int:
    """Return the index of the log's entry of a commit of events."""
    assert lake.log is not None
    return next(i for i, b in lake.log.entries() if b.get("table") == "events" and b["version"] == version)


def rewritten(lake: Lake, change: Callable[[pa.Table], pa.Table], version: int = 1) -> None:
    """Change the rows of a file, and its digest and size in the commit: what an insider with the disk can do."""
    file = data(lake, version)
    rows = change(pq.ParquetFile(file).read())
    pq.write_table(rows, file, compression="zstd", write_page_checksum=True)
    entry = delta.log_entry(lake.path / "events", version)
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["size"] = file.stat().st_size
        if "commitInfo" in line:
            digests = line["commitInfo"]["tooltrail"]["sha256"]
            digests.update(dict.fromkeys(digests, sha256(file.read_bytes()).hexdigest()))
    entry.write_text("\n".join(map(json.dumps, lines)))


def with_value(name: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    """Return a change of one value."""

    def change(rows: pa.Table) -> pa.Table:
        values = rows[name].to_pylist()
        values[row] = value
        return rows.set_column(
            rows.column_names.index(name), name, pa.array(values, rows.schema.field(name).type)
        )

    return change


def checks(report: Report) -> set[str]:
    """Return the checks that found something."""
    return {fault.check for fault in report.faults}


# --- a lake that is whole ---------------------------------------------------------------------------------------


def test_a_whole_lake_has_no_fault_and_says_what_was_not_covered(whole: Lake) -> None:
    """What was read is counted; what nobody can know from here is said."""
    report = check(whole)
    assert report.faults == []
    assert (report.covered["events"], report.covered["streams"]) == (30, 3)
    assert any("--checkpoint" in text for text in report.uncovered)
    assert any("gateways" in text for text in report.uncovered)


def test_more_processes_find_the_same(whole: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is shared out finds the faults of all files."""
    monkeypatch.setattr("store.integrity.checks.files.SHARED_FROM", 0)
    assert check(whole, jobs=2).faults == []
    data(whole).unlink()
    data(whole, 3).unlink()
    report = check(whole, jobs=2)
    assert [f.entry for f in report.faults if f.check == "file"] == [entry_of(whole, 1), entry_of(whole, 3)]


def test_verifying_goes_on_from_where_the_last_time_ended(whole: Lake) -> None:
    """Only newer files are read, and it is said that the others were not."""
    check(whole)
    assert whole.log is not None
    since = last_verified(whole.log)
    take_in(whole, [record(n) for n in range(30, 35)], 30)
    report = check(whole, since=since)
    assert report.faults == []
    assert report.covered["events"] == 5
    assert any(f"before {since} of the log" in text for text in report.uncovered)


# --- files ------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_found(whole: Lake) -> None:
    """Its rows are missing too, and the first divergence is the entry that brought them in."""
    data(whole, 2).unlink()
    report = check(whole)
    assert checks(report) == {"file", "root"}
    assert report.first is not None
    assert report.first.entry == entry_of(whole, 2)


@pytest.mark.parametrize("size", [0, 100])
def test_a_truncated_file_is_found(whole: Lake, size: int) -> None:
    """Zero bytes and half a file alike."""
    data(whole).write_bytes(data(whole).read_bytes()[:size])
    report = check(whole)
    assert {"file", "root"} <= checks(report)
    assert all(fault.entry == entry_of(whole, 1) for fault in report.faults)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_flipped_bit_is_found_wherever_it_is(whole: Lake, place: float) -> None:
    """Parquet, zstd and DuckDB let most pass; the digest lets none."""
    content = bytearray(data(whole).read_bytes())
    content[int(len(content) * place)] ^= 0x10
    data(whole).write_bytes(content)
    report = check(whole)
    assert "file" in checks(report)
    assert "damaged, or altered by whom is not known" in report.faults[0].what


def test_all_faults_are_told_and_the_first_is_named(whole: Lake) -> None:
    """A fault does not hide the next one."""
    data(whole, 3).unlink()
    data(whole, 1).write_bytes(b"")
    report = check(whole)
    assert {fault.entry for fault in report.faults} == {entry_of(whole, 1), entry_of(whole, 3)}
    assert report.first is not None
    assert report.first.entry == entry_of(whole, 1)


# --- rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("tool_name", "harmless"), ("user_id", "bob"), ("args_json", "{}"), ("decision", "deny")],
)
def test_an_edited_row_is_found_though_digest_and_statistics_were_mended(
    whole: Lake, name: str, value: str
) -> None:
    """The commit is not the one that was logged, and the row is not what its leaf says."""
    rewritten(whole, with_value(name, 3, value))
    report = check(whole)
    assert {"commit", "file", "row"} <= checks(report)
    [row] = [fault for fault in report.faults if fault.check == "row"]
    [edited] = pq.ParquetFile(data(whole)).read(columns=["event_id"])["event_id"].to_pylist()[3:4]
    assert edited in row.what


def test_an_edited_row_with_its_leaf_made_anew_is_found(whole: Lake) -> None:
    """The leaf follows the row, and the root does not follow the leaf."""

    def change(rows: pa.Table) -> pa.Table:
        rows = with_value("tool_name", 0, "harmless")(rows)
        hashes = leaves.leaves(rows)
        return rows.set_column(rows.column_names.index("leaf_hash"), "leaf_hash", hashes)

    rewritten(whole, change)
    assert {"commit", "file", "root"} == checks(check(whole))


def test_a_removed_row_and_an_added_one_are_found(whole: Lake) -> None:
    """A root is over so many rows; a row of no batch belongs nowhere."""
    rewritten(whole, lambda rows: rows.slice(1))
    rewritten(whole, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]), version=2)
    report = check(whole)
    what = [fault.what for fault in report.faults if fault.check == "root"]
    assert any("1 of 10 rows are missing" in text for text in what)
    assert any("1 of 10 rows are too many" in text for text in what)


def test_rows_of_a_batch_nobody_logged_are_found(whole: Lake) -> None:
    """Rows that were made up whole, leaves and all."""
    rewritten(whole, lambda rows: leaves.seal(rows, "f" * 32))
    assert any("no entry of the log tells of" in fault.what for fault in check(whole).faults)


def test_new_values_beside_an_old_commitment_are_found(whole: Lake) -> None:
    """Whoever keeps the commitment and writes another person there is not believed."""

    def change(rows: pa.Table) -> pa.Table:
        erased = leaves.erase(rows, "person", [True] * rows.num_rows)
        return with_value("user_id", 0, "mallory")(erased)

    rewritten(whole, change)
    report = check(whole)
    assert any("values of person that were erased" in fault.what for fault in report.faults)
    assert "erasure" in checks(report)


def test_a_file_moved_to_another_day_is_found(whole: Lake) -> None:
    """The partition is no column of the row; it follows from the row's times."""
    rewritten(whole, with_value("event_time", 0, datetime(2020, 1, 1, tzinfo=UTC)))
    rewritten(whole, with_value("ingest_time", 0, datetime(2020, 1, 1, tzinfo=UTC)))
    assert any("a day that is not its own" in fault.what for fault in check(whole).faults)


# --- commits ----------------------------------------------------------------------------------------------------


def test_a_removed_commit_is_found(whole: Lake) -> None:
    """The newest one, which a table opens without, as if it had never been."""
    delta.log_entry(whole.path / "events", 3).unlink()
    report = check(whole)
    assert any("in the log and not on the disk" in fault.what for fault in report.faults)
    assert report.first is not None
    assert report.first.entry == entry_of(whole, 3)


def test_a_commit_nobody_logged_is_found(whole: Lake) -> None:
    """Made behind the log's back, by whoever can write the table."""
    Lake(whole.path, whole.site_key, integrity=False).append("events", rows_of({"event_id": "f" * 32}))
    report = check(whole)
    assert [(fault.check, fault.entry) for fault in report.faults] == [("commit", None)]
    assert "commit 4 of events is not in the log" in report.faults[0].what


def test_a_table_of_another_kind_is_held_to_its_digests(whole: Lake) -> None:
    """Dead letters, findings and all others: their files are what was committed."""
    take_in(whole, [b"{broken"], 30)
    [path] = whole.snapshot("dead_letters").paths()
    Path(path).write_bytes(b"")
    report = check(whole)
    assert [fault.where for fault in report.faults] == [path, path]


def test_a_checkpoint_of_the_table_that_lies_is_found(whole: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers take the file list from it; the log tells another."""
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 6)
    for number in range(4):
        whole.append(
            "events", rows_of({"event_id": f"{number:032x}", "source_topic": "x", "event_date": day(0)})
        )
    log = whole.path / "events" / delta.LOG
    [file] = log.glob("*.checkpoint.parquet")
    table = pq.read_table(file)
    adds = table["add"].to_pylist()
    kept = [
        not (add and "part-" in add["path"] and add["path"] == max(a["path"] for a in adds if a))
        for add in adds
    ]
    pq.write_table(table.filter(pa.array(kept)), file)
    assert any("readers are not given a file" in fault.what for fault in check(whole).faults)


# --- the log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, "entries"])
@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda _: b"", None])
def test_a_broken_tile_is_found(
    whole: Lake, level: int | str, damage: Callable[[bytes], bytes] | None
) -> None:
    """Cut short, emptied, gone: of hashes and of entries."""
    assert whole.log is not None
    head = whole.log.head()
    assert head is not None
    file = whole.log.folder / tile_path(level, 0, head.checkpoint.size)
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage(file.read_bytes()))
    assert "log" in checks(check(whole))


def test_a_changed_entry_is_found_and_named(whole: Lake) -> None:
    """The tile says which: the hash of that entry is not the one above it."""
    assert whole.log is not None
    head = whole.log.head()
    assert head is not None
    file = whole.log.folder / tile_path("entries", 0, head.checkpoint.size)
    root = next(b for _, b in whole.log.entries() if b.get("version") == 2)["streams"][0]["root"]
    file.write_bytes(file.read_bytes().replace(root.encode(), b"0" * 64))
    report = check(whole)
    assert {"log", "root", "commit"} <= checks(report)
    assert {f.entry for f in report.faults if f.check == "log" and f.entry is not None} == {
        entry_of(whole, 2)
    }


def test_a_changed_checkpoint_is_found(whole: Lake) -> None:
    """Another root is signed by nobody; without signatures it proves nothing."""
    file = whole.path / "log" / CHECKPOINT
    text = file.read_text()
    body, _, signatures = text.partition("\n\n")
    for forged in (
        text.replace(body.split("\n")[2][:6], "AAAAAA", 1),
        body + "\n\n" + signatures.splitlines()[0] + "\n",
    ):
        file.write_text(forged)
        assert "signature" in checks(check(whole))
    file.unlink()
    assert checks(check(whole)) == {"log"}


def test_a_log_cut_at_its_end_is_found_by_what_it_no_longer_tells(whole: Lake) -> None:
    """An old checkpoint put back: commits that are there are not told of."""
    saved = shutil.copytree(whole.path / "log", whole.path.parent / "saved")
    take_in(whole, [record(40)], 30)
    shutil.rmtree(whole.path / "log")
    shutil.copytree(saved, whole.path / "log")
    assert any("commit 4 of events is not in the log" in fault.what for fault in check(whole).faults)


def anew(lake: Lake) -> None:
    """Make the whole log again with a key of one's own, over a lake that was changed."""
    shutil.rmtree(lake.path / "log")
    (lake.path / "log.key").unlink()
    Log(lake.path, ["events"]).follow()
    lake = Lake.open(lake.path)
    assert lake.log is not None
    lake.log.follow()


def test_a_log_made_anew_is_found_by_a_checkpoint_kept_elsewhere(whole: Lake, tmp_path: Path) -> None:
    """Who holds the disk and the key can rebuild everything but what others hold a copy of."""
    kept = shutil.copy(whole.path / "log" / CHECKPOINT, tmp_path / "kept")
    anew(whole)
    assert check(whole).faults == []
    report = check(whole, checkpoints=[Path(kept)])
    assert checks(report) == {"checkpoint"}
    assert any("no key of this log has signed it" in fault.what for fault in report.faults)


def test_a_log_signed_again_with_its_own_key_is_found_by_a_checkpoint_kept_elsewhere(
    whole: Lake, tmp_path: Path
) -> None:
    """A stolen key signs a shorter or another history; the copy says what it was."""
    log = whole.path / "log"
    shutil.copytree(whole.path, tmp_path / "before")
    kept = shutil.copy(log / CHECKPOINT, tmp_path / "kept")
    assert check(whole, checkpoints=[Path(kept)]).faults == []
    assert whole.log is not None
    head = whole.log.head()
    assert head is not None
    bodies = [body for _, body in whole.log.entries()]
    bodies[5] = {**bodies[5], "time": "2020-01-01T00:00:00.000Z"}
    from store.integrity.entries import encode
    from store.integrity.note import Checkpoint
    from store.integrity.signing import LogKey, read_secret
    from store.integrity.tiles import Tiles

    shutil.rmtree(log)
    size, root = Tiles(log).extend(0, [encode(body) for body in bodies])
    origin = head.checkpoint.origin
    signers = LogKey.of(read_secret(whole.path), origin).signers
    (log / CHECKPOINT).write_text(Checkpoint(origin, size, root).signed(signers))
    assert check(whole).faults == []
    report = check(whole, checkpoints=[Path(kept)])
    assert ["are not those it was signed over" in fault.what for fault in report.faults] == [True]


def test_an_older_lake_put_back_is_found(whole: Lake, tmp_path: Path) -> None:
    """Everything is consistent, and shorter than what was seen."""
    old = shutil.copytree(whole.path, tmp_path / "old")
    take_in(whole, [record(40)], 30)
    kept = shutil.copy(whole.path / "log" / CHECKPOINT, tmp_path / "kept")
    report = check(Lake.open(old), checkpoints=[Path(kept)])
    assert ["its end was cut off, or it is a copy" in fault.what for fault in report.faults] == [True]


def test_a_checkpoint_of_another_log_is_not_compared(whole: Lake, tmp_path: Path) -> None:
    """Nor does a file that is none pass for one."""
    other = Lake.create(tmp_path / "other")
    report = check(whole, checkpoints=[other.path / "log" / CHECKPOINT])
    assert any("it is of another log" in fault.what for fault in report.faults)
    (tmp_path / "junk").write_text("junk")
    assert checks(check(whole, checkpoints=[tmp_path / "junk"])) == {"checkpoint"}


def test_a_key_that_was_changed_without_the_old_one_is_found(whole: Lake) -> None:
    """A key entry that the key before did not sign."""
    assert whole.log is not None
    whole.log.append(
        "key", {"keys": next(body["keys"] for _, body in whole.log.entries()), "signature": "AAAA"}
    )
    assert "key" in checks(check(whole))


# --- what is allowed to change ----------------------------------------------------------------------------------


def replace(lake: Lake, change: Callable[[pa.Table], pa.Table], operation: str, **note: object) -> None:
    """Rewrite all files of events as one, in a commit that says what it did, as maintenance does."""
    from deltalake import CommitProperties, DeltaTable

    path = lake.path / "events"
    rows = change(pa.concat_tables([pq.ParquetFile(file).read() for file in lake.snapshot("events").paths()]))
    old = [Path(file).relative_to(path).as_posix() for file in lake.snapshot("events").paths()]
    name = f"{Path(old[0]).parent}/part-{operation}.parquet"
    pq.write_table(rows, path / name, compression="zstd")
    digest = sha256((path / name).read_bytes()).hexdigest()
    version = lake.snapshot("events").version + 1
    actions = [
        {"commitInfo": {"timestamp": 1, "tooltrail": {"operation": operation, "sha256": {name: digest}, **note}}},
        *({"remove": {"path": p, "deletionTimestamp": 1, "dataChange": False}} for p in old),
        {"add": {"path": name, "partitionValues": {EVENTS.partition: Path(old[0]).parent.name.split("=")[1]},
                 "size": (path / name).stat().st_size, "modificationTime": 1, "dataChange": False,
                 "stats": json.dumps({"numRecords": rows.num_rows})}},
    ]  # fmt: skip
    delta.log_entry(path, version).write_text("\n".join(map(json.dumps, actions)))
    assert DeltaTable(str(path)).version() == version
    assert CommitProperties is not None
    assert lake.log is not None
    lake.log.follow()


@pytest.mark.parametrize("operation", ["compact", "erase", "OPTIMIZE", "append"])
def test_rows_of_another_table_that_vanish_are_found(whole: Lake, operation: str) -> None:
    """A question struck from the access log by whoever can write files, and logged by the next writer, is a fault."""
    said(whole, "why", "who")
    lose_one(whole, operation)
    take_in(whole, [record(60)], 60)
    [fault] = check(whole).faults
    assert fault.check == "commit"
    assert "triage" in fault.what


@pytest.mark.parametrize("operation", ["expire", "repair"])
def test_rows_of_another_table_that_were_taken_are_told(whole: Lake, operation: str) -> None:
    """What retention took cannot be told from what somebody struck by its name: the report says how much, and where."""
    said(whole, "why", "who")
    lose_one(whole, operation)
    report = check(whole)
    assert report.faults == []
    assert any(
        f"whether 1 rows of triage had to go: {operation} took them" in text for text in report.uncovered
    )
    assert report.covered["rows taken out of other tables"] == 1


def said(lake: Lake, *reasons: str) -> None:
    """Write down a judgement for each reason, in one file."""
    now = datetime.now(UTC)
    fixed = {
        "finding_id": "f",
        "state": "true",
        "judge": "dora",
        "triage_time": now,
        "triage_date": now.date(),
    }
    rows = [{**fixed, "reason": reason} for reason in reasons]
    lake.append("triage", pa.Table.from_pylist(rows, TABLES["triage"].schema))


def lose_one(lake: Lake, operation: str) -> None:
    """Put a file with one row fewer in the place of another."""
    table = TABLES["triage"]
    [file] = lake.snapshot("triage").files
    rows = plain(read_rows(lake.path / "triage", table, file)).slice(1)
    replace_files(lake, table, Change(operation, [file], written(lake, table, rows, [file])))


def test_compaction_changes_no_root(whole: Lake) -> None:
    """All rows in one file, in another order: every claim holds."""
    replace(whole, lambda rows: rows.take(list(reversed(range(rows.num_rows)))), "compact")
    assert check(whole).faults == []


def test_compaction_that_loses_a_row_is_found(whole: Lake) -> None:
    """However well its own commit is logged: the batch had one more."""
    replace(whole, lambda rows: rows.slice(1), "compact")
    assert any("1 of 10 rows are missing" in fault.what for fault in check(whole).faults)


def test_erasure_that_was_logged_is_no_fault(whole: Lake) -> None:
    """Values of a person are gone, and every proof holds."""
    replace(whole, lambda rows: leaves.erase(rows, "person", [True] * rows.num_rows), "erase")
    report = check(whole)
    assert report.faults == []
    assert report.covered["erased classes of rows"] == 30


def test_rows_that_were_lost_and_given_up_are_said_to_be(whole: Lake) -> None:
    """A repair is in the log: what it gave up is no fault any more, and never again proven."""
    half = pa.array([number % 2 == 0 for number in range(30)])
    replace(whole, lambda rows: rows.filter(half), "compact")
    assert "root" in checks(check(whole))
    replace(whole, lambda rows: rows, "repair")
    report = check(whole)
    assert report.faults == []
    assert report.covered["rows given up"] == 15
    assert any("5 of 10 rows of entry" in text for text in report.uncovered)


def test_a_commit_that_was_set_aside_is_said_to_be(whole: Lake) -> None:
    """It broke after it was logged; the table goes on from before it, and the next commit has its number."""
    assert whole.log is not None
    assert whole.log.undo("events", 4) is None
    delta.log_entry(whole.path / "events", 3).unlink()
    data(whole, 2)
    index = whole.log.undo("events", 3, {"reason": "torn"})
    take_in(Lake.open(whole.path), [record(n) for n in range(20, 30)], 20)
    told = [
        body["version"]
        for _, body in whole.log.entries()
        if body.get("table") == "events" and "version" in body
    ]
    assert told == [0, 1, 2, 3, 3]
    report = check(whole)
    assert report.faults == []
    assert report.covered["rows given up"] == 10
    assert any(f"which entry {index} gave up" in text for text in report.uncovered)


def test_a_note_that_is_too_long_does_not_stop_the_log(whole: Lake) -> None:
    """The entry has the digest of the commit, which has the note."""
    replace(whole, lambda rows: rows, "compact", origins=["x" * 60] * 3000, short=1)
    assert whole.log is not None
    *_, (_, entry) = whole.log.entries()
    assert entry["note"] == {"short": 1}
    assert check(whole).faults == []


def test_retention_leaves_the_hashes_of_what_it_took(whole: Lake) -> None:
    """Rows of a batch are gone, and the root over it can be computed still; without the hashes it could not."""
    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in whole.snapshot("events").paths()])
    gone = pa.array([number % 3 == 0 for number in range(rows.num_rows)])
    nodes = retired.nodes(rows.select(streams.COLUMNS), gone, {}, "r-1", "retention", datetime.now(UTC))
    whole.append("retired_leaves", nodes)
    assert check(whole).faults == []  # a removal that was broken off here counts for nothing
    replace(
        whole,
        lambda rows: rows.filter(pa.array([n % 3 != 0 for n in range(rows.num_rows)])),
        "expire",
        retired="r-1",
    )
    report = check(whole)
    assert report.faults == []
    assert report.covered["retired rows"] == 10


def test_a_stream_that_goes_back_is_found(whole: Lake) -> None:
    """Rows of a range that was taken in already would be there twice."""
    whole.append("events", rows_of({"event_id": "f" * 32}), [delta.Advance(CALLS.transaction, 29, 3)])
    assert any("went back from 29" in fault.what for fault in check(whole).faults)
