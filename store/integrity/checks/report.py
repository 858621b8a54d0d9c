"""What verification found: every fault, what was covered, and what was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from store.integrity.note import Checkpoint
from store.integrity.stamping import Stamped


@dataclass(frozen=True)
class Fault:
    """One claim that does not hold: which check, where, what, and the entry of the log that makes the claim."""

    check: str
    where: str
    what: str
    entry: int | None = None

    def record(self) -> dict[str, Any]:
        """Return the fault as a row."""
        return {"check": self.check, "entry": self.entry, "where": self.where, "what": self.what}


@dataclass
class Report:
    """Faults in the order they were found; `covered` counts what was checked, `uncovered` says what was not.

    `stamped` is what time stamps prove, the fewest entries first.
    """

    faults: list[Fault] = field(default_factory=list)
    covered: Counter[str] = field(default_factory=Counter)
    uncovered: list[str] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    since: int = 0
    stamped: list[Stamped] = field(default_factory=list)

    def fault(self, check: str, where: object, what: str, entry: int | None = None) -> None:
        """Add a fault."""
        self.faults.append(Fault(check, str(where), what, entry))

    @property
    def first(self) -> Fault | None:
        """The first divergence: the fault of the earliest entry of the log; faults of no entry come after those."""
        if not self.faults:
            return None
        return min(self.faults, key=lambda fault: (fault.entry is None, fault.entry or 0))
