"""Files opened for reading, plain or unpacked from gzip or zstd; a decompression bomb is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from store.errors import UnreachableError

MAX_RATIO = 250
"""A log compresses ten- to fiftyfold. Beyond this, and past the floor below, the file is a bomb."""
RATIO_FLOOR = 64 << 20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_STEP = 1 << 10
"""Compressed bytes taken at a time: not even a bomb makes more than 32 MiB of so few."""


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
    if magic[:2] == GZIP:
        return _Guarded(gzip.GzipFile(fileobj=raw).read1, raw, path)
    if magic == ZSTD:
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
            chunk = self._rest or self._raw.read(_STEP)
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
