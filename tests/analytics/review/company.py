"""A small company for reviews: calls on days of a quarter, grants, a roster; and the assessment of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lakes import rows_of

from analytics.entitlements.catalog import load
from analytics.entitlements.importing import take_in
from analytics.entitlements.reading import File
from analytics.review.assess import assess
from analytics.review.basis import Scope
from analytics.review.model import Assessment, Item
from store.lake import Lake

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=90)
FORMATS = load()
ROSTER = """user_id,email,groups,manager,status,joined,left
ana,ana@x.org,ops;eng,dora,active,2024-01-01,
bob,bob@x.org,eng,dora,active,2024-01-01,
cyd,cyd@x.org,eng,dora,active,2024-01-01,
dora,dora@x.org,eng,,active,2024-01-01,
eve,eve@x.org,eng,dora,left,2024-01-01,2026-02-01
"""
GRANTS = (
    "id,principal,principal_kind,server,tool,effect,granted_at,expires_at,owner,break_glass,source,via,"
    "resource_scope\n"
)


def call(
    day: float, user: str | None, tool: str, server: str | None = "github", **fields: Any
) -> dict[str, Any]:
    """Return a call on a day of the quarter, counted from 0."""
    usual = {
        "event_time": START + timedelta(days=day), "user_id": user, "server_name": server, "tool_name": tool,
        "client_oauth_id": "cursor", "credential_id": f"key-{user}",
    }  # fmt: skip
    return {**usual, **fields}


def refused(
    day: float, user: str | None, tool: str, server: str | None = "github", **fields: Any
) -> dict[str, Any]:
    """Return a call that was denied."""
    said = {"event_class": "denial", "decision": "deny", "outcome": "denied"}
    return call(day, user, tool, server, **{**said, **fields})


def filled(lake: Lake, *events: dict[str, Any]) -> Lake:
    """Return a lake with events, each with an id of its own, and a listing on the first and last day."""
    around = [
        call(day, "ana", "", "github", tool_name=None, event_class="client_event", event_kind="list")
        for day in (0, 89.9)
    ]
    every = [{**event, "event_id": f"{n:032x}"} for n, event in enumerate([*around, *events])]
    lake.append("events", rows_of(*every))
    return lake


def granted(lake: Lake, *lines: str) -> Lake:
    """Import grants, each a line in the columns of GRANTS, filled up with nothing."""
    width = GRANTS.count(",")
    full = [line + "," * (width - line.count(",")) for line in lines]
    imported(lake, "grants", GRANTS + "\n".join(full))
    return lake


def imported(lake: Lake, format_id: str, text: str, server: str = "*", source: str | None = None) -> None:
    """Take one file in."""
    take_in(lake, FORMATS[format_id], [File("f", text.encode(), server)], source)


def assessed(lake: Lake, **scope: Any) -> Assessment:
    """Return the assessment of the quarter."""
    return assess(lake, Scope(**{"since": START, "until": END, **scope}))


def items(found: Assessment) -> dict[str, Item]:
    """Return items by the principal and tool."""
    return {f"{item.principal} {item.tool_name}": item for item in found.items}
