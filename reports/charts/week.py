"""Calls and denials, day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.charts.svg import PALETTE, Frame, draw
from reports.page import Figure

_KINDS = (("passed", "asked", "not refused"), ("denied", "denied", "denied"))


def stacked_days(days: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Return a bar for each day; None without a day."""
    if not days:
        return None
    values = [
        {"day": row["day"].isoformat()[5:], "kind": name, "n": row[name], "order": place}
        for row in days
        for place, (name, _, _) in enumerate(_KINDS)
    ]
    scale = {"domain": [name for name, _, _ in _KINDS], "range": [PALETTE[colour] for _, colour, _ in _KINDS]}
    plot = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": {"band": 0.72}, "stroke": PALETTE["paper"]},
        "encoding": {
            "x": {
                "field": "day",
                "type": "ordinal",
                "title": None,
                "axis": {"labelAngle": 0, "ticks": False},
            },
            "y": {
                "field": "n",
                "type": "quantitative",
                "title": "calls",
                "axis": {"tickCount": 5, "domain": False},
            },
            "color": {"field": "kind", "type": "nominal", "scale": scale},
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    title = "Calls by day, the week and the week before"
    passed, denied = (sum(row[name] for row in days) for name, _, _ in _KINDS)
    told = f"{passed:,} calls not refused and {denied:,} denied on {len(days)} days"
    return Figure(title, draw(plot, Frame(760, 200, bottom=28), title, told), [(c, w) for _, c, w in _KINDS])
