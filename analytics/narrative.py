"""A session in plain words. Every sentence names the events it was made from, and none says more than they do.

The same events give the same words. Names that an attacker could have chosen stand in quotes unless they are plain
identifiers, and are cut: a tool cannot be called so that the story says something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from analytics.conclusion import MOST_NOTABLE, conclusion
from analytics.introduction import introduction
from analytics.phrases import called, ended, likeness, reason, with_arguments
from analytics.wording import NAMED, counted, listed, named, time_of

if TYPE_CHECKING:
    from analytics.ladder import Ladder
    from analytics.steps import Departure, Flow, Step, WayAround

ONE_BY_ONE = 12
"""Up to so many calls, each has a sentence; more are told in groups around what stands out."""
_OUT = {
    "mail": "by mail", "chat": "by chat", "ticket": "into a ticket or comment", "web": "in a web request",
    "share": "by sharing or publishing", "repository": "into a code repository",
    "posting": "to where others can read it",
}  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """A sentence, the part of the story it belongs to, and the ids of the events it was made from."""

    part: str
    text: str
    events: tuple[str, ...]


def story(ladder: Ladder) -> list[Sentence]:
    """Return the sentences of a session's story in order: who, what happened, how it ended, what is not known."""
    return [
        *(Sentence("who", text, events) for text, events in introduction(ladder)),
        *_happened(ladder),
        *_elsewhere(ladder),
        *(Sentence(part, text, events) for part, text, events in conclusion(ladder)),
        *_not_known(ladder),
    ]


# --- what happened ----------------------------------------------------------------------------------------------


def _happened(ladder: Ladder) -> Iterator[Sentence]:
    calls = ladder.rungs["asked"]
    if not calls:
        events = tuple(step.events[0] for step in ladder.steps)
        kinds = counted([step.row["event_kind"].replace("_", " ") for step in ladder.steps])
        yield Sentence("what", f"No tool was called; there were only {kinds}.", events)
        return
    departures = ladder.departure_of
    notable = _notable(calls, departures) if len(calls) > ONE_BY_ONE else _runs(calls)
    told = {step.number for alike in notable.values() for step in alike}
    plain: list[Step] = []
    for step in calls:
        if step.number in notable:
            yield from _routine(plain, ladder.summary.first)
            plain = []
            yield from _one(notable[step.number], departures, ladder)
        elif step.number not in told:
            plain.append(step)
    yield from _routine(plain, ladder.summary.first)


def _runs(calls: Sequence[Step]) -> dict[int, list[Step]]:
    """Return each run of equal calls in a row by its first."""
    runs: list[list[Step]] = []
    for step in calls:
        if runs and _like(runs[-1][0]) == _like(step):
            runs[-1].append(step)
        else:
            runs.append([step])
    return {run[0].number: run for run in runs}


def _like(step: Step) -> tuple[Any, ...]:
    row = step.row
    same = (row["attempted"], row["server_name"], row["arguments"], row["resource_uri"], row["outcome"])
    return (*same, step.denied, row["decision_reason"], None if step.around is None else step.number)


def _notable(calls: Sequence[Step], departures: Mapping[int, Departure]) -> dict[int, list[Step]]:
    """Return what stands out, by its first step, with the later ones of the same kind."""
    kinds: dict[tuple[Any, ...], list[Step]] = {}
    for step in calls:
        if (rank := _rank(step, departures)) is not None:
            row = step.row
            why = row["decision_reason"] if step.denied else None
            kinds.setdefault((rank, row["attempted"], row["server_name"], row["outcome"], why), []).append(
                step
            )
    chosen = sorted(kinds.items(), key=lambda kind: (kind[0][0], kind[1][0].number))[:MOST_NOTABLE]
    return {steps[0].number: steps for _, steps in chosen}


def _rank(step: Step, departures: Mapping[int, Departure]) -> int | None:
    departure = departures.get(step.number)
    if step.around is not None:
        return 0
    if departure is not None and departure.basis == "data flow":
        return 1
    if step.denied:
        return 2
    if departure is not None:
        return 3
    return None if step.row["outcome"] in ("success", "unknown", "input_required") else 4


def _routine(steps: Sequence[Step], first: datetime) -> Iterator[Sentence]:
    if not steps:
        return
    tools = counted([called(step) for step in steps])
    events = tuple(step.events[0] for step in steps)
    begin, end = steps[0].row["event_time"], steps[-1].row["event_time"]
    from_then = time_of(begin, first)
    when = f"At {from_then}" if len(steps) == 1 else f"From {from_then} to {time_of(end, begin)}"
    calls = "it called" if len(steps) == 1 else f"it made {len(steps):,} calls:"
    answered = sum(step.reached for step in steps)
    if answered == len(steps):
        ended = "" if len(steps) > 1 else ", which was answered"
    else:
        ended = (
            f"; {answered:,} of them are known to have been answered"
            if len(steps) > 1
            else ", with no known answer"
        )
    yield Sentence("what", f"{when} {calls} {tools}{ended}.", events)


def _one(alike: Sequence[Step], departures: Mapping[int, Departure], ladder: Ladder) -> Iterator[Sentence]:
    """Tell a call, and those after it that are like it."""
    step = alike[0]
    row, when = step.row, time_of(step.row["event_time"], ladder.summary.first)
    events = tuple(event for one in alike for event in one.events)
    again = ""
    if len(alike) > 1:
        last = time_of(alike[-1].row["event_time"], row["event_time"])
        again = f" This happened {len(alike):,} times, the last at {last}."
    if step.denied:
        asked = (
            f"At {when} it asked for {called(step)}{with_arguments(row)} and was denied{reason(row)}.{again}"
        )
        yield Sentence("what", asked, events)
    else:
        yield Sentence(
            "what", f"At {when} it called {called(step)}{with_arguments(row)}{ended(row)}.{again}", events
        )
    if step.around is not None:
        yield _around(step.around, row["event_time"])
    left = [departures[one.number] for one in alike if one.number in departures]
    if left:
        yield _left(left, alike, ladder)
    elif came := [flow for one in alike for flow in one.came_from]:
        names = listed(list(dict.fromkeys(called(ladder.steps[flow.source]) for flow in came)))
        result = "result" if len({flow.source for flow in came}) == 1 else "results"
        text = f"{_held(alike)} from the earlier {result} of {names}."
        yield Sentence("what", text, _both_ends(came))


def _around(way: WayAround, reached: datetime) -> Sentence:
    denied = named(way.denied_tool, "a call") + (
        f" on {named(way.denied_server)}" if way.denied_server else ""
    )
    same = likeness(way)
    by = (
        f"by another {listed(list(way.way))}"
        if way.way
        else "the same way, later: it may have been approved meanwhile"
    )
    when = time_of(way.denied_time, reached)
    text = f"That got around a refusal: {denied} was denied at {when}, and this {same}, {by}."
    if not way.way:
        text = f"The same had been denied: {denied}, at {when}; this {same} and went {by}."
    return Sentence("what", text, (way.denied_event, way.reached_event))


def _left(left: Sequence[Departure], alike: Sequence[Step], ladder: Ladder) -> Sentence:
    out = _OUT[left[0].channel]
    it = "it" if len(alike) == 1 else "them"
    events = tuple(ladder.steps[departure.step].events[0] for departure in left)
    if came := [flow for one in alike for flow in one.came_from]:
        names = listed(list(dict.fromkeys(called(ladder.steps[flow.source]) for flow in came)))
        return Sentence(
            "what", f"With {it} {_values(came)} that {names} had returned went out {out}.", _both_ends(came)
        )
    if any(departure.basis == "co-occurrence" for departure in left):
        why = "it came after results, or had arguments, that were not seen"
        text = f"What went out {out} with {it} is not known: {why}."
        return Sentence("what", text, events)
    return Sentence(
        "what", f"What went out {out} with {it} holds no rare value that was first seen in a result.", events
    )


def _held(alike: Sequence[Step]) -> str:
    if len(alike) == 1:
        return f"Its arguments hold {_values(alike[0].came_from)}"
    most = max(sum(flow.shared for flow in one.came_from) for one in alike)
    return f"Their arguments hold {'a value' if most == 1 else f'up to {most:,} values'} each"


def _both_ends(came: Iterable[Flow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event for flow in came for event in (flow.target_event, flow.source_event)))


def _values(came: Iterable[Flow]) -> str:
    count = sum(flow.shared for flow in came)
    return "a value" if count == 1 else f"{count:,} values"


# --- elsewhere, and not known ----------------------------------------------------------------------------------


def _elsewhere(ladder: Ladder) -> Iterator[Sentence]:
    for way in [way for way in ladder.ways if way.other_session is not None][:NAMED]:
        assert way.other_session is not None
        if way.other_side == "denied":
            continue  # told where it was reached
        tool = named(way.reached_tool, "a call") + (
            f" on {named(way.reached_server)}" if way.reached_server else ""
        )
        when = time_of(way.denied_time, ladder.summary.first)
        text = f"What was denied at {when} was reached in session {way.other_session[:8]} with {tool}"
        by = f", by another {listed(list(way.way))}" if way.way else ", the same way"
        yield Sentence("elsewhere", f"{text}{by}: it {likeness(way)}.", (way.denied_event, way.reached_event))


def _not_known(ladder: Ladder) -> Iterator[Sentence]:
    for gap in ladder.gaps:
        yield Sentence("not known", f"Not known: {gap.text}.", gap.events)
