"""Train a model on the events of a history. It holds names of tools and clients, counts, and keyed fingerprints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from analytics.anomaly.calls import Calls, Flags, Floats, Ints, calls_of, coded
from analytics.anomaly.flows import Flows, flows_of
from analytics.anomaly.memory import Memory, Ran, folds_of, held_out
from analytics.anomaly.order import Symbols, symbols_of
from analytics.anomaly.tail import Tail
from analytics.anomaly.values import Values

FOLDS = 5


@dataclass(frozen=True)
class Weights:
    """How much a nat of each part counts.

    Of the parts that judge calls, the greatest surprise of any call counts. Order, company and bags see the same thing
    from three sides and weigh half each; so does length, for long sessions are not bad ones. A new value carried from a
    result counts four times: every new errand breaks the habits of order, and hardly any carries a new value.
    """

    flow: float = 4.0
    given: float = 1.0
    order: float = 0.5
    company: float = 0.5
    bag: float = 0.5
    length: float = 0.5


WEIGHTS = Weights()


@dataclass(frozen=True)
class Judged:
    """Surprise in nats: by flow and given values of each call, and by how sessions ran.

    `source` is the call whose result held what a call passed on, `held` how many new values from nowhere it has.
    """

    flow: Floats
    source: Ints
    given: Floats
    held: Ints
    ran: Ran

    def calls(self, weights: Weights) -> Floats:
        """Return the weighed surprise of each call."""
        w = weights
        return (
            w.flow * self.flow
            + w.given * self.given
            + w.order * self.ran.order
            + w.company * self.ran.company
        )

    def sessions(self, calls: Calls, weights: Weights) -> Floats:
        """Return the weighed surprise of each session."""
        w, most = weights, calls.over_sessions
        of_tools = w.order * most(self.ran.order) + w.company * most(self.ran.company)
        of_values = w.flow * most(self.flow) + w.given * most(self.given)
        return of_tools + of_values + w.bag * self.ran.bag + w.length * self.ran.length


@dataclass(frozen=True)
class Habits:
    """What sessions of history came to, each judged by the others: all of them, and by client (ascending)."""

    all: Tail
    client: Ints
    total: Floats


@dataclass(frozen=True)
class Model:
    """What was learned. `full` are the totals of sessions by everything, `bare` those by tools alone."""

    tools: tuple[str, ...]
    clients: tuple[str, ...]
    memory: Memory
    values: Values
    full: Habits
    bare: Habits

    def symbols(self, calls: Calls) -> Symbols:
        """Return calls as the model's numbers."""
        tool = coded(calls.tool, self.tools)
        return symbols_of(calls, len(self.tools), tool, coded(calls.client, self.clients))


def train(events: pa.Table | pl.DataFrame, weights: Weights = WEIGHTS) -> Model:
    """Learn from the events of a history, in the columns COLUMNS names; sessions are as `session` says.

    The same events in any order, under any site key, give the same scores. Raises ValueError when there is nothing to
    learn from.
    """
    calls = calls_of(events)
    if not len(calls):
        raise ValueError("there is no tool call to learn from: take in some history first")
    tools, clients = tuple(calls.tool.unique().sort()), tuple(calls.client.unique().sort())
    tool = coded(calls.tool, tools)
    symbols = symbols_of(calls, len(tools), tool, coded(calls.client, clients))
    flows, fold = flows_of(calls), folds_of(calls, tool, tools, FOLDS)
    values, new = Values.of(calls, flows, tool, symbols.many, fold)
    judged = judged_by(values, held_out(calls, symbols, fold), symbols, flows, new, calls.seen)
    client = symbols.client[calls.first[:-1]]
    return Model(
        tools, clients, Memory.of(calls, symbols, fold >= 0), values,
        _habits(client, judged.sessions(calls, weights)),
        _habits(client, judged.sessions(calls, bare(weights))),
    )  # fmt: skip


def bare(weights: Weights) -> Weights:
    """Return the weights for sessions whose arguments were not there to see."""
    return Weights(0.0, 0.0, weights.order, weights.company, weights.bag, weights.length)


def judged_by(values: Values, ran: Ran, symbols: Symbols, flows: Flows, new: Flags, seen: Flags) -> Judged:
    """Return the surprise of calls and sessions; `new` says which first uses are of a value not known.

    Of a call whose arguments were not to be seen nothing is said about values.
    """
    flow, source = values.passing(flows, new, symbols.tool, symbols.many)
    given, held = values.giving(flows, new, symbols.tool)
    return Judged(np.where(seen, flow, 0.0), source, np.where(seen, given, 0.0), held, ran)


def _habits(client: Ints, total: Floats) -> Habits:
    order = np.lexsort((total, client))
    return Habits(Tail.of(total), client[order], total[order])
