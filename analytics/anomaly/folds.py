"""What one fold of a history alone holds: to the sessions of that fold it was new."""

from __future__ import annotations

import numpy as np

from analytics.anomaly.calls import Flags, Ints


def alone(values: Ints, folds: Ints) -> tuple[Ints, Flags]:
    """Return the values there are, ascending, and which of those given a single fold holds."""
    known, code = np.unique(values, return_inverse=True)
    low = np.full(len(known), np.iinfo(np.int64).max)
    high = np.full(len(known), -1)
    np.minimum.at(low, code, folds)
    np.maximum.at(high, code, folds)
    return known, (low == high)[code]
