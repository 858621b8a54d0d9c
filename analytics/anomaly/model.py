"""Train a model on the events of a history. It holds names of tools and clients, counts, and keyed fingerprints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa

from analytics.anomaly.calls import Calls, Flags, Floats, Ints, calls_of, coded
from analytics.anomaly.doubt import Doubt
from analytics.anomaly.flows import Flows, flows_of
from analytics.anomaly.judged import WEIGHTS, Judged, Usual, Weights, bare
from analytics.anomaly.memory import Memory, Ran, folds_of, held_out
from analytics.anomaly.order import Symbols, symbols_of
from analytics.anomaly.owners import Owners, users_of
from analytics.anomaly.tail import Tail
from analytics.anomaly.values import Values
from analytics.anomaly.wholes import Wholes

FOLDS = 5
OPENING = 0.5
"""What a nat of order counts in the call that opens a session."""


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
    wholes: Wholes
    owners: Owners
    usual: Usual
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
        found = _Found(calls, symbols, flows, new, self.wholes.new(calls), strange, ran)
        return symbols, found.judged(self.values, self.wholes, self.owners)


@dataclass(frozen=True)
class Learned:
    """A model, and the history it was trained on with each session judged by the others."""

    model: Model
    calls: Calls
    symbols: Symbols
    flows: Flows
    judged: Judged
    fold: Ints
    memories: dict[int, Memory]

    def memory(self, session: int) -> Memory:
        """Return what a session was judged by."""
        return self.memories[int(self.fold[session])]

    def under(self, doubt: Doubt) -> Under:
        """Return the doubt with what the sessions of this history come to under it.

        Where nothing came in before, no client has habits of its own: what one does all the time may be the attack.
        """
        judged = self.judged.under(self.calls, *doubt.passing(self.calls, self.flows))
        total = judged.sessions(self.calls, self.model.weights, self.model.usual.under())
        client = self.symbols.client[self.calls.first[:-1]]
        full = _habits(client, total)
        if self.calls.sessions.is_in(doubt.sessions.implode()).all():
            full = replace(full, client=client[:0], total=total[:0])
        return Under(doubt, full)


@dataclass(frozen=True)
class Under:
    """A doubt, and what sessions of history come to under it."""

    doubt: Doubt
    full: Habits


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
    wholes, unlike = Wholes.of(calls, tool, symbols.many, fold)
    owners, strange = Owners.of(values.known, calls, flows, tool, user, len(users))
    ran, memories = held_out(calls, symbols, fold)
    judged = _Found(calls, symbols, flows, new, unlike, strange, ran).judged(values, wholes, owners)
    client, memory = symbols.client[calls.first[:-1]], Memory.of(calls, symbols, fold >= 0)
    usual = judged.usual(calls, weights)
    full, tools_only = (_habits(client, judged.sessions(calls, w, usual)) for w in (weights, bare(weights)))
    model = Model(weights, tools, clients, users, memory, values, wholes, owners, usual, full, tools_only)
    return Learned(model, calls, symbols, flows, judged, fold, memories)


def _names(column: pl.Series) -> tuple[str, ...]:
    return tuple(column.drop_nulls().unique().sort())


@dataclass(frozen=True)
class _Found:
    """Calls, and what of them is new: first uses of values, whole arguments, values of others; and how they ran."""

    calls: Calls
    symbols: Symbols
    flows: Flows
    new: Flags
    unlike: Flags
    strange: Ints
    ran: Ran

    def judged(self, values: Values, wholes: Wholes, owners: Owners) -> Judged:
        """Put the parts together.

        Of a call whose arguments were not to be seen nothing is said about values, nor by a history that saw none. What
        opens a session is what its user asks for, and nobody can have told the agent otherwise by then: what is new in
        it counts for nothing, and which tool it takes for half. Where it goes and whose values it holds does count.
        """
        flows, new, tool = self.flows, self.new, self.symbols.tool
        seen = self.calls.seen & bool(values.calls.any())
        flow, source = values.passing(flows, new, tool, self.symbols.many)
        given, held = values.giving(flows, new, tool)
        told = np.bincount(flows.call[new], minlength=len(tool)) > 0
        parts = (
            flow, owners.surprise(self.strange, tool, values.calls), values.sending(flows, new, tool), given,
            wholes.surprise(self.unlike, told, tool),
        )  # fmt: skip
        flow, foreign, address, given, whole = (np.where(seen, part, 0.0) for part in parts)
        opens, order = self.calls.opens, self.ran.order
        given, whole = (np.where(opens, 0.0, part) for part in (given, whole))
        ran = replace(self.ran, order=np.where(opens, OPENING * order, order))
        return Judged(flow, source, np.zeros(len(tool), np.bool_), foreign, address, given, held, whole, ran)


def _habits(client: Ints, total: Floats) -> Habits:
    order = np.lexsort((total, client))
    return Habits(Tail.of(total), client[order], total[order])
