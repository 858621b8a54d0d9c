"""How surprising it is that a call holds a value nobody has seen, by where the session got it from.

A value is new when no session of history held it, in arguments or results. Some tools take new values in every call
(the text of a mail), and some pass on what another tool has just made (the id of an order): both are learned, as shares
of the tool's calls. What is learned about a session of history is learned from the others only: history is cut into
folds, and a value that one fold alone holds was new there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Calls, Flags, Floats, Ints
from analytics.anomaly.counted import Counted
from analytics.anomaly.flows import Flows, worst_of
from analytics.anomaly.folds import alone

COUNTED = 4
"""Calls with so many new values or more are alike."""


@dataclass(frozen=True)
class Values:
    """The values known, and how many calls of each tool held new ones.

    `passed` counts calls of a tool that passed on a new value from another (key: source * many + tool); `given` counts
    those with at least n new values from nowhere (key: tool * (COUNTED + 1) + n), `sent` those where one of them is an
    address (key: tool). `marked` is how many calls had their addresses marked at all.
    """

    known: Ints
    calls: Ints
    passed: Counted
    given: Counted
    sent: Counted
    marked: int
    passed_share: float
    given_share: Floats
    sent_share: float

    @classmethod
    def of(cls, calls: Calls, flows: Flows, tool: Ints, many: int, fold: Ints) -> tuple[Values, Flags]:
        """Learn from history; returns also which first uses were of a value that was new at the time."""
        known, new = _known(calls, flows, fold)
        total = np.bincount(tool[calls.seen], minlength=many)
        hot = new & flows.carried
        edge = np.unique(flows.call[hot] * many + tool[flows.source[hot]])
        passed = Counted.of((edge % many) * many + tool[edge // many])
        held = np.bincount(flows.call[new & ~flows.carried], minlength=len(tool))
        at_least = [np.flatnonzero(calls.seen & (held >= n)) for n in range(1, COUNTED + 1)]
        keys = [tool[at] * (COUNTED + 1) + n for n, at in enumerate(at_least, 1)]
        sent = np.unique(flows.call[new & ~flows.carried & flows.address])
        everything = len(calls.seen) + 1
        found = cls(
            known, total, passed, Counted.of(np.concatenate(keys)), Counted.of(tool[sent]),
            int(calls.marked.sum()),
            (len(np.unique(flows.call[hot])) + 0.5) / everything,
            np.array([1.0, *((len(at) + 0.5) / everything for at in at_least)]), (len(sent) + 0.5) / everything,
        )  # fmt: skip
        return found, new

    def new(self, flows: Flows) -> Flags:
        """Say which first uses are of a value that history does not know."""
        if not len(self.known):
            return np.ones(len(flows.value), np.bool_)
        place = np.minimum(np.searchsorted(self.known, flows.value), len(self.known) - 1)
        unknown: Flags = self.known[place] != flows.value
        return unknown

    def passing(self, flows: Flows, new: Flags, tool: Ints, many: int) -> tuple[Floats, Ints]:
        """Return of each call its surprise at passing on new values, and the call whose result held the worst."""
        hot = new & flows.carried
        call, come = flows.call[hot], flows.source[hot]
        seen = self.passed.of_each(tool[come] * many + tool[call])
        nats = -np.log((seen + self.passed_share) / (self.calls[tool[call]] + 1))
        return worst_of(call, come, nats, len(tool))

    def giving(self, flows: Flows, new: Flags, tool: Ints) -> tuple[Floats, Ints]:
        """Return of each call its surprise at holding so many new values from nowhere, and how many."""
        held = np.bincount(flows.call[new & ~flows.carried], minlength=len(tool))
        many = np.minimum(held, COUNTED)
        seen = self.given.of_each(tool * (COUNTED + 1) + many)
        share = (seen + self.given_share[many]) / (self.calls[tool] + 1)
        return np.where(held > 0, -np.log(np.minimum(share, 1)), 0.0), held

    def sending(self, flows: Flows, new: Flags, tool: Ints) -> Floats:
        """Return of each call its surprise at holding a new address from nowhere, 0 where it holds none.

        A history whose addresses were never marked has nothing to say.
        """
        surprise = np.zeros(len(tool))
        if not self.marked:
            return surprise
        sent = np.unique(flows.call[new & ~flows.carried & flows.address])
        of = tool[sent]
        surprise[sent] = -np.log((self.sent.of_each(of) + self.sent_share) / (self.calls[of] + 1))
        return surprise


def _known(calls: Calls, flows: Flows, fold: Ints) -> tuple[Ints, Flags]:
    """Return the values of history, and which first uses are of one that a single fold holds."""
    values = np.concatenate([flows.value, calls.results.value])
    folds = fold[calls.session[np.concatenate([flows.call, calls.results.call])]]
    known, by_itself = alone(values, folds)
    return known, by_itself[: len(flows.value)]
