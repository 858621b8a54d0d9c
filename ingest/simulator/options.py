"""What a simulation is asked for and what it reports when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from store.errors import UsageError

DEFAULT_START = date(2026, 10, 1)
"""A constant and not today: the same options must give the same bytes on any day."""

FEWEST_EVENTS = 500
"""Below this the planted incidents would outweigh ordinary work."""

FEWEST_USERS, MOST_USERS = 10, 1_000_000
COMPRESSIONS = ("gz", "zst")


@dataclass(frozen=True)
class SimulationOptions:
    """The size, period and shape of a simulated fleet; equal options give byte-identical output.

    `events` counts records over all formats together. No `formats` means every format there is. `calls` also writes
    calls.ndjson: which gateway record tells of the same call as which of the client's. `incidents`
    are scenarios to play besides (scenarios.py); their records come on top of `events`. `clean` plants nothing else:
    what a detection finds in such a fleet is no incident.
    """

    events: int = 10_000
    seed: int = 1
    start: date = DEFAULT_START
    days: int = 7
    users: int = 100
    formats: tuple[str, ...] = ()
    per_file: int = 1_000_000
    compress: str | None = None
    calls: bool = False
    incidents: tuple[str, ...] = ()
    clean: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be simulated."""
        if self.events < FEWEST_EVENTS:
            raise UsageError(f"{self.events} events are too few", hint=f"ask for {FEWEST_EVENTS} or more")
        if self.days < 1 or self.per_file < 1:
            raise UsageError("days and events per file must be 1 or more")
        if not FEWEST_USERS <= self.users <= MOST_USERS:
            raise UsageError(
                f"{self.users} users cannot be simulated", hint=f"ask for {FEWEST_USERS} to {MOST_USERS}"
            )
        if self.compress not in (None, *COMPRESSIONS):
            raise UsageError(f"unknown compression {self.compress!r}", hint="gz or zst")


@dataclass(frozen=True)
class Summary:
    """What was written: records and files by format, bytes on disk, incidents by kind."""

    out: Path
    events: int
    bytes: int
    sessions: int
    seconds: float
    records: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    incidents: dict[str, int] = field(default_factory=dict)
