"""What the pipeline holds of each stream between two flushes, and the count of what became of its records."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.deadletters import DeadLetter
from ingest.delivery import Stream
from store.errors import TooltrailError


@dataclass
class Counts:
    """What became of what came in: records == rows + dead + replayed.

    A record that holds several events, as an OTLP batch does, counts once for each.
    """

    records: int = 0
    rows: int = 0
    dead: int = 0
    replayed: int = 0

    def add(self, other: Counts) -> None:
        """Add another count to this one."""
        self.records += other.records
        self.rows += other.rows
        self.dead += other.dead
        self.replayed += other.replayed

    def check(self) -> None:
        """Raise if a record is unaccounted for: that is a bug, and going on would hide a loss."""
        if self.records != self.rows + self.dead + self.replayed:
            raise TooltrailError(f"records are unaccounted for: {self}", hint="please report this")


@dataclass
class Pending:
    """What is known and buffered of one stream."""

    stream: Stream
    expected: int | None
    dead_expected: int | None
    known_dead: set[str]
    next: int
    seal: int | None = None
    dead: list[DeadLetter] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    dirty: bool = False

    def dead_position(self) -> int:
        """Return how far letters reach: past the rows' position when a last line was cut short."""
        letters = (int(letter.row["source_offset"]) for letter in self.dead)
        return max(self.next - 1, -1 if self.dead_expected is None else self.dead_expected, *letters)
