"""Compaction changes files and not rows, beside whatever else is at work on the lake."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest
from lakes import ask, event_ids, one, record, rows_of, take_in

from store import datafile, publishing
from store.commit import log_entry, note_of
from store.errors import IntegrityError, TooltrailError
from store.integrity.verify import Options, verify
from store.keeping import compacting, rows
from store.keeping.compacting import Target, compact, plan
from store.lake import Lake
from store.locks import alone
from store.snapshot import index_path
from store.tables.events import EVENTS


@pytest.fixture
def scattered(lake: Lake) -> Lake:
    """Return a lake of five small files."""
    for part in range(5):
        take_in(lake, [record(part * 20 + n, user_id=f"u{n % 3}") for n in range(20)], first=part * 20)
    return lake


def files(lake: Lake) -> list[Path]:
    """Return the data files of the newest version."""
    return [Path(path) for path in lake.snapshot("events").paths()]


def test_small_files_become_one_with_the_same_rows(scattered: Lake) -> None:
    """Rows, position, sort order, statistics, digest and key index are those of ingest; the old files stay."""
    before = ask(scattered, "FROM events ORDER BY event_id")
    old = files(scattered)
    [done] = compact(scattered, ["events"])
    assert (done.rows_before, done.rows_after, done.files_before, done.files_after) == (100, 100, 5, 1)
    assert ask(scattered, "FROM events ORDER BY event_id") == before
    assert scattered.position("events", "calls-0") == (99, None)
    [new] = files(scattered)
    users = pl.read_parquet(new, columns=["user_id"])["user_id"].to_list()
    assert users == sorted(users)
    [stored] = scattered.snapshot("events").files
    assert (stored.rows, stored.least is not None) == (100, True)
    note = note_of(scattered.path / "events", done.version or 0)
    assert note["sha256"].keys() == {stored.path}
    assert all(index_path(scattered.path / "events", stored.path, c).exists() for c in EVENTS.indexed)
    assert all(path.exists() for path in old)
    assert verify(scattered, Options()).faults == []


def test_what_was_compacted_is_recorded(scattered: Lake) -> None:
    """The table upkeep says what was done, to what, and which version it made."""
    [done] = compact(scattered)
    assert ask(scattered, "SELECT operation, table_name, version, files_before, files_after FROM upkeep") == [
        ("compact", "events", done.version, 5, 1)
    ]


def test_nothing_to_do_is_nothing_done(scattered: Lake) -> None:
    """A second compaction makes no commit: a cron job may run as often as it likes."""
    compact(scattered)
    version = scattered.snapshot("events").version
    assert compact(scattered) == []
    assert scattered.snapshot("events").version == version


def test_files_of_different_days_are_not_joined(lake: Lake) -> None:
    """A partition is a day: retention drops days whole."""
    for seconds in (0, 1, 86_400, 86_401):
        take_in(lake, [record(seconds)], first=seconds)
    groups = list(plan(lake.snapshot("events"), Target()))
    assert [len(group.files) for group in groups] == [2, 2]
    assert groups[0].day < groups[1].day


def test_groups_stay_under_the_target(scattered: Lake) -> None:
    """Rows bound the memory that rewriting takes; large files are left as they are."""
    groups = list(plan(scattered.snapshot("events"), Target(rows=45)))
    assert [group.rows for group in groups] == [40, 40]
    assert list(plan(scattered.snapshot("events"), Target(rows=30))) == []


def test_job_tables_are_compacted_too(lake: Lake) -> None:
    """Every table has small files: a compaction of all of them leaves one a day."""
    for n in range(3):
        take_in(lake, [b"not json"], first=n)
    compact(lake)
    assert len(lake.snapshot("dead_letters").files) == 1
    assert one(lake, "SELECT count(*) FROM dead_letters") == 3


def test_rows_that_would_change_are_refused(scattered: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is committed when the new file does not hold the very rows of the old ones, and it is said which."""
    real = compacting.joined
    monkeypatch.setattr(compacting, "joined", lambda parts: real(parts).slice(1))
    version = scattered.snapshot("events").version
    with pytest.raises(IntegrityError, match=r"100 rows became 99; 1 are not there as they were \(event_id"):
        compact(scattered, ["events"])
    assert Lake.open(scattered.path).snapshot("events").version == version


def test_a_changed_value_is_refused(scattered: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is over values and not over counts."""
    real = compacting.joined

    def altered(parts: list) -> object:
        frame = pl.from_arrow(real(parts)).with_columns(duration_ms=pl.lit(1.0))
        return frame.to_arrow().cast(EVENTS.schema.remove(EVENTS.schema.get_field_index("event_date")).append(
            EVENTS.schema.field("event_date")))  # fmt: skip

    monkeypatch.setattr(compacting, "joined", altered)
    with pytest.raises(IntegrityError, match="100 rows became 100; 100 are not there as they were"):
        compact(scattered, ["events"])


def test_a_damaged_file_is_not_made_sound(scattered: Lake) -> None:
    """A flipped bit must not get a new digest: the file is named and left to the doctor."""
    victim = files(scattered)[0]
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(IntegrityError, match="not what was committed") as caught:
        compact(scattered, ["events"])
    assert caught.value.where == str(victim)


def test_two_compactions_are_not_at_work_at_once(scattered: Lake) -> None:
    """There is one lock, and the error says what holds it."""
    with alone(scattered, "keeping"), pytest.raises(TooltrailError, match="another run of the keeping job"):
        compact(scattered)


def test_a_commit_that_comes_first_is_gone_behind(scattered: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append that takes our version is no conflict: both are there, in order."""
    real = publishing._link
    late: list[int] = []

    def link(draft: Path, entry: Path) -> bool:
        if not late:
            late.append(1)
            take_in(Lake.open(scattered.path), [record(500)], first=500)
        return real(draft, entry)

    monkeypatch.setattr(publishing, "_link", link)
    [done] = compact(scattered, ["events"])
    assert done.version == 7
    assert (one(scattered, "SELECT count(*) FROM events"), len(files(scattered))) == (101, 2)


def test_jobs_see_only_what_is_new(scattered: Lake) -> None:
    """A file that holds older rows anew is no news to a job that goes on from a version; new rows in it are."""
    version = scattered.snapshot("events").version
    compact(scattered)
    assert scattered.scan("events", ("event_id",), since=version).collect().height == 0
    take_in(scattered, [record(900)], first=900)
    assert scattered.scan("events", ("event_id",), since=version).collect().height == 1
    compact(scattered)
    assert scattered.scan("events", ("event_id",), since=version).collect().height == 101


def test_the_same_answer_at_an_older_version(scattered: Lake) -> None:
    """An answer that named a version can be asked again while the old files are there."""
    before = scattered.snapshot("events").version
    compact(scattered)
    assert scattered.sql("SELECT count(*) FROM events", as_of=before).arrow()[0].to_pylist() == [100]


def test_others_read_the_compacted_table(scattered: Lake) -> None:
    """Polars' own Delta reader sees the same rows, before and after the next checkpoint."""
    compact(scattered)
    assert pl.read_delta(str(scattered.path / "events")).height == 100
    log = [json.loads(x) for x in log_entry(scattered.path / "events", 6).read_text().splitlines()]
    assert [a["remove"]["dataChange"] for a in log if "remove" in a] == [False] * 5


def test_denials_of_a_large_file_come_first(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file grown large by compaction is laid out as one that ingest wrote large."""
    monkeypatch.setattr(datafile, "SET_APART_FROM", 10)
    for part in range(2):
        lake.append("events", rows_of(*[
            {"event_id": f"{part * 8 + n:032x}", "event_class": ("denial", "tool_call")[n % 2]} for n in range(8)
        ]))  # fmt: skip
    compact(lake)
    classes = pl.read_parquet(files(lake)[0], columns=["event_class"])["event_class"].to_list()
    assert classes == ["denial"] * 8 + ["tool_call"] * 8


WRITER = """
import sys
from lakes import record, take_in
from store.lake import Lake
lake = Lake.open(sys.argv[1])
for part in range(40):
    take_in(lake, [record(part * 5 + n) for n in range(5)], first=part * 5)
"""


@pytest.mark.slow
def test_ingest_goes_on_beside_compaction(lake: Lake) -> None:
    """While another process commits, compaction after compaction loses and doubles nothing."""
    tests = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", WRITER, str(lake.path)], cwd=tests.parent,
                          env={"PYTHONPATH": f"{tests}:{tests.parent}", "PATH": "/usr/bin"}) as writer:  # fmt: skip
        merged = 0
        while writer.poll() is None:
            merged += len(compact(Lake.open(lake.path), ["events"]))
    assert writer.returncode == 0
    compact(lake, ["events"])
    ids = event_ids(Lake.open(lake.path))
    assert (len(ids), len(set(ids)), merged > 0) == (200, 200, True)
    assert lake.position("events", "calls-0")[0] == 199


def test_a_question_that_began_before_ends_after(scattered: Lake) -> None:
    """Compaction leaves the files of running questions where they are."""
    answer = scattered.sql("SELECT event_id FROM events")
    worker = threading.Thread(target=compact, args=(Lake.open(scattered.path),))
    worker.start()
    worker.join()
    assert answer.arrow().num_rows == 100


def test_the_digest_knows_rows_and_not_their_order(scattered: Lake) -> None:
    """Equal rows in any order and any files have one digest."""
    some = files(scattered)
    assert rows.digest_of(scattered, EVENTS, some) == rows.digest_of(scattered, EVENTS, some[::-1])
    assert rows.digest_of(scattered, EVENTS, some) != rows.digest_of(scattered, EVENTS, some[1:])
