"""Counts by key in sorted arrays: what a model remembers, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Ints


@dataclass(frozen=True)
class Counted:
    """How often each key occurred; `key` ascends."""

    key: Ints
    count: Ints

    @classmethod
    def of(cls, keys: Ints) -> Counted:
        """Count keys."""
        return cls(*np.unique(keys, return_counts=True))

    def of_each(self, keys: Ints) -> Ints:
        """Return the count of each key, 0 for one never seen."""
        if not len(self.key):
            return np.zeros(len(keys), np.int64)
        place = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        return np.where(self.key[place] == keys, self.count[place], 0)
