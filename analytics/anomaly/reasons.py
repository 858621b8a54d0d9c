"""Why a session surprised: the call that did most, by its greatest part, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Calls, Ints
from analytics.anomaly.counted import Counted
from analytics.anomaly.doubt import Doubt
from analytics.anomaly.judged import Judged
from analytics.anomaly.memory import Memory
from analytics.anomaly.model import Model
from analytics.anomaly.order import Symbols


@dataclass(frozen=True)
class Case:
    """A call to be explained, and all that is known about it."""

    model: Model
    calls: Calls
    symbols: Symbols
    judged: Judged
    memory: Memory
    doubt: Doubt | None
    call: int

    @property
    def tool(self) -> str:
        """Return the name of the tool."""
        return str(self.calls.tool[self.call])

    @property
    def code(self) -> int:
        """Return the tool's number."""
        return int(self.symbols.tool[self.call])

    @property
    def sessions(self) -> str:
        """Return how many sessions of history this one was judged by."""
        return f"{self.memory.company.sessions:,} sessions it was compared with"

    def share(self, counted: Counted, key: int) -> str:
        """Return how many of the tool's calls in history were counted."""
        return f"{counted.of_each(np.array([key]))[0]:,} of {self.model.values.calls[self.code]:,} calls of this tool"


def reasons(
    model: Model,
    calls: Calls,
    symbols: Symbols,
    judged: Judged,
    memory: Callable[[int], Memory],
    doubt: Doubt | None,
    top: Ints,
    sessions: Ints,
) -> list[str | None]:
    """Return a sentence for each of the sessions named, None for the others; `memory` is what each was judged by."""
    texts: list[str | None] = [None] * len(top)
    parts = {name: weight * values for name, weight, values in judged.by_call(model.weights)}
    for session in sessions.tolist():
        call = int(top[session])
        worst = max(parts, key=lambda part: float(parts[part][call]))
        texts[session] = _SAID[worst](Case(model, calls, symbols, judged, memory(session), doubt, call))
    return texts


def _flow(case: Case) -> str:
    source = int(case.judged.source[case.call])
    if case.doubt is not None and case.judged.doubted[case.call]:
        others, kinds = case.doubt.ways(str(case.calls.tool[source]), case.tool)
        return (
            f"{case.tool} was given a value that came from the result of {case.calls.tool[source]}, as it nearly "
            f"always does; of the {kinds:,} values this tool was given {others:,} others came that way"
        )
    edge = int(case.symbols.tool[source]) * case.symbols.many + case.code
    return (
        f"{case.tool} was given a value that first appeared in the result of {case.calls.tool[source]} and in none of "
        f"the {case.sessions}; {case.share(case.model.values.passed, edge)} took a new value from there"
    )


def _foreign(case: Case) -> str:
    share = case.share(case.model.owners.foreign, case.code)
    return f"{case.tool} was given a value that history has seen with one other user only; {share} were"


def _address(case: Case) -> str:
    return (
        f"{case.tool} was given an address that none of the {case.sessions} and no earlier result held; "
        f"{case.share(case.model.values.sent, case.code)} were given a new one"
    )


def _given(case: Case) -> str:
    held, nats = case.judged.held[case.call], case.judged.given[case.call]
    return f"{case.tool} was given {held} values that history does not know and no earlier result held: {nats:.1f} nats"


def _whole(case: Case) -> str:
    unlike, calls = (int(of[case.code]) for of in (case.model.wholes.unlike, case.model.wholes.calls))
    return (
        f"{case.tool} was given arguments that none of the {case.sessions} gave to any tool; so were {unlike:,} of "
        f"{calls:,} calls of this tool"
    )


def _order(case: Case) -> str:
    code, before, nats = case.code, int(case.symbols.before[case.call]), case.judged.ran.order[case.call]
    if code == case.symbols.tools:
        return f"{case.tool} was never used in history: {nats:.1f} nats"
    one = case.memory.order.one
    times, total = (
        one.pair.of_each(np.array([before * case.symbols.many + code])),
        one.total.of_each(np.array([before])),
    )
    opened = before == case.symbols.tools + 1
    after = "opened the session" if opened else f"came after {case.calls.tool[case.call - 1]}"
    return f"{case.tool} {after}, as {times[0]:,} times in {total[0]:,}: {nats:.1f} nats"


def _company(case: Case) -> str:
    used, nats = case.memory.company.used[case.code], case.judged.ran.company[case.call]
    return (
        f"{case.tool} is seldom used after the other tools of this session: {nats:.1f} nats beyond its rarity; "
        f"{used:,} of {case.sessions} use it"
    )


_SAID: dict[str, Callable[[Case], str]] = {
    "flow": _flow, "foreign": _foreign, "address": _address, "given": _given, "whole": _whole, "order": _order,
    "company": _company,
}  # fmt: skip
