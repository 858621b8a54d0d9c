"""What sources hand to the pipeline: records with their exact place in a replayable stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stream:
    """An ordered sequence of bytes that can be read again from a position: a Kafka partition or a file.

    `topic` is the Kafka topic or `file:<identity>`; `label` is what a person knows it by.
    """

    topic: str
    partition: int
    label: str = field(compare=False)

    @property
    def transaction(self) -> str:
        """The app id under which the table records how far this stream has been taken in."""
        return f"{self.topic}-{self.partition}"

    def where(self, position: int, line: int | None = None) -> str:
        """Name a place for a person: `file:line`, or `topic[partition]@offset`."""
        return f"{self.label}:{line}" if line is not None else f"{self.label}@{position}"


@dataclass(frozen=True)
class Unreadable:
    """A piece of a stream no record could be cut from: its place, its bytes (possibly cut short), and why."""

    position: int
    raw: bytes
    reason: str
    line: int | None = None


@dataclass
class Batch:
    """Consecutive records of one stream, in order.

    `positions[i]` is the Kafka offset or byte offset of record i; `subs[i]` its place inside a message that holds
    several (None: all zero); `lines[i]` its line number in a file (None: not a file). `next` is the position from
    which the stream goes on after this batch. `seal` is a number by which the stream can tell later that what
    stands before `next` is still what was read.
    """

    stream: Stream
    records: Sequence[bytes]
    positions: Sequence[int]
    next: int
    subs: Sequence[int] | None = None
    lines: Sequence[int] | None = None
    unreadable: list[Unreadable] = field(default_factory=list)
    seal: int | None = None
