"""What the page of a session shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One event of the session."""

    time: str
    verdict: str
    what: str
    where: str
    arguments: str | None
    outcome: str
    note: str | None
    event_id: str


@dataclass(frozen=True)
class TimelinePage:
    """The whole page; each field's `help` is its entry in the reference."""

    session: str = field(metadata={"help": "session_key of the session"})
    version: int = field(metadata={"help": "version of the events table it was computed from"})
    facts: list[tuple[str, str]] = field(metadata={"help": "who, by which client, when, how much"})
    steps: list[Step] = field(metadata={"help": "the events in order"})


def timeline_page(summary: Any, rows: Iterable[Mapping[str, Any]], version: int) -> TimelinePage:
    """Build the page from a session's summary and the rows of analytics.timeline."""
    facts = [
        ("users", _names(summary.users, "not known")),
        ("clients", _names(summary.clients, "not known")),
        ("credentials", _names(summary.credentials, "not known")),
        ("servers", _names(summary.servers, "none")),
        ("first event", f"{summary.first:%Y-%m-%d %H:%M:%S}Z"),
        ("last event", f"{summary.last:%Y-%m-%d %H:%M:%S}Z"),
        ("attempted", str(summary.attempted)),
        ("denied", str(summary.denied)),
        ("reached", str(summary.reached)),
    ]
    return TimelinePage(summary.session, version, facts, [_step(row) for row in rows])


def _names(names: Iterable[str | None] | None, otherwise: str) -> str:
    return ", ".join(name for name in names or () if name) or otherwise


def _step(row: Mapping[str, Any]) -> Step:
    reason = row["decision_reason"] or row["error_message"]
    around = f"after {row['denied_tool']} was denied ({row['link']})" if row["link"] else None
    return Step(
        time=f"{row['event_time']:%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z",
        verdict=row["mark"] or ("reached" if row["reached"] else row["event_class"].replace("_", " ")),
        what=row["attempted"],
        where=" ".join(filter(None, (row["server_name"], row["resource_uri"]))) or "–",
        arguments=row["arguments"],
        outcome=row["outcome"],
        note=" · ".join(filter(None, (around, reason))) or None,
        event_id=row["event_id"],
    )
