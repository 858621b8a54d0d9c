"""The ladder of a session: asked, allowed, denied, sidestepped, reached, and what left the boundary.

A step is one call as all its witnesses saw it. Everything said of a step can be traced to the events it was seen in;
what the evidence cannot tell is a gap, and is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from analytics.beside import exchanges_of, findings_of, known_of, lost_records
from analytics.channels import Place, channels
from analytics.detecting.tool_classes import overrides
from analytics.elsewhere import ways_elsewhere
from analytics.evidence import Gap, gaps_of
from analytics.steps import CALLS, Departure, Flow, Row, Step, WayAround
from analytics.timeline import Summary, timeline

if TYPE_CHECKING:
    import pyarrow as pa

    from analytics.timeline import Timeline
    from store.lake import AsOf, Lake

SURE = 0.8
"""A join by evidence that is less likely than this is said wherever it is shown."""


@dataclass(frozen=True)
class Ladder:
    """A session as a story can be told from it; all of one version of the events table."""

    summary: Summary
    version: int
    rows: pa.Table
    steps: list[Step]
    flows: list[Flow]
    ways: list[WayAround]
    departures: list[Departure]
    gaps: list[Gap]
    findings: list[Row]
    confidence: float | None
    joined_by: list[str]
    anomaly: float | None
    top_event: str | None

    @property
    def session(self) -> str:
        """The session's id."""
        return self.summary.session

    @cached_property
    def rungs(self) -> dict[str, list[Step]]:
        """The steps on each rung: asked, allowed, denied, sidestepped, reached, left.

        Sidestepped are the calls that got around a refusal, and refusals here that were got around in another session.
        """
        calls = [step for step in self.steps if step.is_call]
        left = {departure.step for departure in self.departures}
        around = {
            w.denied_event if w.other_side == "reached" else w.reached_event for w in self.ways if w.way
        }
        return {
            "asked": calls,
            "allowed": [
                s for s in calls if not s.denied and s.row["decision"] in ("allow", "modify", "observe")
            ],
            "denied": [s for s in calls if s.denied],
            "sidestepped": [s for s in calls if around.intersection(s.events)],
            "reached": [s for s in calls if s.reached],
            "left": [s for s in calls if s.number in left],
        }

    @cached_property
    def departure_of(self) -> dict[int, Departure]:
        """The departure of each step that is one."""
        return {departure.step: departure for departure in self.departures}

    @cached_property
    def elsewhere_of(self) -> dict[str, list[WayAround]]:
        """For each denial here that was got around in another session: how."""
        found: dict[str, list[WayAround]] = {}
        for way in self.ways:
            if way.other_side == "reached":
                found.setdefault(way.denied_event, []).append(way)
        return found

    def got_around_elsewhere(self, step: Step) -> list[WayAround]:
        """Return how a step's refusal was got around in other sessions."""
        return [way for event in step.events for way in self.elsewhere_of.get(event, ())]


def ladder(lake: Lake, session: str, as_of: AsOf = None) -> Ladder:
    """Return the ladder of a session, named by its id, a unique prefix of it, or the raw session id.

    Raises UsageError when no session, or more than one, fits.
    """
    told = timeline(lake, session, as_of)
    rows: list[Row] = told.rows.table.to_pylist()
    exchanges = exchanges_of(lake, rows, as_of)
    steps = _steps(rows, exchanges, _channels(lake, rows))
    step_of = {event: step.number for step in steps for event in step.events}
    flows = _flows(told.story, step_of, {step.number for step in steps if step.is_call})
    ways = [*_ways(rows, step_of), *_ways_elsewhere(lake, told, as_of)]
    departures = _departures(steps, flows)
    _tie(steps, flows, ways, step_of)
    known = known_of(lake, told.summary.session, as_of)
    return Ladder(
        told.summary, told.rows.version, _with_facts(told, steps, step_of), steps, flows, ways, departures,
        gaps_of(rows, steps, told.summary, lost_records(lake, told, as_of)), findings_of(lake, told, as_of), **known,
    )  # fmt: skip


# --- steps ------------------------------------------------------------------------------------------------------


def _channels(lake: Lake, rows: Iterable[Row]) -> dict[Place, str | None]:
    calls = {(row["server_name"], row["attempted"]) for row in rows if row["event_class"] in CALLS}
    return channels(sorted(calls, key=str), overrides(lake.path))


def _steps(rows: Iterable[Row], exchanges: dict[str, str], outward: Mapping[Place, str | None]) -> list[Step]:
    together: dict[str, list[Row]] = {}
    for row in rows:
        own: str = row["event_id"]
        together.setdefault(exchanges.get(own, own), []).append(row)
    return [_step(number, seen, outward) for number, seen in enumerate(together.values())]


def _step(number: int, seen: list[Row], outward: Mapping[Place, str | None]) -> Step:
    best = max(seen, key=_tells)
    return Step(
        number, best, seen, [row["event_id"] for row in seen], sorted({row["vantage"] for row in seen}),
        any(row["denied"] for row in seen), any(row["reached"] for row in seen),
        outward[best["server_name"], best["attempted"]] if best["event_class"] in CALLS else None,
    )  # fmt: skip


def _tells(row: Row) -> tuple[bool, ...]:
    """Order witnesses: a denial, then what came of it, then arguments, then the gateway."""
    return (
        row["denied"], row["link"] is not None, row["reached"], row["arguments"] is not None,
        row["outcome"] != "unknown", row["vantage"] == "gateway",
    )  # fmt: skip


def _flows(story: pa.Table, step_of: dict[str, int], calls: set[int]) -> list[Flow]:
    """Return which step's arguments hold what an earlier step's result gave."""
    import polars as pl

    from analytics.stitching.flow import edges

    frame = pl.from_arrow(story.select(["event_id", "args_leaves", "result_leaves"]))
    assert isinstance(frame, pl.DataFrame)
    numbers = pl.Series("place", [step_of[event] for event in frame["event_id"]], dtype=pl.Int64)
    frame = frame.with_columns(numbers, principal=pl.lit(0), seconds=pl.lit(0.0))
    given, asked = _first_event(frame, "result_leaves"), _first_event(frame, "args_leaves")
    return [
        Flow(source, place, shared, given[source], asked[place])
        for source, place, shared in edges(frame).iter_rows()
        if place in calls
    ]


def _first_event(frame: Any, column: str) -> dict[int, str]:
    import polars as pl

    some = frame.filter(pl.col(column).list.len() > 0).unique("place", keep="first", maintain_order=True)
    return dict(some.select("place", "event_id").iter_rows())


def _ways(rows: Iterable[Row], step_of: dict[str, int]) -> list[WayAround]:
    """Return the ways around within the session; two witnesses of one call that disagree are none."""
    return [
        WayAround(
            row["denied_event"], row["event_id"], row["denied_time"], row["denied_tool"], row["denied_server"],
            row["attempted"], row["server_name"], row["link"], tuple(row["way"]),
        )
        for row in rows if row["link"] and step_of[row["denied_event"]] != step_of[row["event_id"]]
    ]  # fmt: skip


def _ways_elsewhere(lake: Lake, told: Timeline, as_of: AsOf) -> list[WayAround]:
    found = []
    for pair in ways_elsewhere(lake, told.story, as_of):
        side = "reached" if pair["denied_session"] == told.summary.session else "denied"
        found.append(
            WayAround(
                pair["denied_event"], pair["reached_event"], pair["denied_time"], pair["denied_tool"],
                pair["denied_server"], pair["reached_tool"], pair["reached_server"], pair["link"], tuple(pair["way"]),
                pair[f"{side}_session"] or "not stitched", side,
            )
        )  # fmt: skip
    return found


def _departures(steps: Sequence[Step], flows: Iterable[Flow]) -> list[Departure]:
    """Return the calls that went out. One that was refused, or failed before a server answered, took nothing out."""
    into: dict[int, list[Flow]] = {}
    for flow in flows:
        into.setdefault(flow.target, []).append(flow)
    left = []
    unseen = False
    for step in steps:
        if step.channel and step.reached and not step.denied:
            came = into.get(step.number, [])
            blind = unseen or step.row["args_state"] in ("absent", "keys_only")
            basis = "data flow" if came else "co-occurrence" if blind else "none"
            shared = sum(flow.shared for flow in came)
            left.append(Departure(step.number, step.channel, basis, shared, tuple(f.source for f in came)))
        unseen |= step.reached and step.row["result_state"] in ("absent", "keys_only")
    return left


def _tie(
    steps: Sequence[Step], flows: Iterable[Flow], ways: Iterable[WayAround], step_of: dict[str, int]
) -> None:
    for flow in flows:
        steps[flow.target].came_from.append(flow)
    for way in ways:
        number = step_of.get(way.reached_event)
        if number is not None and (steps[number].around is None or way.other_session is None):
            steps[number].around = way


def _with_facts(told: Timeline, steps: Sequence[Step], step_of: dict[str, int]) -> pa.Table:
    """Add to each event the call it belongs to, how many saw it, where its data came from, and its channel."""
    import pyarrow as pa

    ids = told.rows.table["event_id"].to_pylist()
    own = [steps[step_of[event]] for event in ids]
    came = [
        [{"event_id": f.source_event, "shared": f.shared} for f in step.came_from if f.target_event == event]
        for event, step in zip(ids, own, strict=True)
    ]
    kind = pa.list_(pa.struct([("event_id", pa.string()), ("shared", pa.int64())]))
    return (
        told.rows.table.append_column("call", pa.array([step.events[0] for step in own], pa.string()))
        .append_column("witnesses", pa.array([len(step.events) for step in own], pa.int64()))
        .append_column("channel", pa.array([step.channel for step in own], pa.string()))
        .append_column("data_from", pa.array(came, kind))
    )
