"""A file's records go in once, whatever happens to the file: it grows, is copied, packed, rotated or cut short."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import zstandard
from lakes import CALLS, ask, event_ids, letters, one, record

from ingest import files, unpack
from ingest.delivery import Batch
from ingest.files import FileReport, find_files, ingest_files, ingest_stream
from ingest.follow import Follower
from ingest.loop import Flushed, IngestOptions, Pipeline
from store.errors import UnreachableError, UsageError
from store.lake import Lake

LIMIT = 1 << 20
Count = tuple[int, int, int, int]


def quietly(flushed: Flushed) -> None:
    """Say nothing of a flush."""


def ingest(lake: Lake, *paths: Path, limit: int = LIMIT, **options: Any) -> tuple[Count, FileReport]:
    """Take files in as the command does; return in, rows, dead, replayed, and what failed."""
    pipeline = Pipeline(lake, IngestOptions(**options))
    report = ingest_files(lake, pipeline, list(paths), limit, quietly, Event())
    counts = pipeline.counts
    return (counts.records, counts.rows, counts.dead, counts.replayed), report


def counts(lake: Lake, *paths: Path, **options: Any) -> Count:
    """Take in files none of which may fail."""
    found, report = ingest(lake, *paths, **options)
    assert report.failed == []
    return found


def lines(first: int, last: int, **fields: object) -> bytes:
    """Return native records as lines."""
    return b"".join(record(n, **fields) + b"\n" for n in range(first, last))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a file of ten records."""
    path = tmp_path / "app.log"
    path.write_bytes(lines(0, 10))
    return path


# --- known again ------------------------------------------------------------------------------------------------


def test_a_file_goes_in_once(lake: Lake, log: Path) -> None:
    """The same file again adds nothing, not even work."""
    assert counts(lake, log) == (10, 10, 0, 0)
    version = lake.snapshot("events").version
    assert counts(lake, log) == (0, 0, 0, 0)
    assert counts(lake, log, log) == (0, 0, 0, 0)
    assert lake.snapshot("events").version == version


def test_a_grown_file_gives_what_is_new(lake: Lake, log: Path) -> None:
    """A file that grew is read from where it was left, and its rows have their place in the whole file."""
    counts(lake, log)
    with log.open("ab") as file:
        file.write(lines(10, 13))
    assert counts(lake, log) == (3, 3, 0, 0)
    content = log.read_bytes()
    for native, offset in ask(lake, "SELECT native_event_id, source_offset FROM events"):
        assert json.loads(content[offset : content.index(b"\n", offset)])["native_event_id"] == native


@pytest.mark.parametrize("known", [{}, {"native_event_id": None}])
def test_a_copy_adds_nothing(lake: Lake, tmp_path: Path, known: dict[str, Any]) -> None:
    """A file is known by what is in it: renamed, copied or packed it is the same file."""
    log, copy, packed = tmp_path / "a.log", tmp_path / "b.log", tmp_path / "c.log.gz"
    for path in (log, copy):
        path.write_bytes(lines(0, 5, **known))
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert counts(lake, log) == (5, 5, 0, 0)
    assert counts(lake, copy, packed) == (0, 0, 0, 0)
    log.rename(tmp_path / "d.log")
    assert counts(lake, tmp_path / "d.log") == (0, 0, 0, 0)


def test_a_shorter_copy_in_the_same_run_undoes_nothing(lake: Lake, log: Path, tmp_path: Path) -> None:
    """A copy made while the file was shorter does not push back what was read a moment before."""
    copy = tmp_path / "app.log.bak"
    copy.write_bytes(lines(0, 4))
    counts(lake, log, copy)
    assert (len(event_ids(lake)), len(set(event_ids(lake)))) == (10, 10)


def test_a_longer_copy_in_the_same_run_adds_only_its_end(lake: Lake, log: Path, tmp_path: Path) -> None:
    """Of a copy that grew on, what is new goes in."""
    copy = tmp_path / "app.log.2"
    copy.write_bytes(lines(0, 14))
    assert counts(lake, log, copy) == (14, 14, 0, 0)


def test_another_file_that_begins_alike_goes_in_whole(lake: Lake, tmp_path: Path) -> None:
    """Two programs that write the same first line are two files: nothing of the second is passed over."""
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_bytes(lines(0, 4))
    second.write_bytes(lines(0, 1) + lines(100, 106))
    assert counts(lake, first) == (4, 4, 0, 0)
    assert counts(lake, second) == (7, 6, 0, 1)  # the first line is the very same record, and known as one
    assert counts(lake, first, second) == (0, 0, 0, 0)
    assert one(lake, "SELECT count(DISTINCT source_topic) FROM events") == 2


def test_identical_lines_of_one_file_are_kept_apart(lake: Lake, tmp_path: Path) -> None:
    """Two equal calls in the same second are two calls: a source without ids is told apart by place."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(1, 2, native_event_id=None) * 3)
    assert counts(lake, path) == (3, 3, 0, 0)
    assert counts(lake, path) == (0, 0, 0, 0)
    assert len(set(event_ids(lake))) == 3


# --- packed -----------------------------------------------------------------------------------------------------


def zstd(content: bytes) -> bytes:
    """Return a zstd frame."""
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_packed_files_are_read(lake: Lake, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """What the first bytes say counts, not the name; several packed parts after one another are one file."""
    path = tmp_path / "app.log"
    path.write_bytes(pack(lines(0, 6)) + pack(lines(6, 10)))
    assert counts(lake, path) == (10, 10, 0, 0)
    assert counts(lake, path) == (0, 0, 0, 0)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
@pytest.mark.parametrize("harm", ["short", "tail short"])
def test_damage_is_told_and_what_stands_before_it_is_kept(
    lake: Lake, tmp_path: Path, pack: Callable[[bytes], bytes], harm: str
) -> None:
    """A packed file that breaks off is an error with its name; the records before go in, once."""
    path = tmp_path / "app.log.packed"
    whole = pack(lines(0, 4000)) + pack(lines(4000, 4100))
    path.write_bytes(whole[: len(pack(lines(0, 4000))) * 2 // 3] if harm == "short" else whole[:-9])
    (_, rows, dead, _), report = ingest(lake, path)
    [error] = report.failed
    assert error.where == str(path)
    assert "damaged" in error.message
    assert "what stood before the damage was taken in" in str(error.hint)
    assert (rows > (500 if harm == "short" else 3999), dead) == (True, 0)
    path.write_bytes(whole)
    ingest(lake, path)
    assert (len(event_ids(lake)), len(set(event_ids(lake)))) == (4100, 4100)


def test_rubbish_after_a_packed_file_is_told(lake: Lake, tmp_path: Path) -> None:
    """What follows the packed data and is none is damage."""
    path = tmp_path / "a"
    path.write_bytes(zstd(lines(0, 3)) + b"rubbish")
    found, report = ingest(lake, path)
    assert (found, len(report.failed)) == ((3, 3, 0, 0), 1)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_bomb_is_refused(
    lake: Lake, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    """A small file that expands without end is stopped early, and the other files go in."""
    monkeypatch.setattr(unpack, "RATIO_FLOOR", 1 << 20)
    bomb = tmp_path / "bomb"
    bomb.write_bytes(pack(bytes(8 << 20)))
    found, report = ingest(lake, bomb, log)
    assert [(e.where, "bomb" in e.message, "decompress it first" in str(e.hint)) for e in report.failed] == [
        (str(bomb), True, True)
    ]
    assert found[1] == 10


# --- documents --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_records_is_a_file_too(lake: Lake, tmp_path: Path, indent: int | None) -> None:
    """An export that is one JSON array gives a row for each element, at its byte and line."""
    path = tmp_path / "export.json"
    path.write_text(json.dumps([json.loads(record(n)) for n in range(3)] + ["no record"], indent=indent))
    assert counts(lake, path) == (4, 3, 1, 0)
    assert counts(lake, path) == (0, 0, 0, 0)
    content = path.read_bytes()
    offsets = [o for (o,) in ask(lake, "SELECT source_offset FROM events ORDER BY 1")]
    assert [content[o : o + 1] for o in offsets] == [b"{"] * 3
    [letter] = letters(lake)
    line = 1 + content.count(b"\n", 0, content.index(b'"no record"'))
    assert letter["place"] == f"{path}:{line}"


def test_pretty_printed_records_are_read_and_read_on(lake: Lake, tmp_path: Path) -> None:
    """Records over many lines, one after another, are records; what is appended later goes in as well."""
    path = tmp_path / "pretty.json"
    pretty = [json.dumps(json.loads(record(n)), indent=2) + "\n" for n in range(4)]
    path.write_text("".join(pretty[:2]))
    assert counts(lake, path) == (2, 2, 0, 0)
    path.write_text("".join(pretty))
    assert counts(lake, path) == (2, 2, 0, 0)
    assert counts(lake, path) == (0, 0, 0, 0)


def test_a_document_cut_short_is_told_and_read_when_it_is_whole(lake: Lake, tmp_path: Path) -> None:
    """Half a document gives no rows but an error; once it is whole it goes in."""
    path = tmp_path / "export.json"
    whole = json.dumps([json.loads(record(n)) for n in range(3)]).encode()
    path.write_bytes(whole[:-40])
    found, report = ingest(lake, path)
    assert (found, [e.where for e in report.failed]) == ((0, 0, 0, 0), [str(path)])
    path.write_bytes(whole)
    assert counts(lake, path) == (3, 3, 0, 0)


# --- lines ------------------------------------------------------------------------------------------------------


def test_line_ends_and_blank_lines(lake: Lake, tmp_path: Path) -> None:
    """Windows line ends, a byte order mark, blank lines and a missing last line end change no record."""
    path = tmp_path / "a.log"
    path.write_bytes(b"\xef\xbb\xbf" + record(0) + b"\r\n\r\n\n   \n" + record(1) + b"\n" + record(2))
    assert counts(lake, path) == (3, 3, 0, 0)
    plain = {r for (r,) in ask(lake, "SELECT raw_sha256 FROM events")}
    from hashlib import sha256

    assert plain == {sha256(record(n)).hexdigest() for n in range(3)}


def test_a_line_too_long_is_a_letter_and_the_next_is_read(lake: Lake, tmp_path: Path) -> None:
    """One line beyond the limit costs that line only; its letter says where, how long, and which setting."""
    path = tmp_path / "a.log"
    path.write_bytes(record(0) + b"\n" + b"x" * 5000 + b"\n" + record(1) + b"\n")
    assert counts(lake, path, limit=2000) == (3, 2, 1, 0)
    [letter] = letters(lake)
    assert (letter["place"], letter["phase"], letter["source_offset"]) == (
        f"{path}:2",
        "framing",
        len(record(0)) + 1,
    )
    assert "a line of 5000 bytes; at most 2000 are read (ingest.max_record_bytes)" in letter["error"]


def test_a_last_line_without_line_end_is_a_row_once(lake: Lake, tmp_path: Path) -> None:
    """A whole record at the end is taken, and not again when its line end arrives."""
    path = tmp_path / "a.log"
    path.write_bytes(record(0) + b"\n" + record(1))
    assert counts(lake, path) == (2, 2, 0, 0)
    with path.open("ab") as file:
        file.write(b"\n" + record(2) + b"\n")
    assert counts(lake, path) == (1, 1, 0, 0)
    assert len(set(event_ids(lake))) == 3


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_last_line_cut_short_is_a_letter_once_and_a_row_when_it_is_whole(
    lake: Lake, tmp_path: Path, before: int
) -> None:
    """Half a record is told once, however often it is met, and read again when the rest is there."""
    path = tmp_path / "a.log"
    whole = lines(0, before + 1)
    path.write_bytes(whole[:-30])
    assert counts(lake, path) == (before + 1, before, 1, 0)
    for _ in range(2):
        counts(lake, path)
    assert len(letters(lake)) == 1
    path.write_bytes(whole)
    assert counts(lake, path)[1] == 1
    assert len(event_ids(lake)) == before + 1
    assert len(letters(lake)) == 1


# --- finding ----------------------------------------------------------------------------------------------------


def test_names_globs_and_folders(tmp_path: Path) -> None:
    """Files are found by name, glob and folder, in order, each once; hidden ones stay hidden."""
    for name in ("b.log", "a.log", "deep/er/c.log", ".hidden", "a b[1].log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = find_files(
        [str(tmp_path / "b.log"), str(tmp_path), str(tmp_path / "*.log"), str(tmp_path / "a b[1].log")]
    )
    assert [str(p.relative_to(tmp_path)) for p in found] == ["b.log", "a b[1].log", "a.log", "deep/er/c.log"]
    assert [p.name for p in find_files([str(tmp_path / "**" / "c.log")])] == ["c.log"]


@pytest.mark.parametrize("pattern", ["missing.log", "*.nothing", "empty"])
def test_a_pattern_that_stands_for_nothing_is_an_error(tmp_path: Path, pattern: str) -> None:
    """A typing error must not look like an empty file."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no such file") as caught:
        find_files([str(tmp_path / pattern)])
    assert caught.value.where == str(tmp_path / pattern)


def test_a_file_that_cannot_be_opened_costs_only_itself(lake: Lake, log: Path, tmp_path: Path) -> None:
    """An unreadable file is reported with its name and why, and the others go in."""
    folder, dangling = tmp_path / "folder", tmp_path / "dangling"
    folder.mkdir()
    dangling.symlink_to(tmp_path / "nowhere")
    found, report = ingest(lake, folder, log, dangling)
    assert found == (10, 10, 0, 0)
    assert [(e.where, e.message) for e in report.failed] == [
        (str(folder), "cannot be read: Is a directory"), (str(dangling), "cannot be read: No such file or directory"),
    ]  # fmt: skip


def test_an_empty_file_is_no_error(lake: Lake, tmp_path: Path) -> None:
    """Nothing in, nothing out."""
    path = tmp_path / "empty.log"
    for content in (b"", b"\n\n", gzip.compress(b"")):
        path.write_bytes(content)
        assert counts(lake, path) == (0, 0, 0, 0)


def test_stopping_keeps_what_was_read(lake: Lake, log: Path) -> None:
    """A stop between files makes durable what is in hand and reads no further."""
    pipeline, stop = Pipeline(lake, IngestOptions()), Event()
    stop.set()
    report = ingest_files(lake, pipeline, [log], LIMIT, quietly, stop)
    assert (report.files, pipeline.counts.records) == (0, 0)


def test_standard_input_is_taken_to_its_end(lake: Lake) -> None:
    """Lines from a pipe go in, the last without line end too; twice the same is told by the records' ids."""
    for replayed in (0, 3):
        pipeline = Pipeline(lake, IngestOptions())
        ingest_stream(pipeline, io.BytesIO(lines(0, 2) + record(2)), LIMIT, quietly, Event())
        c = pipeline.counts
        assert (c.records, c.rows, c.replayed) == (3, 3 - replayed, replayed)


# --- following --------------------------------------------------------------------------------------------------


class Following:
    """A follower of a folder that is looked through step by step."""

    def __init__(self, lake: Lake, *patterns: str) -> None:
        self._lake = lake
        self._pipeline = Pipeline(lake, IngestOptions())
        self._follower = Follower(lake, self._pipeline, patterns, LIMIT)

    def rows(self) -> int:
        """Look once, make durable, and count the rows; each must be there once."""
        self._follower.step()
        self._pipeline.flush()
        ids = event_ids(self._lake)
        assert len(set(ids)) == len(ids)
        return len(ids)

    def stop(self) -> None:
        """End it as a signal does."""
        stop = Event()
        stop.set()
        self._follower.run(quietly, stop)


@pytest.fixture
def following(lake: Lake, tmp_path: Path) -> Any:
    """Return a follower of app.log*."""
    made = Following(lake, str(tmp_path / "app.log*"))
    yield made
    made.stop()


def append(path: Path, content: bytes) -> None:
    """Write to the end of a file, as a program does that logs."""
    with path.open("ab") as file:
        file.write(content)


def test_lines_are_taken_as_they_are_written(following: Following, tmp_path: Path) -> None:
    """A line counts when its line end is there, and not before."""
    log = tmp_path / "app.log"
    assert following.rows() == 0
    append(log, record(0)[:20])
    assert following.rows() == 0
    append(log, record(0)[20:] + b"\n")
    assert following.rows() == 1
    append(log, record(1) + b"\n" + record(2)[:7])
    assert following.rows() == 2
    append(log, record(2)[7:] + b"\n")
    assert following.rows() == 3


def test_rotation_loses_nothing(following: Following, tmp_path: Path) -> None:
    """A file renamed away is read to its end, under its new name it is known, and the new one is taken up."""
    log = tmp_path / "app.log"
    append(log, lines(0, 3))
    assert following.rows() == 3
    append(log, lines(3, 5))
    log.rename(tmp_path / "app.log.1")
    append(log, lines(5, 8))
    assert following.rows() == 8
    (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
    log.rename(tmp_path / "app.log.1")
    assert following.rows() == 8
    append(log, lines(8, 9))
    assert following.rows() == 9


def test_what_is_written_to_a_renamed_file_is_read(lake: Lake, tmp_path: Path) -> None:
    """A file that is renamed out of the pattern is read to its end, though others still match."""
    following = Following(lake, str(tmp_path / "*.log"), str(tmp_path / "*.never"))
    append(tmp_path / "a.log", lines(0, 2))
    append(tmp_path / "b.log", lines(10, 12))
    assert following.rows() == 4
    append(tmp_path / "a.log", lines(2, 4))
    (tmp_path / "a.log").rename(tmp_path / "a.old")
    assert following.rows() == 6
    append(tmp_path / "c.log", lines(20, 21))
    assert following.rows() == 7
    following.stop()


def test_a_file_cut_back_is_begun_again(following: Following, tmp_path: Path) -> None:
    """A log emptied in place, as copytruncate does, goes on with its new lines."""
    log = tmp_path / "app.log"
    append(log, lines(0, 6))
    assert following.rows() == 6
    os.truncate(log, 0)
    append(log, lines(6, 8))
    assert following.rows() == 8


def test_copies_and_packed_files_beside_a_log_add_nothing(following: Following, tmp_path: Path) -> None:
    """A copy of a followed file, also a shorter one, and its packed past do no harm."""
    log = tmp_path / "app.log"
    append(log, lines(0, 6))
    (tmp_path / "app.log.copy").write_bytes(lines(0, 3))
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(lines(0, 6)))
    assert following.rows() == 6
    append(log, lines(6, 7))
    assert following.rows() == 7


def test_a_follower_goes_on_where_the_last_one_stopped(lake: Lake, tmp_path: Path) -> None:
    """Nothing of what was written between two runs is missed or doubled."""
    log = tmp_path / "app.log"
    for first in (0, 4, 8):
        append(log, lines(first, first + 4))
        following = Following(lake, str(log))
        assert following.rows() == first + 4
        following.stop()
    assert letters(lake) == []


def test_a_file_shorter_than_it_was_is_another_file(lake: Lake, log: Path) -> None:
    """A file that lost its end is not trusted to be the one that was read."""
    counts(lake, log)
    log.write_bytes(lines(0, 4))
    assert counts(lake, log) == (4, 0, 0, 4)
    with pytest.raises(UnreachableError, match="No such file"):
        next(files.new_batches(lake, Pipeline(lake, IngestOptions()), log.with_name("gone"), LIMIT))


# --- objects with nothing between them --------------------------------------------------------------------------

REQUEST = b'{"time":"2026-10-05T09:00:0%dZ","userID":"3","method":"GET","path":"/a }{","responseCode":200}'


def test_objects_run_together_in_a_line_are_records_of_their_own(lake: Lake, tmp_path: Path) -> None:
    """Lines of one and of several objects mix: each stands at its own byte, and a cut harms only what it cut."""
    requests = [REQUEST % n for n in range(4)]
    path = tmp_path / "mixed.log"
    path.write_bytes(
        lines(0, 2)
        + b"".join(requests)
        + b"\n"
        + lines(2, 3)
        + record(3)
        + record(4)
        + requests[0][:-9]
        + b"\n"
    )
    assert counts(lake, path) == (10, 9, 1, 0)
    content = path.read_bytes()
    places = [content.index(raw) for raw in (*requests, record(3), record(4))]
    found = ask(lake, "SELECT source_offset FROM events WHERE source_offset >= ? ORDER BY 1", places[0])
    assert [at for (at,) in found] == sorted([*places, content.index(record(2))])
    [letter] = letters(lake)
    assert letter["place"] == f"{path}:5"
    assert "not JSON: Input data was truncated" in letter["error"]
    assert counts(lake, path) == (0, 0, 0, 0)


def test_objects_run_together_in_a_message_are_told_apart(lake: Lake) -> None:
    """Objects of one message are numbered, also beside other lines of it; read again, all are known."""
    raw = [REQUEST % 0 + REQUEST % 1 + b'{"cut', REQUEST % 2, REQUEST % 3 + REQUEST % 4 + b'{"too']
    both = Batch(CALLS, raw, [7, 7, 7], 8, [0, 1, 2])
    for _ in range(2):
        pipeline = Pipeline(Lake.open(lake.path), IngestOptions())
        pipeline.resume(CALLS)
        pipeline.add(both)
        pipeline.flush()
    assert ask(
        lake, "SELECT count(*), count(DISTINCT (event_id, sub_index)), max(source_offset) FROM events"
    ) == [(5, 5, 7)]
    assert len(letters(lake)) == 2
