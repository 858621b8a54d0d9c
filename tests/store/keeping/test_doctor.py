"""What power cuts, failing disks and people do to a lake is found, mended where it can be, and never hidden."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest
from lakes import ask, letters, one, record, rows_of, take_in

from ingest.delivery import Stream
from ingest.files import ingest_files
from ingest.loop import IngestOptions, Pipeline
from store import commit as delta
from store.commit import LOG, log_entry
from store.datafile import read_key_index
from store.errors import IntegrityError, UnreachableError
from store.integrity.verify import Options, verify
from store.keeping import doctor
from store.keeping.compacting import compact
from store.keeping.doctor import examine, repair
from store.keeping.faults import QUARANTINE, Fault
from store.keeping.vacuuming import Ages
from store.lake import Lake
from store.snapshot import index_path


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Return a lake of four commits of five records."""
    for part in range(4):
        take_in(lake, [record(part * 5 + n) for n in range(5)], first=part * 5)
    return lake


def kinds(faults: list[Fault]) -> list[str]:
    """Return the kinds of faults, each as often as it was found."""
    return sorted(fault.kind for fault in faults)


def again(lake: Lake, upto: int = 20) -> Lake:
    """Let a source that still has its records read on from where the table says."""
    lake = Lake.open(lake.path)
    pipeline = Pipeline(lake, IngestOptions())
    stream = Stream("calls", 0, "calls[0]")
    first = pipeline.resume(stream) or 0
    from lakes import batch

    pipeline.add(batch([record(n) for n in range(first, upto)], first))
    pipeline.flush()
    return Lake.open(lake.path)


def numbers(lake: Lake) -> list[str]:
    """Return the native ids of all events in order."""
    return [i for (i,) in ask(lake, "SELECT native_event_id FROM events ORDER BY source_offset")]


WHOLE = [f"n-{n}" for n in range(20)]


def test_a_sound_lake_has_no_faults(filled: Lake) -> None:
    """Nothing is found where nothing is wrong, also after compaction and a checkpoint."""
    compact(filled)
    delta._checkpoint(filled.path / "events", filled.snapshot("events").version)
    assert examine(filled.path) == []
    assert repair(filled.path) == ([], [])


@pytest.mark.parametrize("left", [0, 200])
def test_a_torn_newest_commit_is_set_aside_and_read_again(filled: Lake, left: int) -> None:
    """Zero bytes or half of it: the table opens again one commit earlier, and the source brings the rows once more."""
    entry = log_entry(filled.path / "events", 4)
    entry.write_bytes(entry.read_bytes()[:left])
    [fault] = examine(filled.path)
    assert (fault.kind, fault.mends, fault.path) == ("torn_commit", True, entry)
    assert entry.exists(), "looking changes nothing"
    done, left_over = repair(filled.path)
    assert (kinds(left_over), [d.reason for d in done]) == ([], ["torn_commit"])
    assert len(list((filled.path / QUARANTINE).rglob("*.json"))) == 1
    assert numbers(Lake.open(filled.path)) == WHOLE[:15]
    assert numbers(again(filled)) == WHOLE
    report = verify(Lake.open(filled.path), Options())
    assert report.faults == []
    assert any("gave up" in text for text in report.uncovered)


def test_a_half_checkpoint_is_set_aside_with_its_pointer(filled: Lake) -> None:
    """The log's entries say what the checkpoint said: nothing is lost, though the Delta library could not open it."""
    root = filled.path / "events"
    delta._checkpoint(root, 4)
    [file] = (root / LOG).glob("*.checkpoint.parquet")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert kinds(examine(filled.path)) == ["damaged_checkpoint", "damaged_hint"]
    _, left = repair(filled.path)
    assert left == []
    assert numbers(Lake.open(filled.path)) == WHOLE


@pytest.mark.parametrize("content", [b"", b"{", b'{"version":77}'])
def test_a_pointer_that_leads_nowhere_is_set_aside(filled: Lake, content: bytes) -> None:
    """An empty or wrong _last_checkpoint costs a minute and no data."""
    hint = filled.path / "events" / LOG / "_last_checkpoint"
    hint.write_bytes(content)
    assert kinds(examine(filled.path)) == ["damaged_hint"]
    assert repair(filled.path)[1] == []
    assert numbers(Lake.open(filled.path)) == WHOLE


def test_a_missing_middle_commit_is_named_and_left(filled: Lake) -> None:
    """What came after it is good data: it is given up only when told to, and then read again."""
    log_entry(filled.path / "events", 2).unlink()
    [fault] = examine(filled.path)
    assert (fault.kind, fault.mends) == ("missing_commit", False)
    assert "nothing after it can be read" in fault.meaning
    assert kinds(repair(filled.path)[1]) == ["missing_commit"]
    done, left = repair(filled.path, step_back_over=True)
    assert (left, len(done)) == ([], 1)
    assert numbers(Lake.open(filled.path)) == WHOLE[:5]
    assert numbers(again(filled)) == WHOLE


def lose(path: Path, how: str) -> None:
    """Do to a file what a disk may do."""
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    else:
        content[len(content) // 3] ^= 4
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["gone", pytest.param("empty", marks=pytest.mark.slow), "flipped"])
def test_a_lost_file_is_read_again_from_its_source(filled: Lake, how: str) -> None:
    """Its rows come once more, those of other files are known and dropped: every event is there exactly once."""
    victim = Path(filled.snapshot("events").paths()[1])
    expected = set(WHOLE)
    lose(victim, how)
    [fault] = examine(filled.path)
    assert fault.kind == ("missing_file" if how == "gone" else "damaged_file")
    [done] = repair(filled.path)[0]
    assert (done.rows_before, "calls-0 will be read again" in (done.detail or "")) == (5, True)
    assert one(Lake.open(filled.path), "SELECT count(*) FROM events") == 15
    mended = again(filled)
    assert set(numbers(mended)) == expected
    assert one(mended, "SELECT count(*) FROM events") == 20
    assert examine(filled.path) == []
    assert ask(mended, "SELECT operation, reason FROM upkeep") == [("repair", fault.kind)]
    assert numbers(again(filled, 25))[-1] == "n-24"


def test_a_lost_compacted_file_is_read_again_whole(filled: Lake) -> None:
    """The commits that first brought the rows say where to begin, however often they were put together since."""
    compact(filled)
    lose(Path(filled.snapshot("events").paths()[0]), "gone")
    repair(filled.path)
    assert numbers(again(filled)) == WHOLE


def test_a_file_is_read_again_from_its_beginning(lake: Lake, tmp_path: Path) -> None:
    """A log file is known by what stands in it: it is read whole again, and nothing of it is doubled."""
    log = tmp_path / "gateway.log"

    def read() -> None:
        pipeline = Pipeline(Lake.open(lake.path), IngestOptions(format="native"))
        ingest_files(Lake.open(lake.path), pipeline, [log], 1 << 20, lambda _f: None, Event())

    for part in range(3):
        with log.open("ab") as out:
            out.write(b"".join(record(part * 5 + n) + b"\n" for n in range(5)))
        read()
    lose(Path(lake.snapshot("events").paths()[1]), "gone")
    repair(lake.path)
    assert one(Lake.open(lake.path), "SELECT count(*) FROM events") == 10
    read()
    assert numbers(Lake.open(lake.path)) == WHOLE[:15]
    read()
    assert one(Lake.open(lake.path), "SELECT count(*) FROM events") == 15


def test_lost_dead_letters_come_again_too(lake: Lake) -> None:
    """Their records are read again with the others, and the rows that came with them are not doubled."""
    for part in range(3):
        take_in(lake, [record(part * 2), f"broken {part}".encode()], first=part * 2)
    lose(Path(lake.snapshot("dead_letters").paths()[1]), "empty")
    repair(lake.path)
    opened = Lake.open(lake.path)
    assert len(letters(opened)) == 2
    pipeline = Pipeline(opened, IngestOptions())
    stream = Stream("calls", 0, "calls[0]")
    first = pipeline.resume(stream) or 0
    from lakes import batch

    content = [x for part in range(3) for x in (record(part * 2), f"broken {part}".encode())]
    pipeline.add(batch(content[first:], first))
    pipeline.flush()
    after = Lake.open(lake.path)
    assert [bytes(letter["raw"]) for letter in letters(after)] == [b"broken 0", b"broken 1", b"broken 2"]
    assert one(after, "SELECT count(*) FROM events") == 3


def test_what_cannot_be_read_again_becomes_a_gap(lake: Lake) -> None:
    """A pipe or a receiver has no second telling: the loss is on record as a gap, with its positions."""
    stream = Stream("stdin:77", 0, "<stdin>")
    take_in(lake, [record(1)], 0, stream)
    take_in(lake, [record(2)], 1, stream)
    [second] = delta.note_of(lake.path / "events", 2)["sha256"]
    lose(lake.path / "events" / second, "gone")
    repair(lake.path)
    assert ask(lake, "SELECT source_topic, first_offset, last_offset, cause FROM gaps") == [
        ("stdin:77", 1, 1, "a data file was lost")
    ]
    assert lake.position("events", "stdin:77-0")[0] == 1


def test_what_a_job_made_is_made_again(lake: Lake) -> None:
    """A lost file of a job's table steps the job back: its next run begins at the beginning."""
    from analytics.stitching.job import POSITION, update

    take_in(lake, [record(n) for n in range(5)])
    update(lake)
    before = ask(lake, "SELECT session, events FROM sessions")
    lose(Path(lake.snapshot("session_links").paths()[0]), "gone")
    repair(lake.path)
    opened = Lake.open(lake.path)
    assert opened.position("session_states", POSITION)[0] == 0
    update(opened)
    assert ask(opened, "SELECT session, events FROM sessions") == before


def test_no_job_stands_on_what_was_set_aside(filled: Lake) -> None:
    """A job that had seen the torn commit goes back: it must see what is committed in its place."""
    from analytics.stitching.job import POSITION, update

    update(filled)
    log_entry(filled.path / "events", 4).write_bytes(b"")
    repair(filled.path)
    assert Lake.open(filled.path).position("session_states", POSITION)[0] == 3
    mended = again(filled)
    assert mended.snapshot("events").version == 4
    update(mended)
    assert mended.position("session_states", POSITION)[0] == 4


def test_a_key_index_is_made_again(filled: Lake) -> None:
    """Gone or damaged, it is made from its file, under the lake's key where the column is personal."""
    [file, *_] = filled.snapshot("events").files
    gone, damaged = (index_path(filled.path / "events", file.path, c) for c in ("session_key", "user_id"))
    before = gone.read_bytes(), damaged.read_bytes()
    gone.unlink()
    damaged.write_bytes(b"xxxxxxxx")
    found = examine(filled.path)
    assert (kinds(found), [f.grave for f in found]) == (["missing_index", "missing_index"], [False, False])
    assert repair(filled.path)[1] == []
    assert (gone.read_bytes(), damaged.read_bytes()) == before
    assert len(read_key_index(gone.read_bytes())) == 1


def test_a_template_is_made_again(filled: Lake) -> None:
    """Without the file that stands for no rows, no question on an empty table could be planned."""
    template = Path(filled.template("gaps"))
    template.unlink()
    assert kinds(examine(filled.path)) == ["missing_template"]
    assert repair(filled.path)[1] == []
    assert one(Lake.open(filled.path), "SELECT count(*) FROM gaps") == 0


def test_orphans_and_temporary_files_are_swept(filled: Lake) -> None:
    """What interrupted writes left is told, does not make the lake faulty, and goes once it is old enough."""
    folder = Path(filled.snapshot("events").paths()[0]).parent
    (folder / "part-orphan.parquet").write_bytes(b"x")
    (folder / ".part-x.parquet.1234.tmp").write_bytes(b"x")
    (filled.path / "events" / LOG / "00000000000000000009.json#1").write_bytes(b"x")
    assert examine(filled.path) == []
    found = examine(filled.path, Ages(orphans=-1.0))
    assert (kinds(found), {f.grave for f in found}) == (["unneeded"] * 3, {False})
    assert repair(filled.path, Ages(orphans=-1.0))[1] == []
    assert not (folder / "part-orphan.parquet").exists()


def test_a_table_whose_log_is_gone_is_not_made_anew(filled: Lake) -> None:
    """An empty table in the place of a lost one would hide the loss."""
    import shutil

    shutil.rmtree(filled.path / "events" / LOG)
    assert kinds(examine(filled.path)) == ["no_log"]
    assert kinds(repair(filled.path)[1]) == ["no_log"]
    with pytest.raises(UnreachableError, match="data files and no log"):
        Lake.open(filled.path)


def test_all_faults_are_told_and_not_the_first(filled: Lake) -> None:
    """Faults of different tables and kinds do not hide each other."""
    filled.append("gaps", _gap(filled))
    lose(Path(filled.snapshot("gaps").paths()[0]), "empty")
    log_entry(filled.path / "events", 4).write_bytes(b"")
    Path(filled.template("triage")).unlink()
    assert kinds(examine(filled.path)) == ["damaged_file", "missing_template", "torn_commit"]


def _gap(lake: Lake) -> object:
    import pyarrow as pa

    from store.tables.letters import GAPS

    now = one(lake, "SELECT max(ingest_time) FROM events")
    row = {"detected_time": now, "gap_date": now.date(), "source_topic": "t", "source_partition": 0,
           "first_offset": 1, "last_offset": 2, "cause": "expired before it was read"}  # fmt: skip
    return pa.Table.from_pylist([row], GAPS.schema)


def test_what_people_said_cannot_be_made_again(filled: Lake) -> None:
    """A lost file of such a table is given up, and fault and record say that only a backup has it."""
    filled.append("gaps", _gap(filled))
    lose(Path(filled.snapshot("gaps").paths()[0]), "gone")
    [fault] = doctor.examine(filled.path)
    assert "restore the lake from a backup first" in fault.remedy
    [done] = repair(filled.path)[0]
    assert doctor.RESTORE in (done.detail or "")


def test_compaction_leaves_the_damage_for_the_doctor(filled: Lake) -> None:
    """Compaction refuses, the doctor mends, and compaction goes on."""
    lose(Path(filled.snapshot("events").paths()[0]), "flipped")
    with pytest.raises(IntegrityError, match="not what was committed"):
        compact(filled)
    repair(filled.path)
    mended = again(filled)
    compact(mended)
    assert numbers(mended) == WHOLE


def test_the_log_tells_of_a_repair(filled: Lake) -> None:
    """What was given up is in the table's own log, with how many rows it was."""
    lose(Path(filled.snapshot("events").paths()[0]), "gone")
    repair(filled.path)
    note = delta.note_of(filled.path / "events", 5)
    assert (note["operation"], note["lost"]) == ("repair", 5)
    assert json.loads(log_entry(filled.path / "events", 5).read_text().splitlines()[0])["commitInfo"]


def test_rows_without_a_stream_are_said_to_be_lost(lake: Lake) -> None:
    """Rows that no stream brought have nowhere to come from."""
    lake.append("events", rows_of({}))
    lose(Path(lake.snapshot("events").paths()[0]), "gone")
    [done] = repair(lake.path)[0]
    assert "no stream will be read again" in (done.detail or "")
