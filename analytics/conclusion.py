"""How a story ends: what came of it in sum, and what was found in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analytics.wording import length, listed, named

if TYPE_CHECKING:
    from analytics.ladder import Ladder
    from analytics.steps import Step

MOST_NOTABLE = 40
WORTH_SAYING = 0.5
"""Anomaly from which on a story speaks of it."""
LONGEST_REASON = 400
"""Characters of what a detection says of a finding."""


def conclusion(ladder: Ladder) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the part of the story, a sentence, and the events that show it."""
    yield from _sum(ladder)
    yield from _found(ladder)


def _sum(ladder: Ladder) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    count = {name: len(steps) for name, steps in ladder.rungs.items()}
    around = {way.denied_event for way in ladder.ways if way.way}
    calls = ladder.rungs["asked"]
    if not calls:
        return
    lasted = (ladder.summary.last - ladder.summary.first).total_seconds()
    took = f"In {length(lasted)}" if lasted >= 1 else "In less than a second"
    parts = [_answered(calls, count)]
    if count["denied"] or around:
        parts.append(f"{_number(len(around), 'refusal was', 'refusals were')} got around")
    parts.append(f"{_number(count['left'], 'call', 'calls')} handed something out by the names of the tools")
    asked = "one call" if len(calls) == 1 else f"{len(calls):,} calls"
    yield "sum", f"{took} it asked for {asked}: {'; '.join(parts)}.", tuple(step.events[0] for step in calls)


def _answered(calls: Sequence[Step], count: Mapping[str, int]) -> str:
    """Say how many calls were denied and answered; nothing is said of those whose end no witness tells."""
    if len(calls) > 1:
        untold = sum(not (s.denied or s.reached) and s.row["outcome"] == "unknown" for s in calls)
        parts = [f"{_number(count['denied'], 'was', 'were')} denied"]
        if count["reached"] or not untold:
            parts.append(f"{_number(count['reached'], 'was', 'were')} answered")
        return listed([*parts, f"of {untold:,} no answer is known"] if untold else parts)
    [call] = calls
    if call.denied and call.reached:
        return "one witness says it was denied, another that it was answered"
    return "it was denied" if call.denied else "it was answered" if call.reached else "no answer is known"


def _number(count: int, one: str, many: str) -> str:
    nothing = "none" if one == "was" else "no"
    return f"{nothing} {many}" if count == 0 else f"{count:,} {one if count == 1 else many}"


def _found(ladder: Ladder) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    kinds: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for finding in ladder.findings:
        kind = (finding["title"], finding["severity"], finding["detection"], finding["state"])
        kinds.setdefault(kind, []).append(finding)
    for (title, severity, detection, state), alike in list(kinds.items())[:MOST_NOTABLE]:
        judged = "" if state == "open" else f", judged {state}"
        times, first = ("", "") if len(alike) == 1 else (f" {len(alike):,} times", ", first")
        why = named(alike[0]["explanation"], longest=LONGEST_REASON)
        text = f"A detection found here{times}: {title} ({severity}, {detection}{judged}){first}: {why}."
        yield "found", text, tuple(dict.fromkeys(e for one in alike for e in one["evidence"]))
    if ladder.top_event is not None and (ladder.anomaly or 0) >= WORTH_SAYING:
        share = f"{100 * (ladder.anomaly or 0):.2f}".rstrip("0").rstrip(".")
        text = f"By its client's past it is more surprising than {share} in 100 sessions, and this event most of all."
        yield "found", text, (ladder.top_event,)
