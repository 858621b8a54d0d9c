"""What is remembered of how sessions run: their order, company, bags and lengths, without any value they held."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from zlib import crc32

import numpy as np

from analytics.anomaly.bags import Bags
from analytics.anomaly.calls import Calls, Flags, Floats, Ints
from analytics.anomaly.company import Company
from analytics.anomaly.order import Order, Symbols, with_ends
from analytics.anomaly.tail import Tail


@dataclass(frozen=True)
class Ran:
    """How surprisingly sessions ran, in nats: order and company by call, bag and length by session."""

    order: Floats
    company: Floats
    bag: Floats
    length: Floats

    def plus(self, other: Ran) -> Ran:
        """Return the sums: where one has judged, the other has 0."""
        return Ran(
            self.order + other.order,
            self.company + other.company,
            self.bag + other.bag,
            self.length + other.length,
        )


@dataclass(frozen=True)
class Memory:
    """The parts of a model that see tools only."""

    order: Order
    company: Company
    bags: Bags
    lengths: Tail

    @classmethod
    def of(cls, calls: Calls, symbols: Symbols, sessions: Flags) -> Memory:
        """Learn from those sessions the mask keeps."""
        ended, owner = with_ends(calls, symbols)
        kept = sessions[calls.session]
        session, tool = calls.session[kept], symbols.tool[kept]
        return cls(
            Order.of(ended.where(sessions[owner])), Company.of(session, tool, symbols.many),
            Bags.of(session, tool, symbols.many), Tail.of(calls.lengths[sessions].astype(np.float64)),
        )  # fmt: skip

    def judge(self, calls: Calls, symbols: Symbols, sessions: Flags) -> Ran:
        """Return the surprise of those sessions the mask keeps, and 0 for the others."""
        kept = sessions[calls.session]
        session, given = calls.session[kept], symbols.where(kept)
        order, company = np.zeros(len(kept)), np.zeros(len(kept))
        bag, length = np.zeros(len(sessions)), np.zeros(len(sessions))
        order[kept] = self.order.surprise(given)
        company[kept] = self.company.surprise(session, given.tool, given.many)
        bag[sessions] = self.bags.left_over(session, given.tool, given.many)
        length[sessions] = -np.log(self.lengths.share(calls.lengths[sessions].astype(np.float64)))
        return Ran(order, company, bag, length)


def folds_of(calls: Calls, tool: Ints, names: tuple[str, ...], folds: int) -> Ints:
    """Return the fold of each session: sessions that use the same tools are held out together.

    What is done again and again would else be judged by its own repeats, and the first of a new sort would surprise
    more than it should. A sort too common to be held out whole is spread over the folds in order of time.
    """
    key = np.unique(calls.session * (len(names) + 1) + tool)
    owner, used = key // (len(names) + 1), key % (len(names) + 1)
    sorts = [tuple(part.tolist()) for part in np.split(used, np.flatnonzero(np.diff(owner)) + 1)]
    counts: dict[tuple[int, ...], int] = {}
    for sort in sorts:
        counts[sort] = counts.get(sort, 0) + 1
    fold = {sort: crc32("\n".join(names[place] for place in sort).encode()) % folds for sort in counts}
    first = calls.event_id.gather(calls.first[:-1]).rank("ordinal").to_numpy()
    rank = np.argsort(np.lexsort((first, calls.began)))
    return np.array([
        int(at) % folds if counts[sort] * folds > len(sorts) else fold[sort]
        for sort, at in zip(sorts, rank, strict=True)
    ], np.int64)  # fmt: skip


def held_out(calls: Calls, symbols: Symbols, fold: Ints) -> tuple[Ran, dict[int, Memory]]:
    """Judge each session of a history by the other folds; returns also what judged each fold."""
    memories, found = {}, []
    for number in np.unique(fold).tolist():
        mine = fold == number
        memories[number] = Memory.of(calls, symbols, mine if mine.all() else ~mine)
        found.append(memories[number].judge(calls, symbols, mine))
    return reduce(Ran.plus, found), memories
