"""Cut a file's bytes into records: lines, or the elements of a JSON document that spans lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Protocol

import msgspec

from ingest.delivery import Unreadable

BLOCK = 1 << 20
BOM = b"\xef\xbb\xbf"
"""What some Windows programs put before the first character of a file; it is no part of the first record."""
_GLANCE = 4096
KEPT_OF_LONG = 64 << 10
"""Bytes of an over-long line that are kept for its dead letter."""


class Readable(Protocol):
    """Anything that gives bytes in order."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, b"" at the end."""


@dataclass
class Lines:
    """Complete lines of one block: their bytes without line end, byte offsets and line numbers."""

    records: list[bytes]
    positions: list[int]
    numbers: list[int]
    unreadable: list[Unreadable]
    next: int


_last = itemgetter(-1)


class LineCutter:
    """Cuts blocks into lines across block borders. Blank lines are no records; memory is bounded by the limit.

    `position` is the byte offset of the first byte fed, `line` its line number.
    """

    def __init__(self, position: int, line: int, max_record: int) -> None:
        self._position = position
        self._line = line
        self._max = max_record
        self._kept = min(
            KEPT_OF_LONG, max_record
        )  # as much wherever block borders fall: letters are known by it
        self._carry = b""
        self._long: bytes | None = None
        self._long_size = 0

    @property
    def pending(self) -> bytes:
        """The bytes after the last line end."""
        return self._carry if self._long is None else self._long

    @property
    def position(self) -> int:
        """Byte offset of the line that is not complete yet."""
        return self._position

    @property
    def line(self) -> int:
        """Number of the line that is not complete yet."""
        return self._line

    def feed(self, block: bytes) -> Lines:
        """Take the next block and return the lines it completes."""
        out = Lines([], [], [], [], self._position)
        if self._position == 0 and not self._carry and self._long is None and block.startswith(BOM):
            self._position, block = len(BOM), block[len(BOM) :]
        if self._long is not None:
            block = self._skip_long(block, out)
        pieces = (self._carry + block).split(b"\n") if self._carry else block.split(b"\n")
        self._carry = pieces.pop()
        if pieces:
            self._emit_all(pieces, out)
        if len(self._carry) > self._max:
            self._long, self._long_size, self._carry = self._carry[: self._kept], len(self._carry), b""
        out.next = self._position
        return out

    def finish(self) -> Lines:
        """Return the last line, though no line end follows it."""
        out = Lines([], [], [], [], self._position)
        if self._long is not None:
            self._close_long(self._long_size, out)
        elif self._carry:
            self._emit(self._carry, out)
            self._position -= 1
            self._carry = b""
        out.next = self._position
        return out

    def _emit_all(self, pieces: list[bytes], out: Lines) -> None:
        """Emit many lines at once when none is blank, over-long or ends in a carriage return."""
        sizes = list(map(len, pieces))
        plain = min(sizes) > 1 and max(sizes) <= self._max and min(map(_last, pieces)) > 32
        if not plain:
            for piece in pieces:
                self._emit(piece, out)
            return
        ends = list(accumulate(sizes, lambda at, size: at + size + 1, initial=self._position))
        self._position = ends.pop()
        out.records += pieces
        out.positions += ends
        out.numbers += range(self._line, self._line + len(pieces))
        self._line += len(pieces)

    def _emit(self, piece: bytes, out: Lines) -> None:
        size = len(piece) + 1
        if len(piece) > self._max:
            self._too_long(piece[: self._kept], len(piece), out)
        elif piece and not piece.isspace():
            out.records.append(piece[:-1] if piece[-1] == 13 else piece)
            out.positions.append(self._position)
            out.numbers.append(self._line)
        self._position += size
        self._line += 1

    def _skip_long(self, block: bytes, out: Lines) -> bytes:
        end = block.find(b"\n")
        if end < 0:
            self._long_size += len(block)
            return b""
        self._close_long(self._long_size + end, out)
        self._position += 1
        return block[end + 1 :]

    def _close_long(self, size: int, out: Lines) -> None:
        assert self._long is not None
        self._too_long(self._long, size, out)
        self._position += size
        self._line += 1
        self._long, self._long_size = None, 0

    def _too_long(self, head: bytes, size: int, out: Lines) -> None:
        reason = f"a line of {size} bytes; at most {self._max} are read (ingest.max_record_bytes), its head is kept"
        out.unreadable.append(Unreadable(self._position, head, reason, self._line))


def is_document(head: bytes) -> bool:
    """Say whether a file is one JSON document over several lines rather than one record a line."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"[":
        return start[1:].lstrip()[:1] in (b"{", b"]", b"")
    first, _, rest = start.partition(b"\n")
    return (first.rstrip() == b"{" and bool(rest)) or (not rest.strip() and are_run_together(first))


def are_run_together(line: bytes) -> bool:
    """Say whether a line, which may be cut short, begins with two objects with nothing between them."""
    begin = line[:_GLANCE]
    if begin[:1] != b"{" or b"}{" not in begin:
        return False
    text = begin.decode(errors="replace")
    try:
        return text.startswith("{", _VALUE.raw_decode(text)[1])
    except (ValueError, RecursionError):
        return False


def objects_in(record: bytes) -> list[bytes]:
    """Return the objects that stand one after another in a record; the record itself when it is not such."""
    try:
        return list(_objects(record.decode())) or [record]
    except (ValueError, RecursionError):
        return [record]


def cut_document(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Return offset and bytes of each record of a document: an array's elements, or objects one after another.

    Raises ValueError when it is not JSON. Of objects run together on one line the whole ones are records, and so is
    what follows them: each was written on its own, so that a cut harms only the last.
    """
    text = content.removeprefix(BOM)
    try:
        if text.lstrip()[:1] == b"[":
            pieces = [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
        else:
            pieces = list(_objects(text.decode(), tail=are_run_together(text.split(b"\n", 1)[0])))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error
    position = 0
    for piece in pieces:
        position = content.index(piece, position)
        yield position, piece
        position += len(piece)


def _objects(text: str, *, tail: bool = False) -> Iterator[bytes]:
    """Return the values that stand one after another, as `jq .` writes them; with `tail`, the unreadable rest too."""
    at = len(text) - len(text.lstrip())
    while at < len(text):
        try:
            _, end = _VALUE.raw_decode(text, at)
        except (ValueError, RecursionError):
            if not tail:
                raise
            end = len(text)
        yield text[at:end].encode()
        at = end
        while at < len(text) and text[at].isspace():
            at += 1


_VALUE = json.JSONDecoder()
