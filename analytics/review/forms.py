"""The form that a reviewer fills in: CSV of items with columns for decisions, read with the place of every fault."""

from __future__ import annotations

import csv
import io

import msgspec

from analytics.entitlements.reading import File, When, at, records
from analytics.review.deciding import Choice
from store.errors import UsageError

FORM = (
    "item", "decision", "reason", "reviewer", "owner", "due", "ticket", "principal", "server", "tool", "state", "calls",
    "last_use", "risk", "advice", "recommended",
)  # fmt: skip
"""Columns of the form; from `principal` on they are for the reader, and not read again."""
_MOST_FAULTS = 20


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line of the form. A line without a decision is passed over."""

    item: str
    decision: str | None = None
    reason: str | None = None
    reviewer: str | None = None
    owner: str | None = None
    due: When | None = None
    ticket: str | None = None
    principal: str | None = None
    server: str | None = None
    tool: str | None = None
    state: str | None = None
    calls: str | None = None
    last_use: str | None = None
    risk: str | None = None
    advice: str | None = None
    recommended: str | None = None


def choices_of(name: str, content: bytes, reviewer: str) -> list[Choice]:
    """Return the decisions of a form, those without a reviewer as `reviewer`'s; UsageError names all that is wrong."""
    found = records(File(name, content), Line, "decisions")
    if found.faults:
        more = len(found.faults) - _MOST_FAULTS
        lines = [str(fault) for fault in found.faults[:_MOST_FAULTS]] + [f"and {more:,} more"] * (more > 0)
        raise UsageError("nothing was decided:\n" + "\n".join(lines), hint="mend the file and give it again")
    columns = _columns(content)
    return [
        Choice(
            line.item, line.decision.strip().lower(), line.reason or "", line.reviewer or reviewer, line.owner,
            at(line.due), line.ticket, f"{place.file}:{place.line}", columns,
        )
        for line, place in found.records
        if line.decision
    ]  # fmt: skip


def _columns(content: bytes) -> dict[str, int]:
    """Return in which column, counted from 1, each field stands."""
    head = next(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")), [])
    return {name.strip(): number for number, name in enumerate(head, 1)}
