"""What was found of sessions, part by part, and how the parts make one total."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analytics.anomaly.calls import Calls, Flags, Floats, Ints
from analytics.anomaly.memory import Ran
from analytics.anomaly.tail import Tail


@dataclass(frozen=True)
class Weights:
    """How much a nat of each part counts.

    Of the parts that judge calls, the greatest surprise of any call counts. Order, company and bag see the course of a
    session from three sides: their weighed sum is made the surprise at a session of history that strays so far, and
    that counts twice (`course`). Length counts half, for long sessions are not bad ones. Every new errand breaks the
    habits of order, and hardly any passes on a new value from a result: that counts four times. A new address counts
    twice by how rare it is for the tool, and three times by how rare sessions that go to any are (`sent`): a tool that
    is seldom used at all may well be used for nothing else. A value of one other user counts eight times: where honest
    sessions of different users were joined, it is worth twice what flow is, and more.
    """

    flow: float = 4.0
    foreign: float = 8.0
    address: float = 2.0
    given: float = 1.0
    whole: float = 1.0
    order: float = 0.5
    company: float = 1.0
    bag: float = 0.5
    length: float = 0.5
    course: float = 2.0
    sent: float = 3.0


WEIGHTS = Weights()
ODDEST = 3.0
"""Nats: one session in twenty, the share of an honest history that waits on probation."""


def bare(weights: Weights) -> Weights:
    """Return the weights for sessions whose arguments were not there to see."""
    return replace(weights, flow=0.0, foreign=0.0, address=0.0, given=0.0, whole=0.0, sent=0.0)


@dataclass(frozen=True)
class Usual:
    """How far sessions of history strayed, and what share of them went to a new address, each judged by the others."""

    course: Tail
    sent: float

    def under(self) -> Usual:
        """Return what is usual where nobody looked at the history: of new addresses nothing odder than ODDEST."""
        return replace(self, sent=max(self.sent, math.exp(-ODDEST)))


@dataclass(frozen=True)
class Judged:
    """Surprise in nats: by the values of each call, passed on, another's, addresses, or given, and by how sessions ran.

    `source` is the call whose result held what a call passed on, `doubted` whether history knew it and it was passed on
    all the same; `held` is how many new values from nowhere a call has, `whole` the surprise at arguments of which only
    the whole is new.
    """

    flow: Floats
    source: Ints
    doubted: Flags
    foreign: Floats
    address: Floats
    given: Floats
    held: Ints
    whole: Floats
    ran: Ran

    def by_call(self, weights: Weights) -> list[tuple[str, float, Floats]]:
        """Return the parts that judge calls: name, weight, and nats of each call."""
        return [
            (name, getattr(weights, name), values) for name, values in (*self._by_value(), *self._by_place())
        ]

    def calls(self, weights: Weights) -> Floats:
        """Return the weighed surprise of each call."""
        total: Floats = np.sum([weight * values for _, weight, values in self.by_call(weights)], axis=0)
        return total

    def under(self, calls: Calls, nats: Floats, source: Ints) -> Judged:
        """Return the same with what a doubt says of each call, where that is more than history alone does.

        Of what users give of themselves nothing is called odder than ODDEST: a history that was not looked at cannot
        vouch for its addresses, and would else say more of them than of what was passed on.
        """
        more = calls.seen & (nats > self.flow)
        flow, source = np.where(more, nats, self.flow), np.where(more, source, self.source)
        address, given = (np.minimum(part, ODDEST) for part in (self.address, self.given))
        return replace(self, flow=flow, source=source, doubted=more, address=address, given=given)

    def usual(self, calls: Calls, weights: Weights) -> Usual:
        """Return what is usual among these sessions."""
        sent = np.count_nonzero(calls.over_sessions(self.address))
        return Usual(Tail.of(self._strayed(calls, weights)), (sent + 1) / (len(calls.sessions) + 1))

    def course(self, calls: Calls, weights: Weights, usual: Usual) -> Floats:
        """Return of each session how surprising it is to stray so far, in nats."""
        return -np.log(usual.course.share(self._strayed(calls, weights)))

    def sessions(self, calls: Calls, weights: Weights, usual: Usual) -> Floats:
        """Return the weighed surprise of each session."""
        of_calls = [getattr(weights, name) * calls.over_sessions(values) for name, values in self._by_value()]
        sent = np.where(calls.over_sessions(self.address) > 0, -math.log(usual.sent), 0.0)
        total: Floats = np.sum([
            *of_calls, weights.sent * sent, weights.course * self.course(calls, weights, usual),
            weights.length * self.ran.length,
        ], axis=0)  # fmt: skip
        return total

    def _by_value(self) -> list[tuple[str, Floats]]:
        return [
            ("flow", self.flow), ("foreign", self.foreign), ("address", self.address), ("given", self.given),
            ("whole", self.whole),
        ]  # fmt: skip

    def _by_place(self) -> list[tuple[str, Floats]]:
        return [("order", self.ran.order), ("company", self.ran.company)]

    def _strayed(self, calls: Calls, weights: Weights) -> Floats:
        of_calls = [getattr(weights, name) * calls.over_sessions(values) for name, values in self._by_place()]
        total: Floats = np.sum([*of_calls, weights.bag * self.ran.bag], axis=0)
        return total
