"""Files as a source: plain, gzip or zstd, taken in once, again when grown, or followed as they are written.

A file is known by its first line, not by its name, so that it stays itself when it is renamed, rotated or copied.
Its progress is a transaction of the events table, sealed with a hash of the bytes before it: a different file that
begins alike is told apart and taken in whole.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import BinaryIO, cast

import zstandard

from ingest.delivery import Batch, Stream
from ingest.framing import BLOCK, LineCutter, Lines, cut_document, is_document
from ingest.loop import Flushed, Pipeline
from store.errors import TooltrailError, UnreachableError, UsageError
from store.lake import Lake

HEAD = 4096
TAIL = 4096
MAX_DOCUMENT = 64 << 20
MAX_RATIO = 250
"""A log compresses ten- to fiftyfold. Beyond this, and past the floor below, the file is a bomb."""
RATIO_FLOOR = 64 << 20
POLL_SECONDS = 0.25
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_STEP = 1 << 10
"""Compressed bytes taken at a time: not even a bomb makes more than 32 MiB of so few."""


@dataclass
class FileReport:
    """What went wrong with files; everything else went in."""

    files: int = 0
    failed: list[TooltrailError] = field(default_factory=list)


OnFlush = Callable[[Flushed], None]


def find_files(patterns: Sequence[str]) -> list[Path]:
    """Return the files that names, globs and folders stand for, in order, each once. UsageError if one has none."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            matches = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        elif path.exists():
            matches = [path]
        else:
            matches = _matching(pattern)
        if not matches:
            raise UsageError("no such file", where=pattern, hint="give files, folders, or a glob in quotes")
        found.update(dict.fromkeys(matches))
    return list(found)


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    below = path.relative_to(path.anchor) if path.anchor else path
    return sorted(p for p in Path(path.anchor or ".").glob(str(below)) if p.is_file())


def ingest_files(
    lake: Lake, pipeline: Pipeline, paths: Iterable[Path], max_record: int, on_flush: OnFlush, stop: Event
) -> FileReport:
    """Take in what is new of each file and make it durable. A file that fails is reported; the rest go on."""
    report = FileReport()
    for path in paths:
        if stop.is_set():
            break
        report.files += 1
        try:
            for batch in new_batches(lake, pipeline, path, max_record):
                pipeline.add(batch)
                if pipeline.should_flush():
                    on_flush(pipeline.flush())
                if stop.is_set():
                    break
        except UnreachableError as error:
            report.failed.append(error)
    on_flush(pipeline.flush())
    return report


def new_batches(lake: Lake, pipeline: Pipeline, path: Path, max_record: int) -> Iterator[Batch]:
    """Yield what a file holds beyond its transaction."""
    with open_file(path) as file:
        head = file.read(HEAD)
        if not head:
            return
        stream, begin = _resume(lake, pipeline, path, head)
        reader = _Reader(file, head)
        reader.skip(begin, path)
        if is_document(head):
            if (batch := _document(stream, reader, begin, path)) is not None:
                yield batch
            return
        cutter = LineCutter(begin, 1 + reader.lines, max_record)
        while block := reader.read(BLOCK):
            yield _batch(stream, cutter.feed(block), reader.seal_at(cutter.position))
        if cutter.pending:
            yield _last_line(stream, cutter, reader)


def _resume(lake: Lake, pipeline: Pipeline, path: Path, head: bytes) -> tuple[Stream, int]:
    """Return the stream a file is and where to go on. A copy, perhaps a shorter one, must not undo what is buffered."""
    stream, begin = recognise(lake, path, head)
    if pipeline.holds(stream):
        pipeline.flush()
        stream, begin = recognise(lake, path, head)
    pipeline.resume(stream)
    return stream, begin


def _last_line(stream: Stream, cutter: LineCutter, reader: _Reader) -> Batch:
    """Return the line no line end follows. One that is cut short is not passed: it is read again when it has grown."""
    before, seal = cutter.position, reader.seal_at(cutter.position)
    unfinished = cutter.pending[:1] == b"{" and not _is_json(cutter.pending)
    lines = cutter.finish()
    if unfinished:
        lines.next = before
        return _batch(stream, lines, seal)
    return _batch(stream, lines, reader.seal_at(cutter.position))


def _is_json(text: bytes) -> bool:
    try:
        next(cut_document(text))
    except ValueError:
        return False
    return True


def _document(stream: Stream, reader: _Reader, begin: int, path: Path) -> Batch | None:
    """Return the records of what a document holds beyond a position, None when there is nothing more."""
    content, skipped = b"", reader.lines
    while block := reader.read(BLOCK):
        content += block
        if len(content) > MAX_DOCUMENT:
            raise UnreachableError(
                f"one JSON document of more than {MAX_DOCUMENT >> 20} MiB", where=str(path),
                hint="write one record a line: jq -c '.[]' FILE",
            )  # fmt: skip
    if begin and not content.strip():
        return None
    try:
        pieces = list(cut_document(content))
    except ValueError as error:
        raise UnreachableError(
            f"begins as one JSON document but is not: {error}",
            where=str(path),
            hint="write one record a line",
        ) from error
    lines, line, before = [], 1 + skipped, 0
    for at, _ in pieces:
        line += content.count(b"\n", before, at)
        lines.append(line)
        before = at
    end = begin + len(content)
    return Batch(
        stream,
        [raw for _, raw in pieces],
        [begin + at for at, _ in pieces],
        end,
        lines=lines,
        seal=reader.seal_at(end),
    )


def _batch(stream: Stream, lines: Lines, seal: int) -> Batch:
    return Batch(
        stream,
        lines.records,
        lines.positions,
        lines.next,
        lines=lines.numbers,
        unreadable=lines.unreadable,
        seal=seal,
    )


# --- knowing a file again ---------------------------------------------------------------------------------------


def recognise(lake: Lake, path: Path, head: bytes) -> tuple[Stream, int]:
    """Return the stream a file is, and the position from which it is new."""
    identity = sha256(head.split(b"\n", 1)[0]).hexdigest()[:24]
    generation = 0
    while True:
        topic = f"file:{identity}" + (f"~{generation}" if generation else "")
        stream = Stream(topic, 0, str(path))
        last, seal = lake.position("events", stream.transaction)
        if last is None:
            return stream, 0
        if _seal_of_file(path, last + 1) == seal:
            return stream, last + 1
        generation += 1


def _seal_of_file(path: Path, position: int) -> int | None:
    """Return the seal of the bytes before a position, None if the file is shorter."""
    with open_file(path) as file:
        reader = _Reader(file, b"")
        try:
            reader.skip(position, path)
        except UnreachableError:
            return None
        return reader.seal_at(position)


def seal_of(tail: bytes) -> int:
    """Return 63 bits of SHA-256 of the last bytes before a position."""
    return int.from_bytes(sha256(tail[-TAIL:]).digest()[:8], "big") >> 1


class _Reader:
    """Reads on from a head, remembers the last bytes it gave, and counts what it skipped."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._head = head
        self._tail = b""
        self._position = 0
        self.lines = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, b"" at the end."""
        block, self._head = (
            (self._head[:size], self._head[size:]) if self._head else (self._file.read(size), b"")
        )
        self._tail = (
            (self._tail + block)[-(TAIL + BLOCK) :] if len(block) < BLOCK else self._tail[-TAIL:] + block
        )
        self._position += len(block)
        return block

    def skip(self, position: int, path: Path) -> None:
        """Read up to a position; UnreachableError when the file is shorter."""
        while self._position < position:
            block = self.read(min(BLOCK, position - self._position))
            if not block:
                raise UnreachableError(f"is shorter than {position} bytes", where=str(path))
            self.lines += block.count(b"\n")

    def seal_at(self, position: int) -> int:
        """Return the seal of a position not far behind what was read."""
        back = self._position - position
        end = len(self._tail) - back
        return seal_of(self._tail[max(0, end - TAIL) : end])


# --- opening ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed by what its first bytes say; errors name the file and what to do."""
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
            raw.seek(0)
            yield cast("BinaryIO", decompressed(raw, magic, path))
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise UnreachableError(
            f"the compressed data is damaged: {error}",
            where=str(path),
            hint="what stood before the damage was taken in",
        ) from error
    except OSError as error:
        raise UnreachableError(
            f"cannot be read: {error.strerror or error}", where=str(path), hint="check its permissions"
        ) from error


def decompressed(raw: io.BufferedReader, magic: bytes, path: Path) -> object:
    """Return what reads the bytes a file stands for: plain, or unpacked from the gzip or zstd its head shows."""
    if magic[:2] == _GZIP:
        return _Guarded(gzip.GzipFile(fileobj=raw).read1, raw, path)
    if magic == _ZSTD:
        return _Guarded(_Zstandard(raw).read1, raw, path)
    return raw


class _Zstandard:
    """Zstandard frames one after another, like GzipFile: the end of the file inside a frame is an error."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._out = b""

    def read1(self, size: int) -> bytes:
        """Return some decompressed bytes, b"" at the end; EOFError when the last frame is cut short."""
        while not self._out:
            chunk = self._rest or self._raw.read(_ZSTD_STEP)
            if not chunk:
                if self._frame is not None:
                    raise EOFError("it ends inside a frame")
                return b""
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._out = self._frame.decompress(chunk)
            self._rest = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        block, self._out = self._out[:size], self._out[size:]
        return block


class _Guarded:
    """A decompressor that gives all that stands before damage, and stops when out of all proportion to its input."""

    def __init__(self, read1: Callable[[int], bytes], raw: BinaryIO, path: Path) -> None:
        self._read1 = read1
        self._raw = raw
        self._path = path
        self._given = 0
        self._damage: Exception | None = None

    def read(self, size: int) -> bytes:
        """Return `size` decompressed bytes, fewer only at the end; UnreachableError for a decompression bomb."""
        pieces, missing = [], size
        try:
            while self._damage is None and missing and (piece := self._read1(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            self._damage = error
        block = b"".join(pieces)
        if not block and self._damage is not None:
            raise self._damage
        self._given += len(block)
        if self._given > RATIO_FLOOR and self._given > MAX_RATIO * max(1, self._raw.tell()):
            raise UnreachableError(
                f"expands more than {MAX_RATIO}-fold: a decompression bomb?", where=str(self._path),
                hint="if it is genuine, decompress it first",
            )  # fmt: skip
        return block


# --- following --------------------------------------------------------------------------------------------------


@dataclass
class _Followed:
    """An open file that is being written: where we are in it."""

    path: Path
    raw: io.BufferedReader
    inode: int
    stream: Stream
    cutter: LineCutter
    reader: _Reader


class Follower:
    """Takes in lines as they are written, through rotation and truncation. Compressed files do not grow: they stay."""

    def __init__(self, lake: Lake, pipeline: Pipeline, patterns: Sequence[str], max_record: int) -> None:
        self._lake = lake
        self._pipeline = pipeline
        self._patterns = patterns
        self._max = max_record
        self._open: dict[Path, _Followed] = {}

    def run(self, on_flush: OnFlush, stop: Event) -> None:
        """Go on until `stop` is set, then make durable what is complete."""
        while not stop.is_set():
            if not self.step():
                stop.wait(POLL_SECONDS)
            if self._pipeline.should_flush():
                on_flush(self._pipeline.flush())
        on_flush(self._pipeline.flush())
        for followed in self._open.values():
            followed.raw.close()

    def step(self) -> bool:
        """Look once at every file; says whether anything was new."""
        moved = False
        for path in self._paths():
            followed = self._open.get(path)
            if followed is not None and _replaced(followed):
                self._close(followed)
                followed = None
            followed = followed or self._begin(path)
            if followed is not None:
                moved |= self._read(followed)
        return moved

    def _paths(self) -> list[Path]:
        """Return what is open, though it may have been renamed, and what the patterns stand for now."""
        found = dict.fromkeys(self._open)
        for pattern in self._patterns:
            with contextlib.suppress(UsageError):
                found.update(dict.fromkeys(find_files([pattern])))
        return list(found)

    def _begin(self, path: Path) -> _Followed | None:
        try:
            raw = path.open("rb")
        except OSError:
            return None
        head = raw.read(HEAD)
        unknown = b"\n" not in head and len(head) < HEAD  # without one whole line it cannot be known again
        if unknown or head.startswith((_GZIP, _ZSTD)):
            raw.close()
            return None
        stream, begin = _resume(self._lake, self._pipeline, path, head)
        reader = _Reader(cast("BinaryIO", raw), head)
        reader.skip(begin, path)
        cutter = LineCutter(begin, 1 + reader.lines, self._max)
        followed = _Followed(path, raw, os.fstat(raw.fileno()).st_ino, stream, cutter, reader)
        self._open[path] = followed
        return followed

    def _read(self, followed: _Followed) -> bool:
        moved = False
        while block := followed.reader.read(BLOCK):
            lines = followed.cutter.feed(block)
            self._pipeline.add(
                _batch(followed.stream, lines, followed.reader.seal_at(followed.cutter.position))
            )
            moved = True
            if self._pipeline.is_full():
                break
        return moved

    def _close(self, followed: _Followed) -> None:
        """Read what is left of a file that was rotated away; its last line is complete now, line end or not."""
        self._read(followed)
        if followed.cutter.pending:
            self._pipeline.add(_last_line(followed.stream, followed.cutter, followed.reader))
        followed.raw.close()
        del self._open[followed.path]


def _replaced(followed: _Followed) -> bool:
    """Say whether the path leads to another file now, or the file was cut back."""
    try:
        now = followed.path.stat()
    except OSError:
        return True
    return now.st_ino != followed.inode or now.st_size < followed.cutter.position


def ingest_stream(
    pipeline: Pipeline, source: BinaryIO, max_record: int, on_flush: OnFlush, stop: Event
) -> None:
    """Take in lines from standard input, which cannot be read again: what is not flushed is lost with the pipe."""
    stream = Stream(f"stdin:{time.time_ns():x}", 0, "<stdin>")
    pipeline.resume(stream)
    cutter = LineCutter(0, 1, max_record)
    read = getattr(source, "read1", source.read)
    while not stop.is_set() and (block := read(BLOCK)):
        pipeline.add(_batch(stream, cutter.feed(block), 0))
        if pipeline.should_flush():
            on_flush(pipeline.flush())
    if cutter.pending:
        pipeline.add(_batch(stream, cutter.finish(), 0))
    on_flush(pipeline.flush())
