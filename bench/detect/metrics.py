"""Figures of a detector: area under the curve, average precision, recall at a share of false positives, intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
RESAMPLES = 400


def auroc(scores: Values, positive: Flags) -> float:
    """Return the probability that a positive scores above a negative, ties counting half."""
    good, bad = np.sort(scores[~positive]), scores[positive]
    below = np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")
    return float(below.mean() / 2 / len(good)) if len(good) and len(bad) else float("nan")


def average_precision(scores: Values, positive: Flags) -> float:
    """Return the area under precision over recall; equal scores are taken together."""
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(positive[order]), scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True)
    hits, seen = hits[last], np.flatnonzero(last) + 1
    return float(np.sum(np.diff(hits, prepend=0) * hits / seen) / max(positive.sum(), 1))


def recall_at(share: float) -> Callable[[Values, Flags], float]:
    """Return the measure: positives above a threshold that at most this share of the negatives passes."""

    def recall(scores: Values, positive: Flags) -> float:
        good = np.sort(scores[~positive])
        threshold = good[len(good) - 1 - int(share * len(good))]
        return float((scores[positive] > threshold).mean())

    return recall


MEASURES: dict[str, Callable[[Values, Flags], float]] = {
    "AUROC": auroc, "AP": average_precision, "recall@1%": recall_at(0.01), "recall@5%": recall_at(0.05),
}  # fmt: skip


def interval(
    measure: Callable[[Values, Flags], float], scores: Values, positive: Flags, group: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a measure; whole groups are drawn, for their sessions are alike."""
    chance = np.random.default_rng(7)
    groups = np.unique(group)
    members = [np.flatnonzero(group == g) for g in groups]
    found = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([members[i] for i in chance.integers(0, len(groups), len(groups))])
        if 0 < positive[drawn].sum() < len(drawn):
            found.append(measure(scores[drawn], positive[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
