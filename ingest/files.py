"""Files as a source: taken in once, and again when grown.

A file is known by its first line, not by its name, so that it stays itself when it is renamed, rotated or copied.
Its progress is a transaction of the events table, sealed with a hash of the bytes before it: a different file that
begins alike is told apart and taken in whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import BinaryIO

from ingest.delivery import Batch, Stream
from ingest.framing import BLOCK, LineCutter, Lines, cut_document, is_document
from ingest.loop import Flushed, Pipeline
from ingest.unpack import open_file
from store.errors import TooltrailError, UnreachableError, UsageError
from store.lake import Lake

HEAD = 4096
TAIL = 4096
MAX_DOCUMENT = 64 << 20


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
        stream, begin = resume(lake, pipeline, path, head)
        reader = Reader(file, head)
        reader.skip(begin, path)
        if is_document(head):
            if (batch := _document(stream, reader, begin, path)) is not None:
                yield batch
            return
        cutter = LineCutter(begin, 1 + reader.lines, max_record)
        while block := reader.read(BLOCK):
            yield batch_of(stream, cutter.feed(block), reader.seal_at(cutter.position))
        if cutter.pending:
            yield last_line(stream, cutter, reader)


def resume(lake: Lake, pipeline: Pipeline, path: Path, head: bytes) -> tuple[Stream, int]:
    """Return the stream a file is and where to go on. A copy, perhaps a shorter one, must not undo what is buffered."""
    stream, begin = recognise(lake, path, head)
    if pipeline.holds(stream):
        pipeline.flush()
        stream, begin = recognise(lake, path, head)
    pipeline.resume(stream)
    return stream, begin


def last_line(stream: Stream, cutter: LineCutter, reader: Reader) -> Batch:
    """Return the line no line end follows. One that is cut short is not passed: it is read again when it has grown."""
    before, seal = cutter.position, reader.seal_at(cutter.position)
    unfinished = cutter.pending[:1] == b"{" and not _is_json(cutter.pending)
    lines = cutter.finish()
    if unfinished:
        lines.next = before
        return batch_of(stream, lines, seal)
    return batch_of(stream, lines, reader.seal_at(cutter.position))


def _is_json(text: bytes) -> bool:
    try:
        next(cut_document(text))
    except ValueError:
        return False
    return True


def _document(stream: Stream, reader: Reader, begin: int, path: Path) -> Batch | None:
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


def batch_of(stream: Stream, lines: Lines, seal: int) -> Batch:
    """Return lines as a batch of a stream that goes on behind them."""
    return Batch(
        stream,
        lines.records,
        lines.positions,
        lines.next,
        lines=lines.numbers,
        unreadable=lines.unreadable,
        seal=seal,
    )


def ingest_stream(
    pipeline: Pipeline, source: BinaryIO, max_record: int, on_flush: OnFlush, stop: Event
) -> None:
    """Take in lines from standard input, which cannot be read again: what is not flushed is lost with the pipe."""
    stream = Stream(f"stdin:{time.time_ns():x}", 0, "<stdin>")
    pipeline.resume(stream)
    cutter = LineCutter(0, 1, max_record)
    read = getattr(source, "read1", source.read)
    while not stop.is_set() and (block := read(BLOCK)):
        pipeline.add(batch_of(stream, cutter.feed(block), 0))
        if pipeline.should_flush():
            on_flush(pipeline.flush())
    if cutter.pending:
        pipeline.add(batch_of(stream, cutter.finish(), 0))
    on_flush(pipeline.flush())


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
        reader = Reader(file, b"")
        try:
            reader.skip(position, path)
        except UnreachableError:
            return None
        return reader.seal_at(position)


def seal_of(tail: bytes) -> int:
    """Return 63 bits of SHA-256 of the last bytes before a position."""
    return int.from_bytes(sha256(tail[-TAIL:]).digest()[:8], "big") >> 1


class Reader:
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
