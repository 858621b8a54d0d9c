"""Why a session surprised: the call that did most, by its greatest part, with the numbers behind it."""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.anomaly.calls import Calls, Ints
from analytics.anomaly.model import Judged, Model, Weights
from analytics.anomaly.order import Symbols


def reasons(
    model: Model, calls: Calls, symbols: Symbols, judged: Judged, weights: Weights, top: Ints, sessions: Ints
) -> pl.Series:
    """Return a sentence for each of the sessions named, null for the others."""
    texts: list[str | None] = [None] * len(top)
    for session in sessions.tolist():
        texts[session] = _reason(model, calls, symbols, judged, weights, int(top[session]))
    return pl.Series("reason", texts, pl.String)


def _reason(model: Model, calls: Calls, symbols: Symbols, judged: Judged, weights: Weights, call: int) -> str:
    parts = {
        "flow": weights.flow * judged.flow[call], "foreign": weights.foreign * judged.foreign[call],
        "address": weights.address * judged.address[call],
        "given": weights.given * judged.given[call],
        "order": weights.order * judged.ran.order[call], "company": weights.company * judged.ran.company[call],
    }  # fmt: skip
    tool, code = calls.tool[call], int(symbols.tool[call])
    worst = max(parts, key=lambda part: parts[part])
    if worst == "flow":
        source = int(judged.source[call])
        passed = model.values.passed.of_each(np.array([symbols.tool[source] * symbols.many + code]))[0]
        return (
            f"{tool} was given a value that first appeared in the result of {calls.tool[source]} and in none of the "
            f"{len(model.full.total)} sessions of history; {passed} of {model.values.calls[code]} calls of this tool "
            f"took a new value from there"
        )
    if worst == "foreign":
        return (
            f"{tool} was given a value that history has seen with one other user only; "
            f"{model.owners.foreign.of_each(np.array([code]))[0]} of {model.values.calls[code]} calls of this tool were"
        )
    if worst == "address":
        return (
            f"{tool} was given an address that none of the {len(model.full.total)} sessions of history and no earlier "
            f"result held; {model.values.sent.of_each(np.array([code]))[0]} of {model.values.calls[code]} calls of "
            f"this tool were given a new one"
        )
    if worst == "given":
        return (
            f"{tool} was given {judged.held[call]} values that history does not know and no earlier result held: "
            f"{judged.given[call]:.1f} nats"
        )
    if worst == "order":
        return _order(model, calls, symbols, judged, call)
    return (
        f"{tool} is seldom used after the other tools of this session: {judged.ran.company[call]:.1f} nats; "
        f"{model.memory.company.used[code]} of {len(model.full.total)} sessions of history use it"
    )


def _order(model: Model, calls: Calls, symbols: Symbols, judged: Judged, call: int) -> str:
    tool, before, many = int(symbols.tool[call]), int(symbols.before[call]), symbols.many
    one = model.memory.order.one
    times = one.pair.of_each(np.array([before * many + tool]))[0]
    total = one.total.of_each(np.array([before]))[0]
    if tool == symbols.tools:
        return f"{calls.tool[call]} was never used in history: {judged.ran.order[call]:.1f} nats"
    after = "opened the session" if before == symbols.tools + 1 else f"came after {calls.tool[call - 1]}"
    return f"{calls.tool[call]} {after}, as {times} times in {total}: {judged.ran.order[call]:.1f} nats"
