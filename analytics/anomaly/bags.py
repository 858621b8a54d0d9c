"""What of a session no session of history explains: its count vector, weighed by rarity, less the best match.

After the count vectors with inverse document frequency that do best on system logs (Landauer, Skopik, Wurzenberger: A
Critical Review of Common Log Data Sets, FSE 2024). A session that does two errands is covered by no session that did
one of them; what is left over is measured in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.calls import Floats, Ints

COUNTED = 4
"""A tool counts up to so many times."""
EXAMPLES = 512
"""The commonest bags of history are kept."""
_TOGETHER = 4096

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Bags:
    """The rarity of each tool, and the commonest bags: `token` and `example` together say which holds which."""

    rarity: Floats
    token: Ints
    example: Ints

    @classmethod
    def of(cls, session: Ints, tool: Ints, many: int) -> Bags:
        """Learn from calls in the order of sessions."""
        bags = _Sorted.of(session, tool, many)
        once = bags.token[bags.token % COUNTED == 0] // COUNTED
        rarity = -np.log((np.bincount(once, minlength=many) + 0.5) / (len(bags.start) + 1))
        common = np.argsort(-bags.count, kind="stable")[:EXAMPLES]
        token, begin = bags.held(bags.kind[common])
        return cls(rarity, token, np.repeat(np.arange(len(common)), np.diff(np.append(begin, len(token)))))

    def left_over(self, session: Ints, tool: Ints, many: int) -> Floats:
        """Return of each session, in their order, what its best match does not cover, in nats."""
        bags = _Sorted.of(session, tool, many)
        rows, table = self._table()
        left = np.zeros(len(bags.kind))
        for first in range(0, len(bags.kind), _TOGETHER):
            token, begin = bags.held(bags.kind[first : first + _TOGETHER])
            covered = np.add.reduceat(table[rows[token]], begin).max(axis=1)
            whole = np.add.reduceat(self.rarity[token // COUNTED], begin)
            left[first : first + _TOGETHER] = np.maximum(whole - covered, 0)
        return left[bags.alike]

    def _table(self) -> tuple[Ints, Matrix]:
        """Return the row of each token, and in that row what it weighs in each example that holds it."""
        kinds, place = np.unique(self.token, return_inverse=True)
        rows = np.zeros(len(self.rarity) * COUNTED, np.int64)
        rows[kinds] = np.arange(len(kinds)) + 1
        table = np.zeros((len(kinds) + 1, int(self.example.max(initial=0)) + 1), np.float32)
        table[place + 1, self.example] = self.rarity[self.token // COUNTED]
        return rows, table


@dataclass(frozen=True)
class _Sorted:
    """The bags of sessions: `token` from `start` on, those that are alike known by a number.

    `kind` is a session of each sort, `count` how many are of it, `alike` the sort of each session.
    """

    token: Ints
    start: Ints
    kind: Ints
    count: Ints
    alike: Ints

    @classmethod
    def of(cls, session: Ints, tool: Ints, many: int) -> _Sorted:
        owner, token = tokens(session, tool, many)
        start = np.flatnonzero(np.diff(owner, prepend=-1))
        if not len(token):
            return cls(token, start, start, start, start)
        signed = np.add.reduceat(_mixed(token), start)
        _, kind, alike, count = np.unique(signed, return_index=True, return_inverse=True, return_counts=True)
        return cls(token, start, kind, count, alike)

    def held(self, sessions: Ints) -> tuple[Ints, Ints]:
        """Return the tokens of some sessions one after another, and where each begins among them."""
        size = np.diff(np.append(self.start, len(self.token)))[sessions]
        begin = np.cumsum(size) - size
        place = np.arange(int(size.sum())) + np.repeat(self.start[sessions] - begin, size)
        return self.token[place], begin


def _mixed(token: Ints) -> NDArray[np.uint64]:
    """Return a hash of each token (the finaliser of SplitMix64): sums of them tell bags apart."""
    mixed = (token.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def tokens(session: Ints, tool: Ints, many: int) -> tuple[Ints, Ints]:
    """Return (session, token), ascending: the n-th use of a tool is a token of its own, up to COUNTED."""
    key, count = np.unique(session * many + tool, return_counts=True)
    count = np.minimum(count, COUNTED)
    nth = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    key = np.repeat(key, count)
    return key // many, (key % many) * COUNTED + nth
