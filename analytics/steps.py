"""The parts of a ladder: steps, where their data came from and went, and the ways around refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]
CALLS = frozenset(("tool_call", "denial"))
"""Classes of events by which something was asked for."""


@dataclass(frozen=True)
class Flow:
    """Rare values in a step's arguments that an earlier step's result gave, and the events that show it."""

    source: int
    target: int
    shared: int
    source_event: str
    target_event: str


@dataclass(frozen=True)
class WayAround:
    """A denial and the call that reached the same thing. `way` is what changed; nothing: the same way, later.

    `other_session` is the session of the side that is not in this one, if there is one, `other_side` which side it is.
    """

    denied_event: str
    reached_event: str
    denied_time: datetime
    denied_tool: str | None
    denied_server: str | None
    reached_tool: str | None
    reached_server: str | None
    link: str
    way: tuple[str, ...]
    other_session: str | None = None
    other_side: str | None = None


@dataclass(frozen=True)
class Departure:
    """A call by which data can leave. `basis` says what is known of it.

    data flow: its arguments hold values of earlier results. co-occurrence: it came after results that were not
    seen, or its own arguments were not. none: nothing seen before is in it.
    """

    step: int
    channel: str
    basis: str
    shared: int
    sources: tuple[int, ...]


@dataclass(eq=False)
class Step:
    """One call or other event, as its witnesses saw it. `row` is the witness that tells it best."""

    number: int
    row: Row
    seen: list[Row]
    events: list[str]
    vantages: list[str]
    denied: bool
    reached: bool
    channel: str | None
    came_from: list[Flow] = field(default_factory=list)
    around: WayAround | None = None

    @property
    def is_call(self) -> bool:
        """Tell whether something was asked for: a call, or what was refused."""
        return self.denied or self.row["event_class"] in CALLS
