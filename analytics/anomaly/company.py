"""How much less likely a tool is in the company of the tools used before it in the session than by itself.

An inserted errand need not break a habit that the two calls before it would show; it is a tool that sessions of this
sort never come to. Each tool counts where a session uses it first. That a tool is rare is left to the others to say:
here only that it and those before it are not of one piece of work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Floats, Ints
from analytics.anomaly.counted import Counted

REMEMBERED = 32
"""Of the tools used before, the last so many are company."""


@dataclass(frozen=True)
class Company:
    """In how many sessions each tool was used, and came after each other one."""

    sessions: int
    used: Ints
    after: Counted

    @classmethod
    def of(cls, session: Ints, tool: Ints, many: int) -> Company:
        """Learn from calls in the order of sessions and time."""
        at = first_uses(session, tool, many)
        keys = [tool[earlier] * many + tool[later] for earlier, later in _pairs(session, at)]
        after = Counted.of(np.concatenate([np.zeros(0, np.int64), *keys]))
        return cls(len(np.unique(session)), np.bincount(tool[at], minlength=many), after)

    def surprise(self, session: Ints, tool: Ints, many: int) -> Floats:
        """Return of each tool, at its first use, its surprise beyond its rarity, in nats, over all tools before it.

        Their sum by the root of their number: so much do as many independent ones stray when they mean nothing.

        0 for what opens a session, a tool used already, and one that is likelier in this company than by itself.
        """
        at = first_uses(session, tool, many)
        total, pairs = np.zeros(len(tool)), np.zeros(len(tool))
        share = (self.used + 0.5) / (self.sessions + 1)
        for earlier, later in _pairs(session, at):
            y, x = tool[earlier], tool[later]
            likely = (self.after.of_each(y * many + x) + share[x]) / (self.used[y] + 1)
            total[later] -= np.log(likely / share[x])
            pairs[later] += 1
        return np.maximum(total / np.sqrt(np.maximum(pairs, 1)), 0)


def first_uses(session: Ints, tool: Ints, many: int) -> Ints:
    """Return the calls in which a session uses a tool for the first time."""
    return np.sort(np.unique(session * many + tool, return_index=True)[1])


def _pairs(session: Ints, at: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield (earlier calls, later calls) of one session, a distance at a time."""
    for distance in range(1, REMEMBERED + 1):
        together = session[at[distance:]] == session[at[:-distance]]
        if not together.any():
            return
        yield at[:-distance][together], at[distance:][together]
