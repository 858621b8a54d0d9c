"""Lines of equal debt between credentials: where on a chart of age and idleness much is owed, and where little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

LEAST = 6
"""Credentials without which a surface would be a guess."""
GRID, REACH, NEAR, MOST = 48, 0.09, 0.2, 4
"""Points of the grid a side, how far a credential bears on it (of a side), the weight below which nothing is drawn
because no credential is near, and the lines at most."""


def equal_debt(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the corners of lines, each with `level`, `line`, `place` on it and, halfway, `label`.

    Points have `age`, `idle` and `debt`. What is owed at a place is the mean of the credentials around it, the nearer
    the more.
    """
    x, y, debt = (np.array([point[name] for point in points], float) for name in ("age", "idle", "debt"))
    if len(points) < LEAST or not x.max() or not y.max():
        return []
    across, up = np.linspace(0, x.max(), GRID), np.linspace(0, y.max(), GRID)
    surface = _surface(x / x.max(), y / y.max(), debt)
    drawn = contour_generator(across, up, surface)
    return [
        corner
        for level in _levels(float(surface.min()), float(surface.max()))
        for number, line in enumerate(drawn.lines(level))
        for corner in _corners(np.asarray(line, float), level, number)
    ]


def _surface(
    x: NDArray[np.float64], y: NDArray[np.float64], debt: NDArray[np.float64]
) -> np.ma.MaskedArray[Any, Any]:
    """Return the mean debt around each point of the unit square's grid, masked where no credential is near."""
    side = np.linspace(0, 1, GRID)
    far = (side[None, :, None] - x) ** 2 + (side[:, None, None] - y) ** 2
    weights = np.exp(-far / (2 * REACH**2))
    total = weights.sum(axis=2)
    return np.ma.masked_where(total < NEAR, (weights * debt).sum(axis=2) / np.maximum(total, 1e-12))


def _levels(least: float, greatest: float) -> list[float]:
    """Return round numbers between two, the greatest few: 1, 2 or 5 times a power of ten."""
    steps = [digit * 10.0**power for power in range(-2, 9) for digit in (1, 2, 5)]
    return [step for step in steps if least < step < greatest][-MOST:]


def _corners(line: NDArray[np.float64], level: float, number: int) -> Iterator[dict[str, Any]]:
    """Yield the corners of a line, that in the middle with its label."""
    for place, (age, idle) in enumerate(line.round(2).tolist()):
        label = f"{level:g}" if place == len(line) // 2 else None
        yield {
            "age": age,
            "idle": idle,
            "level": level,
            "line": f"{level:g} {number}",
            "place": place,
            "label": label,
        }
