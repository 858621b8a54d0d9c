"""How sure a share is that was counted: the 95 % upper bound."""

from __future__ import annotations

import numpy as np

LEVEL = 0.05


def upper_bound(broken: int, replayed: int) -> tuple[float | None, str]:
    """Return the one-sided 95 % upper bound of a share and the name of its method; None where nothing was counted.

    Where nothing broke it is the rule of three, 3/N; else Clopper and Pearson's exact bound (1934).
    """
    if replayed == 0:
        return None, "nothing to replay"
    if broken == 0:
        return min(1.0, 3 / replayed), "rule of three"
    if broken >= replayed:
        return 1.0, "Clopper-Pearson"
    low, high = broken / replayed, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(broken, replayed, middle) > LEVEL else (low, middle)
    return high, "Clopper-Pearson"


def _at_most(broken: int, replayed: int, share: float) -> float:
    """Return the probability of so many or fewer of a binomial distribution."""
    if share >= 1:
        return 0.0
    steps = np.arange(1, broken + 1, dtype=np.float64)
    logs = np.log((replayed - steps + 1) / steps) + np.log(share) - np.log1p(-share)
    terms = np.concatenate([[0.0], np.cumsum(logs)]) + replayed * np.log1p(-share)
    return float(np.exp(terms).sum())
