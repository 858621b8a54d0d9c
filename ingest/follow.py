"""Files followed as they are written, through rotation and truncation."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO, cast

from ingest.delivery import Stream
from ingest.files import HEAD, OnFlush, Reader, batch_of, find_files, last_line, resume
from ingest.framing import BLOCK, LineCutter
from ingest.loop import Pipeline
from ingest.unpack import GZIP, ZSTD
from store.errors import UsageError
from store.lake import Lake

POLL_SECONDS = 0.25


@dataclass
class _Followed:
    """An open file that is being written: where we are in it."""

    path: Path
    raw: io.BufferedReader
    inode: int
    stream: Stream
    cutter: LineCutter
    reader: Reader


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
        if unknown or head.startswith((GZIP, ZSTD)):
            raw.close()
            return None
        stream, begin = resume(self._lake, self._pipeline, path, head)
        reader = Reader(cast("BinaryIO", raw), head)
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
                batch_of(followed.stream, lines, followed.reader.seal_at(followed.cutter.position))
            )
            moved = True
            if self._pipeline.is_full():
                break
        return moved

    def _close(self, followed: _Followed) -> None:
        """Read what is left of a file that was rotated away; its last line is complete now, line end or not."""
        self._read(followed)
        if followed.cutter.pending:
            self._pipeline.add(last_line(followed.stream, followed.cutter, followed.reader))
        followed.raw.close()
        del self._open[followed.path]


def _replaced(followed: _Followed) -> bool:
    """Say whether the path leads to another file now, or the file was cut back."""
    try:
        now = followed.path.stat()
    except OSError:
        return True
    return now.st_ino != followed.inode or now.st_size < followed.cutter.position
