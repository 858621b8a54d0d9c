"""How a campaign went: decided over time, and how long a decision took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reports.charts.svg import PALETTE, Frame, draw
from reports.page import Figure

BINS = (
    (5, "under 5 s"),
    (10, "5 to 10 s"),
    (30, "10 to 30 s"),
    (60, "30 s to 1 min"),
    (300, "1 to 5 min"),
    (1800, "5 to 30 min"),
    (float("inf"), "longer"),
)


def progress(moments: Sequence[datetime], population: int, began: datetime) -> Figure | None:
    """Return how many of the items were decided by when; `moments` are those of each item's decision."""
    if not moments or not population:
        return None
    ordered = sorted(moments)
    values = [{"when": m.strftime("%Y-%m-%dT%H:%M:%S"), "n": place + 1} for place, m in enumerate(ordered)]
    values.insert(0, {"when": began.strftime("%Y-%m-%dT%H:%M:%S"), "n": 0})
    plot = {
        "data": {"values": _thinned(values)},
        "mark": {"type": "area", "interpolate": "step-after", "color": PALETTE["asked"], "opacity": 0.75},
        "encoding": {
            "x": {
                "field": "when",
                "type": "temporal",
                "title": None,
                "scale": {"type": "utc"},
                "axis": {"grid": False, "tickCount": 5},
            },
            "y": {
                "field": "n",
                "type": "quantitative",
                "title": f"decided, of {population:,}",
                "scale": {"domain": [0, population]},
            },
        },
    }
    title = "Progress: items decided over time"
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (ordered[0], ordered[-1]))
    told = f"{len(ordered):,} of {population:,} items decided between {first} and {last}"
    return Figure(title, draw(plot, Frame(700, 150), title, told))


def decision_times(seconds: Sequence[float]) -> Figure | None:
    """Return how many decisions took how long."""
    if not seconds:
        return None
    counts = [0] * len(BINS)
    for taken in seconds:
        counts[next(place for place, (limit, _) in enumerate(BINS) if taken < limit)] += 1
    values = [
        {"bin": f"{place} {words}", "n": counts[place], "fast": place < 2}
        for place, (_, words) in enumerate(BINS)
    ]
    plot = {
        "data": {"values": values},
        "mark": {"type": "bar", "width": {"band": 0.7}},
        "encoding": {
            "x": {
                "field": "bin",
                "type": "ordinal",
                "title": None,
                "axis": {"labelAngle": 0, "labelExpr": "slice(datum.label, 2)", "ticks": False},
            },
            "y": {
                "field": "n",
                "type": "quantitative",
                "title": "decisions",
                "axis": {"tickMinStep": 1, "tickCount": 5},
            },
            "color": {
                "field": "fast",
                "type": "nominal",
                "scale": {"domain": [True, False], "range": [PALETTE["warned"], PALETTE["asked"]]},
            },
        },
    }
    title = "How long a decision took"
    told = ", ".join(f"{words}: {count}" for (_, words), count in zip(BINS, counts, strict=True) if count)
    return Figure(
        title,
        draw(plot, Frame(700, 150), title, told),
        [("warned", "under ten seconds"), ("asked", "longer")],
    )


def _thinned(values: list[dict[str, object]], most: int = 400) -> list[dict[str, object]]:
    step = max(1, len(values) // most)
    return [*values[::step], values[-1]]
