"""How surprising it is that a call holds a value that history has seen with one other user only.

Colleagues share much, and what they share is learned: the share of a tool's calls that hold a value which, but for this
session's user, one user alone has held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Calls, Flags, Floats, Ints, coded
from analytics.anomaly.counted import Counted
from analytics.anomaly.flows import Flows

SEVERAL, NOBODY = -1, -2


@dataclass(frozen=True)
class Owners:
    """The user of each known value, or SEVERAL, and how many calls of each tool held another user's."""

    owner: Ints
    foreign: Counted
    share: float

    @classmethod
    def of(
        cls, known: Ints, calls: Calls, flows: Flows, tool: Ints, user: Ints, users: int
    ) -> tuple[Owners, Ints]:
        """Learn from history, whose values `known` are; returns also the calls that held another user's."""
        call = np.concatenate([flows.call, calls.results.call])
        place = np.searchsorted(known, np.concatenate([flows.value, calls.results.value]))
        named = user[call] != NOBODY
        held = np.unique(place[named] * max(users, 1) + user[call][named])
        value, first, many = np.unique(held // max(users, 1), return_index=True, return_counts=True)
        owner, holders = np.full(len(known), SEVERAL), np.zeros(len(known), np.int64)
        owner[value] = np.where(many == 1, held[first] % max(users, 1), SEVERAL)
        holders[value] = many
        shared = (holders[place[: len(flows.call)]] == 2) & named[: len(flows.call)]
        strange = np.unique(flows.call[shared])
        return cls(owner, Counted.of(tool[strange]), (len(strange) + 0.5) / (len(tool) + 1)), strange

    def strange(self, known: Ints, flows: Flows, new: Flags, user: Ints) -> Ints:
        """Return the calls that hold a value of another user. Of a call without a user nothing is said."""
        call = flows.call[~new]
        owner = self.owner[np.searchsorted(known, flows.value[~new])]
        return np.unique(call[(owner != SEVERAL) & (owner != user[call]) & (user[call] != NOBODY)])

    def surprise(self, strange: Ints, tool: Ints, total: Ints) -> Floats:
        """Return of each call its surprise at holding another's value; `total` counts each tool's calls in history."""
        surprise = np.zeros(len(tool))
        of = tool[strange]
        surprise[strange] = -np.log((self.foreign.of_each(of) + self.share) / (total[of] + 1))
        return surprise


def users_of(calls: Calls, users: tuple[str, ...]) -> Ints:
    """Return the place of each call's user among those known, `len(users)` for others, NOBODY where none is named."""
    return np.where(calls.user.is_null().to_numpy(), NOBODY, coded(calls.user.fill_null(""), users))
