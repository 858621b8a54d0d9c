"""What the evidence of a session cannot tell: not seen, not said, not believed, or out of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analytics.steps import Step
    from analytics.timeline import Summary

Row = dict[str, Any]
_LATE = timedelta(minutes=5)
_LONE_SHARE = 0.8
_LONE_LEAST = 3
_SURE = 0.8


@dataclass(frozen=True)
class Gap:
    """One thing that is not known, in words, the events it holds for, and of how many it could have held."""

    kind: str
    text: str
    events: tuple[str, ...]
    of: int


def gaps_of(rows: Sequence[Row], steps: Sequence[Step], summary: Summary, lost: int) -> list[Gap]:
    """Return what is not known of a session, the gravest first."""
    calls = [step for step in steps if step.is_call]
    found = [
        _disagreeing(calls),
        *_of_calls(calls),
        *_of_who(rows),
        _degenerate(rows, summary),
        _weak_joins(rows),
        *_of_clocks(rows),
    ]
    gaps = [gap for gap in found if gap is not None and gap.events]
    if lost:
        text = f"{lost:,} records of these sources were gone before they could be read"
        if lost == 1:
            text = "1 record of these sources was gone before it could be read"
        gaps.insert(0, Gap("lost", text, (rows[0]["event_id"],), len(rows)))
    return gaps


def _gap(kind: str, text: str, rows: Sequence[Row], holds: Callable[[Row], bool]) -> Gap | None:
    """Return a gap over the rows for which something holds. `text` has {by}, and {n} before "calls" or "events"."""
    hit = [row for row in rows if holds(row)]
    if not hit:
        return None
    if len(rows) == 1:
        text = text.replace("{n} calls", "its only call").replace("{n} events", "its only event")
    number = "all" if len(hit) == len(rows) else f"{len(hit):,} of {len(rows):,}"
    by = ", ".join(sorted({row["source_system"] for row in hit}))
    return Gap(kind, text.format(n=number, by=by), tuple(row["event_id"] for row in hit), len(rows))


def _disagreeing(calls: Iterable[Step]) -> Gap | None:
    both = [step for step in calls if step.denied and step.reached]
    if not both:
        return None
    events = tuple(event for step in both for event in step.events)
    count = f"{len(both):,} call{'s' if len(both) > 1 else ''}"
    return Gap(
        "disagreement",
        f"of {count} one witness says it was refused, another that it was answered",
        events,
        len(both),
    )


def _of_calls(calls: Sequence[Step]) -> Iterable[Gap | None]:
    rows = [step.row for step in calls]
    reached = [step.row for step in calls if step.reached]
    yield _gap(
        "arguments",
        "the arguments of {n} calls were not seen ({by} did not give them)",
        rows,
        lambda row: row["args_state"] in ("absent", "keys_only"),
    )
    yield _gap(
        "arguments",
        "the arguments of {n} calls were cut or could not be read",
        rows,
        lambda row: row["args_state"] in ("truncated", "unparseable"),
    )
    yield _gap(
        "results",
        "the results of {n} answered calls were not seen ({by} did not give them): where their data "
        "went cannot be told",
        reached,
        lambda row: row["result_state"] in ("absent", "keys_only"),
    )
    yield _gap(
        "decision",
        "whether anyone allowed {n} calls is not said ({by})",
        rows,
        lambda row: row["decision"] in ("unknown", "not_evaluated"),
    )
    yield _gap(
        "decision",
        "the refusal of {n} calls is read from an error text only",
        rows,
        lambda row: row["denied"] and row["decision_basis"] == "weak",
    )
    yield _gap("outcome", "the outcome of {n} calls is not said ({by})", rows,
               lambda row: row["outcome"] == "unknown")  # fmt: skip


def _of_who(rows: Sequence[Row]) -> Iterable[Gap | None]:
    yield _gap("user", "no user is named by {n} events ({by})", rows, lambda row: row["user_id"] is None)
    yield _gap(
        "user",
        "the user of {n} events is not verified by anyone",
        rows,
        lambda row: (
            row["user_id"] is not None and row["user_assurance"] not in ("verified", "proxy_asserted")
        ),
    )
    yield _gap("client", "no client is named by {n} events ({by})", rows, lambda row: row["client"] is None)
    yield _gap(
        "client",
        "the client of {n} events is only what it calls itself",
        rows,
        lambda row: row["client"] is not None and row["client_oauth_id"] is None,
    )
    yield _gap("credential", "the credential of {n} events is not said ({by})", rows,
               lambda row: row["credential_id"] is None)  # fmt: skip


def _degenerate(rows: Sequence[Row], summary: Summary) -> Gap | None:
    other = [row for row in rows if row["session_key"] not in (None, summary.session)]
    ids = {row["session_key"] for row in rows if row["session_key"] is not None}
    events = tuple(row["event_id"] for row in other)
    if len(ids) >= _LONE_LEAST and len(ids) >= _LONE_SHARE * summary.attempted:
        return Gap(
            "session",
            f"its {len(ids):,} session ids are new for nearly every call and were not believed",
            events,
            len(rows),
        )
    if len(ids) > 1:
        return Gap(
            "session", f"it spans {len(ids):,} session ids, joined by other evidence", events, len(rows)
        )
    return None


def join_probability(row: Row) -> float | None:
    """Return how likely an event belongs to the session, by the evidence; None where an id makes it certain."""
    if row["log_odds"] is None or row["joined_by"] == "start":
        return None
    return 1 / (1 + math.exp(-row["log_odds"]))


def _weak_joins(rows: Sequence[Row]) -> Gap | None:
    weak = [(row, p) for row in rows if (p := join_probability(row)) is not None and p < _SURE]
    if not weak:
        return None
    least = min(p for _, p in weak)
    joined = "1 event is joined to it by evidence alone, with"
    if len(weak) > 1:
        joined = f"{len(weak):,} events are joined to it by evidence alone, the least sure with"
    text = f"{joined} probability {least:.2f}"
    return Gap("session", text, tuple(row["event_id"] for row, _ in weak), len(rows))


def _of_clocks(rows: Sequence[Row]) -> Iterable[Gap | None]:
    yield _gap(
        "clock",
        "the source gave no believable time for {n} events",
        rows,
        lambda row: bool({"implausible_clock", "no_event_time"}.intersection(row["parse_warnings"] or ())),
    )
    yield _gap(
        "clock",
        "the time said of {n} events is more than five minutes from that of the recording",
        rows,
        lambda row: (
            row["recorded_time"] is not None and abs(row["recorded_time"] - row["event_time"]) > _LATE
        ),
    )
    yield _gap("clock", "the time said of {n} events is later than that of the taking in", rows,
               lambda row: row["event_time"] > row["ingest_time"])  # fmt: skip
