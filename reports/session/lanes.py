"""A session drawn: a lane for each client, credential and server, marks for calls, arcs for values that went on.

All sizes are SVG units; the page scales the drawing. Calls stand at even distances in their order, for a pause of an
hour would squeeze the rest into a point; the clock is written below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

from analytics.steps import Flow, Step

MOST_MARKS = 80
MOST_LANES = 8
_LEFT, _RIGHT, _WIDEST, _STEP = 190, 16, 1100, 140
_LANE, _TOP = 38, 14
_ARC_LEAST, _ARC_MOST = 26, 92
_TICKS = 6


@dataclass(frozen=True)
class Mark:
    """One call on one lane."""

    x: float
    y: float
    verdict: str
    label: str
    href: str


@dataclass(frozen=True)
class Arc:
    """Values that went from one call's result into another's arguments."""

    path: str
    label_x: float
    label_y: float
    shared: int
    label: str
    outward: bool


@dataclass(frozen=True)
class Lane:
    """A line of the drawing: a client, a credential or a server."""

    y: float
    name: str
    kind: str


@dataclass(frozen=True)
class Drawing:
    """What the page draws; `left_out` is how many calls there was no room for."""

    width: float
    height: float
    lanes: list[Lane]
    marks: list[Mark]
    arcs: list[Arc]
    ticks: list[tuple[float, str]]
    arcs_y: float
    left_out: int


def drawing(steps: Sequence[Step], flows: Iterable[Flow], left: frozenset[int]) -> Drawing:
    """Draw the calls of a session, those that stand out first where there are too many."""
    shown = _chosen(steps, left)
    room = _WIDEST - _LEFT - _RIGHT
    gap = min(_STEP, room / max(1, len(shown)))
    x_of = {step.number: round(_LEFT + gap * (place + 0.5), 1) for place, step in enumerate(shown)}
    arcs_height = 0.0
    arcs = []
    for flow in sorted(flows, key=lambda flow: (flow.source, flow.target)):
        if flow.source in x_of and flow.target in x_of:
            rise = min(_ARC_MOST, _ARC_LEAST + 0.18 * (x_of[flow.target] - x_of[flow.source]))
            arcs_height = max(arcs_height, rise)
            arcs.append((flow, rise))
    top = _TOP + arcs_height + (12 if arcs else 0)
    lanes, y_of = _lanes(shown, top)
    bottom = top + _LANE * len(lanes)
    marks = [mark for step in shown for mark in _marks(step, x_of[step.number], y_of, left)]
    return Drawing(
        _WIDEST, bottom + 26, lanes, marks, [_arc(flow, rise, x_of, top, left) for flow, rise in arcs],
        _ticks(shown, x_of), top, len(steps) - len(shown),
    )  # fmt: skip


def _chosen(steps: Sequence[Step], left: frozenset[int]) -> list[Step]:
    def rank(step: Step) -> int:
        return 0 if step.around else 1 if step.denied or step.number in left else 2 if step.came_from else 3

    if len(steps) <= MOST_MARKS:
        return list(steps)
    return sorted(sorted(steps, key=rank)[:MOST_MARKS], key=lambda step: step.number)


_KINDS = (("client", "client"), ("credential", "credential_id"), ("server", "server_name"))


def _lanes(steps: Sequence[Step], top: float) -> tuple[list[Lane], dict[tuple[str, str], float]]:
    lanes: list[Lane] = []
    y_of: dict[tuple[str, str], float] = {}
    for kind, column in _KINDS:
        names = list(dict.fromkeys(step.row[column] or "not known" for step in steps))
        for name in [*names[:MOST_LANES], *(["others"] if len(names) > MOST_LANES else [])]:
            y = top + _LANE * (len(lanes) + 0.5)
            lanes.append(Lane(y, name, kind))
            y_of[kind, name] = y
        for name in names[MOST_LANES:]:
            y_of[kind, name] = y_of[kind, "others"]
    return lanes, y_of


def _marks(step: Step, x: float, y_of: dict[tuple[str, str], float], left: frozenset[int]) -> Iterable[Mark]:
    word = verdict(step, step.number in left)
    label = f"{step.row['attempted']}: {word}, {step.row['event_time'].astimezone(UTC):%H:%M:%S}"
    for kind, column in _KINDS:
        y = y_of[kind, step.row[column] or "not known"]
        yield Mark(x, y, word if kind == "server" else "by", label, f"#{step.row['event_id']}")


def verdict(step: Step, left: bool) -> str:
    """Return the one word for a step: the last rung of the ladder it got to."""
    if step.around is not None and not step.denied:
        return "sidestepped"
    if step.denied:
        return "denied"
    if left:
        return "left"
    return "reached" if step.reached else "asked" if step.is_call else "noted"


def _arc(flow: Flow, rise: float, x_of: dict[int, float], top: float, left: frozenset[int]) -> Arc:
    a, b = x_of[flow.source], x_of[flow.target]
    base = top - 4
    values = "value" if flow.shared == 1 else "values"
    return Arc(
        f"M{a} {base} C{a} {base - rise * 1.3:.1f} {b} {base - rise * 1.3:.1f} {b} {base}", (a + b) / 2,
        base - rise - 3, flow.shared, f"{flow.shared} {values}", flow.target in left,
    )  # fmt: skip


def _ticks(steps: Sequence[Step], x_of: dict[int, float]) -> list[tuple[float, str]]:
    every = max(1, -(-len(steps) // _TICKS))
    return [
        (x_of[step.number], f"{step.row['event_time'].astimezone(UTC):%H:%M:%S}") for step in steps[::every]
    ]
