"""Trust debt drawn: week by week, and credentials by how old and how idle they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reports.charts.contours import equal_debt
from reports.charts.svg import PALETTE, Frame, draw
from reports.page import Figure

_KINDS = (("debt", "denied", "avoidable debt"), ("structural", "soft", "structural exposure"))
MOST_KEYS = 400


def burn_down(weeks: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Return debt and structural exposure of each week; rows have `week`, `debt` and `structural`."""
    sums: dict[str, dict[str, float]] = {}
    for row in weeks:
        week = sums.setdefault(row["week"].isoformat(), {"debt": 0.0, "structural": 0.0})
        for name in week:
            week[name] += row[name]
    if not sums:
        return None
    values = [
        {"week": week, "kind": name, "n": round(sums[week][name], 3), "order": place}
        for week in sorted(sums)
        for place, (name, _, _) in enumerate(_KINDS)
    ]
    scale = {"domain": [name for name, _, _ in _KINDS], "range": [PALETTE[colour] for _, colour, _ in _KINDS]}
    plot = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": {"band": 0.6}, "stroke": PALETTE["paper"]},
        "encoding": {
            "x": {
                "field": "week",
                "type": "ordinal",
                "title": "week from",
                "axis": {"labelAngle": 0 if len(sums) < 9 else -45, "ticks": False},
            },
            "y": {
                "field": "n",
                "type": "quantitative",
                "title": "privileged idle key-days",
                "axis": {"tickCount": 5, "domain": False},
            },
            "color": {"field": "kind", "type": "nominal", "scale": scale},
            "order": {"field": "order", "type": "quantitative"},
        },
    }
    title = "Burn-down: what standing credentials owe each week"
    told = ", ".join(f"{week}: {sums[week]['debt']:.1f}" for week in sorted(sums)[-8:])
    return Figure(
        title,
        draw(plot, Frame(700, 200, bottom=42 if len(sums) < 9 else 78), title, told),
        [(c, w) for _, c, w in _KINDS],
    )


def keys_by_age(keys: Sequence[Mapping[str, Any]], until: datetime) -> Figure | None:
    """Return credentials by the days since they began and since their last use; the larger, the more they owe."""
    values = [
        {
            "age": round((until - key["valid_from"]).total_seconds() / 86400, 2),
            "debt": round(key["debt"], 3),
            "idle": round((until - key["last_used"]).total_seconds() / 86400, 2)
            if key["last_used"]
            else None,
            "kind": "debt" if key["debt"] > 0 else "structural",
        }
        for key in sorted(keys, key=lambda key: (-key["debt"], key["credential_id"]))[:MOST_KEYS]
    ]
    points = [{**v, "idle": v["age"] if v["idle"] is None else v["idle"]} for v in values]
    if not points:
        return None
    scale = {"domain": [name for name, _, _ in _KINDS], "range": [PALETTE[colour] for _, colour, _ in _KINDS]}
    place: dict[str, Any] = {
        "x": _axis("age", "days since it began, or was first seen"),
        "y": _axis("idle", "days since its last use"),
    }
    drawn = {
        "data": {"values": points},
        "mark": {"type": "circle", "opacity": 0.72},
        "encoding": {
            **place,
            "size": {"field": "debt", "type": "quantitative", "scale": {"range": [40, 640]}},
            "color": {"field": "kind", "type": "nominal", "scale": scale},
        },
    }
    lines = equal_debt(points)
    plot = {"layer": [*_contours(lines, place), drawn]}
    title = "Standing credentials by age and last use; the larger, the more is owed"
    told = f"{len(points)} credentials, the oldest of {max(p['age'] for p in points):.0f} days"
    if lines:
        levels = ", ".join(f"{level:g}" for level in sorted({line["level"] for line in lines}))
        title += "; lines: equal debt around them, in key-days"
        told += f"; lines of equal debt at {levels} key-days"
    return Figure(title, draw(plot, Frame(700, 240), title, told), [(c, w) for _, c, w in _KINDS])


def _axis(field: str, title: str) -> dict[str, Any]:
    return {
        "field": field, "type": "quantitative", "title": title, "scale": {"nice": True, "zero": True},
    }  # fmt: skip


def _contours(lines: Sequence[Mapping[str, Any]], place: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the layers of lines of equal debt, each with its level written once; none without lines."""
    if not lines:
        return []
    drawn = {"mark": {"type": "line", "stroke": PALETTE["warned"], "strokeWidth": 1, "strokeDash": [4, 3]},
             "encoding": {**place, "detail": {"field": "line", "type": "nominal"},
                          "order": {"field": "place", "type": "quantitative"}}}  # fmt: skip
    labels = {"transform": [{"filter": "datum.label != null"}],
              "mark": {"type": "text", "fill": PALETTE["warned"], "fontSize": 11, "dy": -6},
              "encoding": {**place, "text": {"field": "label", "type": "nominal"}}}  # fmt: skip
    return [{"data": {"values": list(lines)}, **layer} for layer in (drawn, labels)]
