"""Are the weights made for these suites? Others are chosen on all suites but one, and tried on that one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from analytics.anomaly import WEIGHTS, Weights
from bench.detect.metrics import MEASURES
from bench.detect.protocol import Trial
from bench.detect.runs import Result, run
from bench.detect.tables import table

TRIED = 60
SPREAD = 4.0
"""Each weight is drawn between a quarter of ours and four times it."""
OURS = "ours"


def candidates() -> dict[str, Weights]:
    """Return weights drawn by chance around ours, and ours."""
    chance = np.random.default_rng(7)
    names = [field.name for field in fields(Weights)]
    drawn = SPREAD ** chance.uniform(-1, 1, (TRIED, len(names)))
    tried = {
        str(n): Weights(
            **{name: getattr(WEIGHTS, name) * float(by) for name, by in zip(names, row, strict=True)}
        )
        for n, row in enumerate(drawn)
    }
    return {OURS: WEIGHTS, **tried}


def held_out(planned: Sequence[tuple[str, Trial, str]]) -> str:
    """Return, one row a suite left out, the area by ours and by the weights that did best on all other suites."""
    tried = candidates()
    results = [(name, result) for name, trial, mode in planned if (result := run(trial, mode, {}, tried))]
    areas = {name: np.array([_area(result, name) for _, result in results]) for name in tried}
    rows = []
    for suite in sorted({result.trial.suite for _, result in results}):
        out = np.array([result.trial.suite == suite for _, result in results])
        best = max(tried, key=lambda name, out=out: float(areas[name][~out].mean()))
        for at in np.flatnonzero(out):
            of, result = results[at]
            every = [areas[name][at] for name in tried]
            rows.append([
                suite, f"{of} {result.mode}", f"{areas[OURS][at]:.3f}", f"{areas[best][at]:.3f}", f"{min(every):.3f}",
                f"{np.median(every):.3f}", f"{max(every):.3f}",
            ])  # fmt: skip
    head = [
        "suite left out",
        "trial",
        "ours",
        "best on the others",
        "worst drawn",
        "median drawn",
        "best drawn",
    ]
    return table(head, rows)


def _area(result: Result, name: str) -> float:
    rows, positive = result.compared()
    return MEASURES["AUROC"](rows[name].to_numpy(), positive)
