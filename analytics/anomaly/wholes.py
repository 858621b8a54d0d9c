"""How surprising the arguments of a call are as a whole, where no value in them tells anything.

A value of fewer than 8 characters has no fingerprint of its own, but the digest of all arguments tells whether they
were ever given. As with values, what is learned about a session of history is learned from the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import NO_DIGEST, Calls, Flags, Floats, Ints
from analytics.anomaly.folds import alone


@dataclass(frozen=True)
class Wholes:
    """The digests known, how many calls of each tool had one, and how many one that nobody had given."""

    known: Ints
    calls: Ints
    unlike: Ints
    share: float

    @classmethod
    def of(cls, calls: Calls, tool: Ints, many: int, fold: Ints) -> tuple[Wholes, Flags]:
        """Learn from history; returns also which calls had a digest that was new at the time."""
        seen = np.flatnonzero(calls.whole != NO_DIGEST)
        known, by_itself = alone(calls.whole[seen], fold[calls.session[seen]])
        new = np.zeros(len(tool), np.bool_)
        new[seen[by_itself]] = True
        total, unlike = (np.bincount(tool[which], minlength=many) for which in (seen, new))
        return cls(known, total, unlike, (new.sum() + 0.5) / (len(seen) + 1)), new

    def new(self, calls: Calls) -> Flags:
        """Say which calls have a digest that history does not know."""
        unknown: Flags = (calls.whole != NO_DIGEST) & ~np.isin(calls.whole, self.known)
        return unknown

    def surprise(self, new: Flags, told: Flags, tool: Ints) -> Floats:
        """Return of each call its surprise at new arguments; 0 where a new value has told it already.

        A history that saw no digest has nothing to say.
        """
        if not len(self.known):
            return np.zeros(len(tool))
        share = (self.unlike[tool] + self.share) / (self.calls[tool] + 1)
        return np.where(new & ~told, -np.log(np.minimum(share, 1)), 0.0)
