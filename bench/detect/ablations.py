"""What is lost without each part, and what each finds alone: the weights that say so, and totals by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from analytics.anomaly import WEIGHTS, Weights
from analytics.anomaly.calls import calls_of
from analytics.anomaly.model import Learned

PARTS = ("flow", "foreign", "address", "given", "whole", "order", "company", "bag", "length")
NO_VALUES = ("flow", "foreign", "address", "given", "whole")


def without(left_out: Iterable[str]) -> Weights:
    """Return the weights with some parts at nothing."""
    names = set(left_out)
    return replace(WEIGHTS, **dict.fromkeys(names | ({"sent"} if "address" in names else set()), 0.0))


def alone(part: str) -> Weights:
    """Return the weights with every other part at nothing."""
    return without(other for other in PARTS if other != part)


ABLATIONS: dict[str, Weights] = {
    "everything": WEIGHTS, "no fingerprints": without(NO_VALUES),
    **{f"no {part}": without([part]) for part in PARTS},
    **{f"{part} alone": alone(part) for part in PARTS},
}  # fmt: skip


def totals(learned: Learned, judged: pl.DataFrame, weights: Mapping[str, Weights]) -> dict[str, pl.Series]:
    """Return the surprise of the judged sessions by each of some weights, as if trained with them."""
    calls = calls_of(judged)
    _, found = learned.model.judge(calls)
    return {
        name: pl.Series(found.sessions(calls, some, learned.judged.usual(learned.calls, some)))
        for name, some in weights.items()
    }
