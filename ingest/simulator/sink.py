"""Write each format's records in time order into files that rotate, compressed on request."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import IO

import numpy as np
import zstandard

from ingest.simulator.stamps import Ints

_CHUNK = 500
"""Lines joined at a time: more would not stay in cache."""


class Stream:
    """One format's records: kept until their time has passed, then written in order.

    Records of a window may be later than its end; they wait here for the next ones. Memory holds one window.
    """

    def __init__(self, folder: Path, suffix: str, per_file: int, compress: str | None) -> None:
        self._folder = folder
        self._suffix = suffix if compress is None else f"{suffix}.{compress}"
        self._per_file = per_file
        self._compress = compress
        self._times = np.empty(0, np.int64)
        self._counts = np.empty(0, np.int64)
        self._lines: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._in_file = 0
        self.records = 0
        self.files = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, times: Ints, counts: Ints, lines: list[bytes]) -> None:
        """Take lines with their times and how many records each holds."""
        self._times = np.concatenate([self._times, times])
        self._counts = np.concatenate([self._counts, counts])
        self._lines += lines

    def flush(self, until: int) -> None:
        """Write everything before a time."""
        order = np.argsort(self._times, kind="stable")
        ready = int(np.searchsorted(self._times[order], until))
        go, stay = order[:ready], order[ready:]
        self._write(self._counts[go], [self._lines[i] for i in go.tolist()])
        self._lines = [self._lines[i] for i in stay.tolist()]
        self._times, self._counts = self._times[stay], self._counts[stay]

    def close(self) -> None:
        """Write what is left and close the last file."""
        self.flush(np.iinfo(np.int64).max)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, counts: Ints, lines: list[bytes]) -> None:
        total = np.cumsum(counts)
        done = before = 0
        while done < len(lines):
            file = self._file or self._open()
            room = self._per_file - self._in_file
            stop = max(done + 1, int(np.searchsorted(total, before + room, side="right")))
            for chunk in range(done, stop, _CHUNK):
                file.write(b"".join(lines[chunk : min(chunk + _CHUNK, stop)]))
            written = int(total[stop - 1]) - before
            self._in_file += written
            self.records += written
            done, before = stop, int(total[stop - 1])
            if self._in_file >= self._per_file or (stop < len(lines) and written < room):
                file.close()
                self._file = None

    def _open(self) -> IO[bytes]:
        path = self._folder / f"part-{self.files:05d}.{self._suffix}"
        self.files += 1
        self._in_file = 0
        raw = path.open("wb")
        if self._compress == "gz":
            self._file = io.BufferedWriter(_Gzip(raw))
        elif self._compress == "zst":
            self._file = zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=True)
        else:
            self._file = raw
        return self._file


class _Gzip(gzip.GzipFile):
    """A gzip file without a name or time in its header, so that equal content gives equal bytes."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0)
        self._raw_file = raw

    def close(self) -> None:
        super().close()
        self._raw_file.close()
