"""Run the model and the baselines over a trial, and say how well each told the sessions apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.anomaly import Weights, score
from analytics.anomaly.model import learn
from bench.detect.ablations import totals
from bench.detect.metrics import MEASURES, Flags, Values, interval
from bench.detect.protocol import FAILED, NEGATIVE, POSITIVE, Trial


@dataclass(frozen=True)
class Result:
    """What a trial gave: `sessions` with kind, task, seqs, anomaly, parts, baselines and totals by other weights."""

    trial: Trial
    mode: str
    sessions: pl.DataFrame

    def compared(self, against: str = POSITIVE) -> tuple[pl.DataFrame, Flags]:
        """Return the sessions of two kinds, negatives included, and which are the others."""
        rows = self.sessions.filter(
            (pl.col("kind") == against) | ((pl.col("kind") == NEGATIVE) & ~pl.col("apart"))
        )
        return rows, (rows["kind"] == against).to_numpy()


def run(
    trial: Trial,
    mode: str,
    baselines: Mapping[str, Callable[[pl.DataFrame, pl.DataFrame], Values]],
    weights: Mapping[str, Weights],
) -> Result | None:
    """Judge every session of a trial on the history the protocol gives it.

    None when it gives no history, or no benign session to compare with.
    """
    found = []
    for history, judged in trial.cells(mode) if trial.comparable else ():
        learned = learn(history)
        scored = score(learned.model, judged).sessions
        others = {name: pl.Series(baseline(history, judged)) for name, baseline in baselines.items()}
        found.append(scored.with_columns(**others, **totals(learned, judged, weights)))
    if not found:
        return None
    rows = trial.sessions.join(pl.concat(found), on="session", how="inner")
    seqs = trial.events.select("event_id", "seq")
    return Result(trial, mode, rows.join(seqs, left_on="top_event", right_on="event_id", how="left"))


def figures(
    result: Result, scores: Callable[[pl.DataFrame], Values]
) -> dict[str, tuple[float, float, float]]:
    """Return each measure with its interval."""
    rows, positive = result.compared()
    values, group = scores(rows), rows["task"].rank("dense").cast(pl.Int64).to_numpy()
    return {
        name: (measure(values, positive), *interval(measure, values, positive, group))
        for name, measure in MEASURES.items()
    }


def point(
    result: Result, scores: Callable[[pl.DataFrame], Values], against: str = POSITIVE
) -> dict[str, float]:
    """Return each measure without its interval."""
    rows, positive = result.compared(against)
    if not positive.any():
        return dict.fromkeys(MEASURES, float("nan"))
    values = scores(rows)
    return {name: measure(values, positive) for name, measure in MEASURES.items()}


def localisation(result: Result) -> tuple[float, float, int]:
    """Return how often the top call is the attacker's, how often one drawn at random would be, and of how many."""
    rows = result.sessions.filter(pl.col("kind") == POSITIVE, pl.col("seqs").list.len() > 0)
    hit = rows.select(pl.col("seq").is_in(pl.col("seqs"))).to_series()
    chance = rows.select((pl.col("seqs").list.len() / pl.col("calls")).clip(0, 1)).to_series()
    return float(hit.mean() or 0), float(chance.mean() or 0), len(rows)


def column(name: str) -> Callable[[pl.DataFrame], Values]:
    """Return the score that a column holds."""
    return lambda rows: rows[name].to_numpy().astype(np.float64)


def shuffled(result: Result) -> float:
    """Return the area under the curve with the labels dealt out by chance: about a half, or the bench is wrong."""
    rows, positive = result.compared()
    chance = np.random.default_rng(7)
    values = rows["anomaly"].to_numpy()
    return float(np.mean([MEASURES["AUROC"](values, chance.permutation(positive)) for _ in range(50)]))


def failed(result: Result) -> tuple[float, float]:
    """Return the area under the curve of failed attacks against benign sessions: of all, and of the idle.

    Idle are those that passed on no new value: the others began what they were told and did not get to its end.
    """
    rows, positive = result.compared(FAILED)
    if not positive.any():
        return float("nan"), float("nan")
    values, idle = rows["anomaly"].to_numpy(), ~positive | (rows["flow"].to_numpy() == 0)
    return MEASURES["AUROC"](values, positive), MEASURES["AUROC"](values[idle], positive[idle])
