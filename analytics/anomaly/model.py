"""Train a model on the events of a history. It holds names of tools and clients, counts, and keyed fingerprints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa

from analytics.anomaly.calls import Calls, Flags, Floats, Ints, calls_of, coded
from analytics.anomaly.flows import Flows, flows_of
from analytics.anomaly.memory import Memory, Ran, folds_of, held_out
from analytics.anomaly.order import Symbols, symbols_of
from analytics.anomaly.owners import Owners, users_of
from analytics.anomaly.tail import Tail
from analytics.anomaly.values import Values

FOLDS = 5


@dataclass(frozen=True)
class Weights:
    """How much a nat of each part counts.

    Of the parts that judge calls, the greatest surprise of any call counts. Order, company and bags see the same thing
    from three sides and weigh half each; so does length, for long sessions are not bad ones. Every new errand breaks
    the habits of order, some go to new addresses, and hardly any passes on a new value from a result, or one of another
    user: these count twice and four times.
    """

    flow: float = 4.0
    foreign: float = 4.0
    address: float = 2.0
    given: float = 1.0
    order: float = 0.5
    company: float = 0.5
    bag: float = 0.5
    length: float = 0.5


WEIGHTS = Weights()


@dataclass(frozen=True)
class Judged:
    """Surprise in nats: by the values of each call, passed on, another's, addresses, or given, and by how sessions ran.

    `source` is the call whose result held what a call passed on, `held` how many new values from nowhere it has.
    """

    flow: Floats
    source: Ints
    foreign: Floats
    address: Floats
    given: Floats
    held: Ints
    ran: Ran

    def by_call(self, weights: Weights) -> list[tuple[str, float, Floats]]:
        """Return the parts that judge calls: name, weight, and nats of each call."""
        parts = {
            "flow": self.flow, "foreign": self.foreign, "address": self.address, "given": self.given,
            "order": self.ran.order, "company": self.ran.company,
        }  # fmt: skip
        return [(name, getattr(weights, name), values) for name, values in parts.items()]

    def calls(self, weights: Weights) -> Floats:
        """Return the weighed surprise of each call."""
        total: Floats = np.sum([weight * values for _, weight, values in self.by_call(weights)], axis=0)
        return total

    def sessions(self, calls: Calls, weights: Weights) -> Floats:
        """Return the weighed surprise of each session."""
        of_calls = [weight * calls.over_sessions(values) for _, weight, values in self.by_call(weights)]
        of_tools = weights.bag * self.ran.bag + weights.length * self.ran.length
        total: Floats = np.sum([*of_calls, of_tools], axis=0)
        return total


@dataclass(frozen=True)
class Habits:
    """What sessions of history came to, each judged by the others: all of them, and by client (ascending)."""

    all: Tail
    client: Ints
    total: Floats


@dataclass(frozen=True)
class Model:
    """What was learned. `full` are the totals of sessions by everything, `bare` those by tools alone."""

    weights: Weights
    tools: tuple[str, ...]
    clients: tuple[str, ...]
    users: tuple[str, ...]
    memory: Memory
    values: Values
    owners: Owners
    full: Habits
    bare: Habits

    def judge(self, calls: Calls) -> tuple[Symbols, Judged]:
        """Return calls as the model's numbers, and their surprise."""
        tool, user = coded(calls.tool, self.tools), users_of(calls, self.users)
        symbols = symbols_of(calls, len(self.tools), tool, coded(calls.client, self.clients))
        flows = flows_of(calls)
        new = self.values.new(flows)
        strange = self.owners.strange(self.values.known, flows, new, user)
        ran = self.memory.judge(calls, symbols, np.ones(len(calls.sessions), np.bool_))
        return symbols, _judged(calls, symbols, flows, new, strange, ran, self.values, self.owners)


@dataclass(frozen=True)
class Learned:
    """A model, and the history it was trained on with each session judged by the others."""

    model: Model
    calls: Calls
    symbols: Symbols
    judged: Judged
    fold: Ints
    memories: dict[int, Memory]

    def memory(self, session: int) -> Memory:
        """Return what a session was judged by."""
        return self.memories[int(self.fold[session])]


def train(events: pa.Table | pl.DataFrame, weights: Weights = WEIGHTS) -> Model:
    """Learn from the events of a history, in the columns COLUMNS names; sessions are as `session` says.

    The same events in any order, under any site key, give the same scores; only events of one session at the same
    microsecond keep the order they are given in. Raises ValueError when there is nothing to learn from.
    """
    return learn(events, weights).model


def learn(events: pa.Table | pl.DataFrame, weights: Weights = WEIGHTS) -> Learned:
    """Train a model, and judge each session of the history by the folds it is not in."""
    calls = calls_of(events)
    if not len(calls):
        raise ValueError("there is no tool call to learn from: take in some history first")
    tools, clients, users = _names(calls.tool), _names(calls.client), _names(calls.user)
    tool, user = coded(calls.tool, tools), users_of(calls, users)
    symbols = symbols_of(calls, len(tools), tool, coded(calls.client, clients))
    flows, fold = flows_of(calls), folds_of(calls, tool, tools, FOLDS)
    values, new = Values.of(calls, flows, tool, symbols.many, fold)
    owners, strange = Owners.of(values.known, calls, flows, tool, user, len(users))
    ran, memories = held_out(calls, symbols, fold)
    judged = _judged(calls, symbols, flows, new, strange, ran, values, owners)
    client, memory = symbols.client[calls.first[:-1]], Memory.of(calls, symbols, fold >= 0)
    full, tools_only = (_habits(client, judged.sessions(calls, some)) for some in (weights, bare(weights)))
    model = Model(weights, tools, clients, users, memory, values, owners, full, tools_only)
    return Learned(model, calls, symbols, judged, fold, memories)


def _names(column: pl.Series) -> tuple[str, ...]:
    return tuple(column.drop_nulls().unique().sort())


def bare(weights: Weights) -> Weights:
    """Return the weights for sessions whose arguments were not there to see."""
    return replace(weights, flow=0.0, foreign=0.0, address=0.0, given=0.0)


def _judged(
    calls: Calls,
    symbols: Symbols,
    flows: Flows,
    new: Flags,
    strange: Ints,
    ran: Ran,
    values: Values,
    owners: Owners,
) -> Judged:
    """Put the parts together.

    Of a call whose arguments were not to be seen nothing is said about values, nor by a history that saw none.
    """
    tool, seen = symbols.tool, calls.seen & bool(values.calls.any())
    flow, source = values.passing(flows, new, tool, symbols.many)
    given, held = values.giving(flows, new, tool)
    foreign, address = owners.surprise(strange, tool, values.calls), values.sending(flows, new, tool)
    flow, foreign, address, given = (np.where(seen, part, 0.0) for part in (flow, foreign, address, given))
    return Judged(flow, source, foreign, address, given, held, ran)


def _habits(client: Ints, total: Floats) -> Habits:
    order = np.lexsort((total, client))
    return Habits(Tail.of(total), client[order], total[order])
