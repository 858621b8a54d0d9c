"""The log's files, laid out as c2sp.org/tlog-tiles says: hashes by 256, entries by 256, partial ones until full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from store.durable import write_file
from store.errors import IntegrityError
from store.integrity import merkle

WIDTH = 256
FULL = WIDTH * merkle.SIZE
_MAX_ENTRY = 65_535
_TRIES = 3
"""A writer may tidy a partial tile away between our looking for it and our reading it."""


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies: `level` is a number, or "entries"."""
    elements = [f"{index % 1000:03}"]
    while index := index // 1000:
        elements.insert(0, f"x{index % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(elements)}{partial}"


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return entries as one file: each with its length in two bytes before it."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(content: bytes) -> list[bytes]:
    """Return the entries of a file; ValueError when it ends in the middle of one."""
    entries, at = [], 0
    while at < len(content):
        start = at + 2
        at = start + int.from_bytes(content[at:start], "big")
        if at > len(content):
            raise ValueError("the file ends in the middle of an entry")
        entries.append(content[start:at])
    return entries


class Tiles:
    """The tiles of one log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def extend(self, size: int, entries: Sequence[bytes]) -> tuple[int, bytes]:
        """Write what a tree of `size` entries needs to hold more; returns its new size and root. All is durable.

        Nothing that a checkpoint over `size` needs is touched.
        """
        if any(len(entry) > _MAX_ENTRY for entry in entries):
            raise ValueError(f"an entry of the log is at most {_MAX_ENTRY} bytes")
        start = size - size % WIDTH
        held = [*self.entries(start, size), *entries]
        for at in range(0, len(held), WIDTH):
            chunk = held[at : at + WIDTH]
            write_file(self.folder / tile_path("entries", (start + at) // WIDTH, len(chunk)), bundle(chunk))
        edges = self._grow(size, b"".join(map(merkle.leaf, entries)))
        return size + len(entries), _root(edges)

    def _grow(self, size: int, fresh: bytes) -> list[bytes]:
        """Write the hash tiles level by level; returns the hashes of each level's partial tile."""
        edges, level = [], 0
        while size or fresh:
            start = size - size % WIDTH
            held = self._partial(level, size) + fresh
            full = len(held) // FULL
            for at in range(0, len(held), FULL) if fresh else ():
                tile = held[at : at + FULL]
                number = start // WIDTH + at // FULL
                write_file(self.folder / tile_path(level, number, len(tile) // merkle.SIZE), tile)
            edges.append(held[full * FULL :])
            fresh = b"".join(merkle.root(held[at * FULL : (at + 1) * FULL]) for at in range(full))
            size, level = size // WIDTH, level + 1
        return edges

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` entries, from the partial tiles of each level."""
        edges, level = [], 0
        while size:
            edges.append(self._partial(level, size))
            size, level = size // WIDTH, level + 1
        return _root(edges)

    def _partial(self, level: int, size: int) -> bytes:
        """Return the hashes of a level after its last full tile."""
        width = size % WIDTH
        return self._read(level, size // WIDTH, width)[: width * merkle.SIZE] if width else b""

    def hashes(self, size: int) -> bytes:
        """Return the leaf hashes of the first `size` entries."""
        full = b"".join(self._read(0, index, WIDTH) for index in range(size // WIDTH))
        return full + self._partial(0, size)

    def entries(self, start: int, size: int) -> Iterator[bytes]:
        """Yield the entries from `start` on, of a log of `size`; IntegrityError for a file that is broken."""
        for index in range(start // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - index * WIDTH)
            found = self.bundle(index, width)
            yield from found[max(0, start - index * WIDTH) : width]

    def bundle(self, index: int, width: int) -> list[bytes]:
        """Return the entries of one file."""
        content, path = self._content("entries", index, width)
        try:
            found = unbundle(content)
        except ValueError as error:
            raise IntegrityError(str(error), where=str(path)) from error
        if len(found) < width:
            raise IntegrityError(f"it holds {len(found)} entries of {width}", where=str(path))
        return found

    def _read(self, level: int, index: int, width: int) -> bytes:
        content, path = self._content(level, index, width)
        if len(content) < width * merkle.SIZE or len(content) % merkle.SIZE:
            raise IntegrityError(f"it holds {len(content)} bytes, not {width * merkle.SIZE}", where=str(path))
        return content

    def _content(self, level: int | str, index: int, width: int) -> tuple[bytes, Path]:
        """Return a tile's bytes: the partial one, or what took its place as the log grew, which begins as it does."""
        wanted = self.folder / tile_path(level, index, width)
        for _ in range(_TRIES):
            for path in [wanted, self.folder / tile_path(level, index), *_larger(wanted)]:
                try:
                    return path.read_bytes(), path
                except OSError:
                    continue
        raise IntegrityError("a file of the log is missing", where=str(wanted))

    def tile(self, level: int, index: int, width: int) -> tuple[bytes, Path]:
        """Return the bytes of a tile of hashes, and the file they are from; IntegrityError when there is none."""
        return self._content(level, index, width)

    def sweep(self, old: int, size: int) -> None:
        """Remove the partial tiles that a log of `size` entries, `old` before, has outgrown; a crash leaves them."""
        self._sweep("entries", old, size)
        level = 0
        while size:
            self._sweep(level, old, size)
            level, old, size = level + 1, old // WIDTH, size // WIDTH

    def _sweep(self, level: int | str, old: int, size: int) -> None:
        number, width = size // WIDTH, size % WIDTH
        here = (self.folder / tile_path(level, number, 1)).parent
        for path in here.iterdir() if here.is_dir() else ():
            if path.name != str(width):
                path.unlink()
        for gone in {old // WIDTH, max(0, number - 1)} - {number}:
            shutil.rmtree((self.folder / tile_path(level, gone, 1)).parent, ignore_errors=True)


def _larger(wanted: Path) -> list[Path]:
    """Return the partial tiles beside one that are wider."""
    if not wanted.parent.name.endswith(".p") or not wanted.parent.is_dir():
        return []
    return [
        path
        for path in wanted.parent.iterdir()
        if path.name.isdecimal() and int(path.name) > int(wanted.name)
    ]


def _root(edges: Sequence[bytes]) -> bytes:
    """Return the root of a tree whose levels end in these hashes: each level's, then all that is smaller."""
    below = b""
    for edge in edges:
        hashes = edge + below
        below = merkle.root(hashes) if hashes else b""
    return below or merkle.EMPTY
