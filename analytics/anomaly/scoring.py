"""Score sessions against a model: how unusual each is, which of its calls is most so, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from analytics.anomaly.calls import Calls, Flags, Floats, Ints, calls_of
from analytics.anomaly.doubt import Doubt
from analytics.anomaly.flows import flows_of
from analytics.anomaly.judged import WEIGHTS, Judged, Weights, bare
from analytics.anomaly.memory import Memory
from analytics.anomaly.model import Habits, Learned, Model, Under, learn
from analytics.anomaly.order import Symbols
from analytics.anomaly.reasons import reasons

PEERS = 20
"""A client's own history outweighs its peers' from so many sessions on."""
BEYOND = 10
"""Nothing is called rarer than a tenth of what would be seen once in so long a history."""
EXPLAINED = 0.9
"""Sessions are explained from this anomaly up."""


@dataclass(frozen=True)
class Scored:
    """One row a session, and one row a call.

    `sessions`: session, anomaly (1 - p, where p is the probability that a session of this client is at least so
    surprising), basis (full, or tools where arguments were not to be seen), calls, surprise (weighed nats), the parts
    flow, foreign, address, given, whole, order, company, bag, length and course in nats, top_event, top_surprise,
    undoubted (the anomaly by what is new alone), and reason (null below EXPLAINED). `calls`: session, event_id,
    surprise, its parts, and source_event, whose result held what the call passed on.
    """

    sessions: pl.DataFrame
    calls: pl.DataFrame


def score(model: Model, events: pa.Table | pl.DataFrame, under: Under | None = None) -> Scored:
    """Score every session of the events; those without a tool call are none.

    They must not be sessions the model was trained on: there, nothing is new. See `review`. A doubt that counted them
    finds what both they and the history hold.
    """
    calls = calls_of(events)
    return _scored(model, calls, *model.judge(calls), lambda _: model.memory, under)


def review(events: pa.Table | pl.DataFrame, weights: Weights = WEIGHTS) -> tuple[Model, Scored]:
    """Train a model and score the very sessions it is trained on, each by the others, all under doubt."""
    learned = learn(events, weights)
    return learned.model, reviewed(learned, Doubt.of(learned.calls))


def reviewed(learned: Learned, doubt: Doubt) -> Scored:
    """Score the sessions of a history under a doubt that counted them."""
    return _scored(
        learned.model, learned.calls, learned.symbols, learned.judged, learned.memory, learned.under(doubt)
    )


def _scored(
    model: Model,
    calls: Calls,
    symbols: Symbols,
    judged: Judged,
    memory: Callable[[int], Memory],
    under: Under | None,
) -> Scored:
    weights, client = model.weights, symbols.client[calls.first[:-1]]
    full = (calls.over_sessions(calls.seen.astype(np.float64)) > 0) & bool(model.values.calls.any())
    bare_total = judged.sessions(calls, bare(weights), model.usual)
    bare_share = _share(model.bare, client, bare_total)
    total = judged.sessions(calls, weights, model.usual)
    share = undoubted = np.where(full, _share(model.full, client, total), bare_share)
    if under is not None:
        judged = judged.under(calls, *under.doubt.passing(calls, flows_of(calls)))
        total = judged.sessions(calls, weights, model.usual.under())
        share = np.where(full, _share(under.full, client, total), bare_share)
    by_call = judged.calls(weights)
    top, anomaly = _top(calls, by_call), 1 - share
    sessions = _sessions(calls, judged, full, np.where(full, total, bare_total), by_call, top).with_columns(
        course=judged.course(calls, weights, model.usual), anomaly=anomaly, undoubted=1 - undoubted
    )
    doubt = under.doubt if under else None
    why = reasons(model, calls, symbols, judged, memory, doubt, top, np.flatnonzero(anomaly >= EXPLAINED))
    return Scored(sessions.with_columns(pl.Series("reason", why, pl.String)), _calls(calls, judged, by_call))


def _share(habits: Habits, client: Ints, total: Floats) -> Floats:
    """Return how probable so great a total is: the client's own share, and its peers' as PEERS sessions more."""
    figures, many = habits.all.figures, len(habits.total) + 1
    own = habits.client * many + np.searchsorted(figures, habits.total)
    below = np.searchsorted(own, client * many + np.searchsorted(figures, total))
    first, last = (np.searchsorted(habits.client, client, side) for side in ("left", "right"))
    share = (last - below + PEERS * habits.all.share(total)) / (last - first + PEERS)
    least = 1 / (BEYOND * (len(figures) + 1))
    bounded: Floats = least + (1 - least) * share
    return bounded


def _top(calls: Calls, by_call: Floats) -> Ints:
    """Return the most surprising call of each session, of equals the first."""
    order = np.lexsort((np.arange(len(by_call)), -by_call, calls.session))
    return order[calls.first[:-1]]


def _sessions(
    calls: Calls, judged: Judged, full: Flags, total: Floats, by_call: Floats, top: Ints
) -> pl.DataFrame:
    return pl.DataFrame({
        "session": calls.sessions, "basis": np.where(full, "full", "tools"), "calls": calls.lengths,
        "surprise": total,
        **{name: calls.over_sessions(values) for name, _, values in judged.by_call(WEIGHTS)},
        "bag": judged.ran.bag, "length": judged.ran.length,
        "top_event": calls.event_id.gather(top), "top_surprise": by_call[top],
    })  # fmt: skip


def _calls(calls: Calls, judged: Judged, by_call: Floats) -> pl.DataFrame:
    source = pl.Series(judged.source).cast(pl.Int64)
    return pl.DataFrame({
        "session": calls.sessions.gather(calls.session), "event_id": calls.event_id, "surprise": by_call,
        **{name: values for name, _, values in judged.by_call(WEIGHTS)},
        "source_event": calls.event_id.gather(source.replace(-1, None)),
    })  # fmt: skip
