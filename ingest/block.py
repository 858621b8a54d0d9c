"""Records of any streams, waiting to be worked on together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.delivery import Batch, Stream
from ingest.framing import are_run_together, cut_document
from ingest.rows import Records


@dataclass
class Block:
    """Records waiting to be worked on together; the lists run in parallel."""

    raw: list[bytes] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    subs: list[int] = field(default_factory=list)
    lines: list[int | None] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    bytes: int = 0

    def add(self, batch: Batch, first: int) -> None:
        """Take in a batch from its record `first` on."""
        raw = batch.records[first:] if first else batch.records
        count = len(raw)
        if batch.stream not in self.streams:
            self.streams.append(batch.stream)
        self.raw += raw
        self.positions += batch.positions[first:]
        self.subs += batch.subs[first:] if batch.subs is not None else [0] * count
        self.lines += batch.lines[first:] if batch.lines is not None else [None] * count
        self.source += [self.streams.index(batch.stream)] * count
        self.bytes += sum(map(len, raw))

    def pick(self, chosen: Sequence[int]) -> Records:
        """Return some of the records with where they stand."""
        if len(chosen) == len(self.raw):
            return Records(self.raw, self.positions, self.subs, self.source, self.streams)
        return Records(
            [self.raw[i] for i in chosen], [self.positions[i] for i in chosen], [self.subs[i] for i in chosen],
            [self.source[i] for i in chosen], self.streams,
        )  # fmt: skip

    def divide(self, chosen: Sequence[int]) -> tuple[list[int], Block]:
        """Return which of the records are one each, and the objects of those that hold several run together.

        In a file each object stands at its own byte, in a message it has its own number.
        """
        whole: list[int] = []
        pieces = Block(streams=self.streams)
        for i in chosen:
            if not are_run_together(self.raw[i]):
                whole.append(i)
                continue
            found = list(cut_document(self.raw[i]))
            in_file = ":" in self.streams[self.source[i]].topic
            sub, count = self.subs[i], len(found)
            pieces.raw += [raw for _, raw in found]
            pieces.positions += [self.positions[i] + (at if in_file else 0) for at, _ in found]
            pieces.subs += (
                [sub] * count if in_file else [sub, *(((sub + 1) << 16) + n for n in range(1, count))]
            )
            pieces.lines += [self.lines[i]] * count
            pieces.source += [self.source[i]] * count
        return whole, pieces


def not_utf8(piece: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return which records are not UTF-8, and at which byte."""
    joined = b"".join(piece)
    if joined.isascii():
        return []
    try:
        joined.decode()
    except UnicodeDecodeError:
        return [(i, at) for i, raw in enumerate(piece) if (at := _wrong_byte(raw)) is not None]
    return []


def _wrong_byte(raw: bytes) -> int | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None
