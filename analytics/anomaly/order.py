"""How surprising a tool is after the two before it.

Interpolated n-grams after Witten and Bell (The Zero-Frequency Problem, IEEE Trans. Inf. Theory 37(4), 1991): a context
that was followed by few kinds of tool is trusted, one that was followed by many leaves more to the next. The contexts,
from the last resort up: none, one tool before, two tools before, and one tool before at the same client. So a client
with a history is judged by it, and one without by its peers. Sessions begin and end with symbols of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Calls, Flags, Floats, Ints
from analytics.anomaly.counted import Counted


@dataclass(frozen=True)
class Symbols:
    """Calls as numbers: the tool, the one before, and the one before that; a place among `tools` known.

    `tools` itself stands for a tool that is not known, `tools + 1` for the start of a session and `tools + 2` for its
    end.
    """

    tools: int
    tool: Ints
    before: Ints
    earlier: Ints
    client: Ints

    @property
    def many(self) -> int:
        """Return how many symbols there are."""
        return self.tools + 3

    def where(self, mask: Flags) -> Symbols:
        """Return the calls the mask keeps."""
        return Symbols(self.tools, self.tool[mask], self.before[mask], self.earlier[mask], self.client[mask])


def symbols_of(calls: Calls, tools: int, tool: Ints, client: Ints) -> Symbols:
    """Return the calls with what went before each in its session."""
    start = np.full(len(tool), tools + 1)
    before, earlier = start.copy(), start.copy()
    same = calls.session[1:] == calls.session[:-1]
    before[1:][same] = tool[:-1][same]
    earlier[1:][same] = before[:-1][same]
    return Symbols(tools, tool, before, earlier, client)


def with_ends(calls: Calls, given: Symbols) -> tuple[Symbols, Ints]:
    """Return the calls with one more symbol after each session, and the session of each."""
    last = calls.first[1:] - 1
    joined = Symbols(
        given.tools,
        np.append(given.tool, np.full(len(last), given.tools + 2)),
        np.append(given.before, given.tool[last]),
        np.append(given.earlier, given.before[last]),
        np.append(given.client, given.client[last]),
    )
    return joined, np.append(calls.session, np.arange(len(last)))


@dataclass(frozen=True)
class Follows:
    """What followed each context: how often each tool, how often anything, and how many kinds."""

    pair: Counted
    total: Counted
    kinds: Counted

    @classmethod
    def of(cls, context: Ints, tool: Ints, many: int) -> Follows:
        """Count what followed."""
        pair = Counted.of(context * many + tool)
        return cls(pair, Counted.of(context), Counted.of(pair.key // many))

    def likely(self, context: Ints, tool: Ints, many: int, otherwise: Floats) -> Floats:
        """Return the probability of each tool after each context, given that without it."""
        kinds = np.maximum(self.kinds.of_each(context), 1)
        return (self.pair.of_each(context * many + tool) + kinds * otherwise) / (
            self.total.of_each(context) + kinds
        )


@dataclass(frozen=True)
class Order:
    """The n-grams of a history."""

    alone: Ints
    one: Follows
    two: Follows
    own: Follows

    @classmethod
    def of(cls, given: Symbols) -> Order:
        """Learn from calls, the ends of sessions among them."""
        many = given.many
        return cls(
            np.bincount(given.tool, minlength=many),
            Follows.of(given.before, given.tool, many),
            Follows.of(given.earlier * many + given.before, given.tool, many),
            Follows.of(given.client * many + given.before, given.tool, many),
        )

    def surprise(self, given: Symbols) -> Floats:
        """Return minus the logarithm of each call's probability, in nats."""
        many, kinds = given.many, np.count_nonzero(self.alone)
        likely = (self.alone[given.tool] + kinds / many) / (self.alone.sum() + max(kinds, 1))
        likely = self.one.likely(given.before, given.tool, many, likely)
        likely = self.two.likely(given.earlier * many + given.before, given.tool, many, likely)
        likely = self.own.likely(given.client * many + given.before, given.tool, many, likely)
        surprise: Floats = -np.log(np.maximum(likely, 1e-300))
        return surprise
