"""How rare a figure is among those of history, also beyond the greatest seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.calls import Floats

ABOVE = 0.2
"""So much of history is the tail: enough sessions that one odd one does not set its scale."""
SHAPE = 3.0
UNIT = 1.0
"""One excess of a nat, or of a call, is taken as seen: figures that were all alike have no scale of their own."""


@dataclass(frozen=True)
class Tail:
    """Figures of history, ascending; beyond the top fifth, a Pareto tail (peaks over threshold).

    The tail's shape is fixed and heavy, its scale is the mean excess: a rare figure is never called impossible.
    """

    figures: Floats

    @classmethod
    def of(cls, figures: Floats) -> Tail:
        """Remember figures."""
        return cls(np.sort(figures))

    def share(self, figures: Floats) -> Floats:
        """Return the estimated probability of a figure at least so great, above 0 and at most 1."""
        many = len(self.figures)
        if not many:
            return np.ones(len(figures))
        reached = many - np.searchsorted(self.figures, figures, side="left")
        within = (reached + 1) / (many + 1)
        threshold = self.figures[int((1 - ABOVE) * (many - 1))]
        excess = self.figures[self.figures > threshold] - threshold
        scale = (excess.sum() + self.figures.std() + UNIT) / (len(excess) + 1)
        over = np.maximum(figures - threshold, 0) / scale
        beyond = (len(excess) + 1) / (many + 1) * (1 + over / SHAPE) ** -SHAPE
        share: Floats = np.where(figures > threshold, np.minimum(beyond, 1), within)
        return share
