"""Which tool tends to open a piece of work, and which tends to follow which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_SMOOTHING = 10.0
"""How many times a tool must have been seen before what follows it outweighs what follows anything."""
_STRONGEST = 3.0

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Habits:
    """Counts by tool name: how often it opened work, followed within work, and what it was followed by."""

    opened: Mapping[str, int] = field(default_factory=dict)
    followed: Mapping[str, int] = field(default_factory=dict)
    pairs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass
class Counter:
    """Habits of a batch on top of those known, over tools numbered 0..n-1 by `names`."""

    names: list[str]
    known: Habits

    def __post_init__(self) -> None:
        self._size = len(self.names)
        place = {name: i for i, name in enumerate(self.names)}
        self._opened = self._known(self.known.opened, place)
        self._followed = self._known(self.known.followed, place)
        self._pairs = {
            place[a] * self._size + place[b]: n
            for a, following in self.known.pairs.items() if a in place
            for b, n in following.items() if b in place
        }  # fmt: skip

    def _known(self, counts: Mapping[str, int], place: Mapping[str, int]) -> NDArray[np.float64]:
        found = np.full(self._size, 0.5)
        for name, n in counts.items():
            if name in place:
                found[place[name]] += n
        return found

    def log_odds(self, before: Ints, tool: Ints, linked: Flags) -> NDArray[np.float64]:
        """Return, for each step, log P(tool | before, inside) - log P(tool opens), given which steps are inside."""
        opened = self._opened + np.bincount(tool[~linked], minlength=self._size)
        followed = self._followed + np.bincount(tool[linked], minlength=self._size)
        opened, followed = opened / opened.sum(), followed / followed.sum()
        keys, place = np.unique(before * self._size + tool, return_inverse=True)
        seen = np.bincount(place[linked], minlength=len(keys)) + np.array(
            [self._pairs.get(int(k), 0) for k in keys]
        )
        left = np.bincount(before[linked], minlength=self._size).astype(np.float64)
        for key, n in self._pairs.items():
            left[key // self._size] += n
        likely = (seen[place] + _SMOOTHING * followed[tool]) / (left[before] + _SMOOTHING)
        return np.asarray(np.clip(np.log(likely / opened[tool]), -_STRONGEST, _STRONGEST), dtype=np.float64)

    def learned(self, before: Ints, tool: Ints, linked: Flags, fresh: Flags) -> Habits:
        """Return the habits known, with what the fresh steps add."""
        opened = _added(self.known.opened, self.names, tool[fresh & ~linked])
        followed = _added(self.known.followed, self.names, tool[fresh & linked])
        pairs = {a: dict(following) for a, following in self.known.pairs.items()}
        steps = fresh & linked
        keys, counts = np.unique(before[steps] * self._size + tool[steps], return_counts=True)
        for key, n in zip(keys.tolist(), counts.tolist(), strict=True):
            following = pairs.setdefault(self.names[key // self._size], {})
            name = self.names[key % self._size]
            following[name] = following.get(name, 0) + n
        return Habits(opened, followed, pairs)


def _added(known: Mapping[str, int], names: list[str], tools: Ints) -> dict[str, int]:
    counts = dict(known)
    for tool, n in zip(*(part.tolist() for part in np.unique(tools, return_counts=True)), strict=True):
        counts[names[tool]] = counts.get(names[tool], 0) + n
    return counts
