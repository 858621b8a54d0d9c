"""How long a pause inside a piece of work is, and how long one between two: learned from the pauses themselves.

Log pauses are a mixture of two normal distributions, fitted by expectation-maximisation (Dempster, Laird and Rubin
1977) with priors, so that ten pauses of a new client say little and ten thousand say all. Where one fixed number of
seconds would have to fit a person at a desk and an agent in a loop alike, each client gets its own.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

SHORTEST = 1.0
"""Seconds; many logs are no finer, so shorter pauses are all the same evidence."""
PRIOR_WEIGHT = 100.0
"""Pauses that the prior counts for."""
_ROUNDS = 40
_SPREAD_INSIDE, _SPREAD_BETWEEN = 1.0, 1.2
_BETWEEN_AT_LEAST = float(np.log(600.0))
_SAMPLE = 20_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gaps:
    """Share of pauses inside work, then centre and spread, in log seconds, of those inside and of those between."""

    share: float
    inside: float
    inside_spread: float
    between: float
    between_spread: float

    def log_odds(self, seconds: Floats) -> Floats:
        """Return log P(inside) - log P(between) of each pause: never rising with its length."""
        x = np.clip(log_seconds(seconds), self.inside, self.between)
        return _log_density(x, self.share, self.inside, self.inside_spread) - _log_density(
            x, 1 - self.share, self.between, self.between_spread
        )

    @property
    def horizon(self) -> float:
        """Seconds after which a pause is surely one between two pieces of work."""
        return float(np.exp(self.between + 2 * self.between_spread))


USUAL = Gaps(0.8, float(np.log(5.0)), 1.2, float(np.log(3600.0)), 1.8)
"""What is believed before any pause was seen: calls seconds apart, work an hour apart."""


def fit(seconds: Floats, prior: Gaps = USUAL) -> Gaps:
    """Return the mixture that explains the pauses, drawn towards the prior.

    Pauses too short to tell say that calls came in bursts, not how long one waits between bursts: they count for no
    more than the others do, however many they are.
    """
    x = log_seconds(_balanced(seconds))
    if len(x) > _SAMPLE:
        x = x[np.linspace(0, len(x) - 1, _SAMPLE).astype(np.int64)]
    fitted = prior
    for _ in range(_ROUNDS):
        fitted = _improved(x, fitted, prior)
    return fitted


def _balanced(seconds: Floats) -> Floats:
    """Return the pauses with at most as many too short to tell as others."""
    short = seconds <= SHORTEST
    least, others = np.flatnonzero(short), seconds[~short]
    if len(least) <= len(others) or not len(others):
        return seconds
    some = least[np.linspace(0, len(least) - 1, len(others)).astype(np.int64)]
    return np.concatenate((seconds[some], others))


def log_seconds(seconds: Floats) -> Floats:
    """Return pauses as log seconds, none shorter than a log can tell."""
    return np.asarray(np.log(np.maximum(seconds, SHORTEST)), dtype=np.float64)


def _improved(x: Floats, now: Gaps, prior: Gaps) -> Gaps:
    inside = np.exp(_log_density(x, now.share, now.inside, now.inside_spread))
    between = np.exp(_log_density(x, 1 - now.share, now.between, now.between_spread))
    weight = inside / np.maximum(inside + between, 1e-300)
    weight = np.where(x < now.inside, 1.0, np.where(x > now.between, 0.0, weight))
    share = (weight.sum() + PRIOR_WEIGHT * prior.share) / (len(x) + PRIOR_WEIGHT)
    centre, spread = _moments(x, weight, prior.inside, prior.inside_spread)
    far, far_spread = _moments(x, 1 - weight, prior.between, prior.between_spread)
    return Gaps(
        float(np.clip(share, 0.5, 0.98)),
        centre,
        max(spread, _SPREAD_INSIDE),
        max(far, centre + 1, _BETWEEN_AT_LEAST),
        max(far_spread, _SPREAD_BETWEEN),
    )


def _moments(x: Floats, weight: Floats, centre: float, spread: float) -> tuple[float, float]:
    total = weight.sum() + PRIOR_WEIGHT
    mean = (weight @ x + PRIOR_WEIGHT * centre) / total
    variance = (weight @ (x - mean) ** 2 + PRIOR_WEIGHT * spread**2) / total
    return float(mean), float(np.sqrt(variance))


def _log_density(x: Floats, share: float, centre: float, spread: float) -> Floats:
    return np.asarray(np.log(share) - np.log(spread) - 0.5 * ((x - centre) / spread) ** 2)


def as_list(gaps: Gaps) -> list[float]:
    """Return the mixture as plain numbers, to be kept."""
    return list(astuple(gaps))
