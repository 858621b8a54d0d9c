"""A first history that nobody looked at: honest and hostile sessions together, as a new lake would judge them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from analytics.anomaly.forward import forward
from bench.detect.metrics import MEASURES
from bench.detect.protocol import NEGATIVE, POSITIVE, Trial
from bench.detect.tables import table

CAME = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = {"as many as were recorded": 1.0, "every third": 1 / 3, "every tenth": 0.1}


def mixed(trials: Sequence[tuple[str, Trial]]) -> str:
    """Return area and recall, one row a suite and way to come in."""
    rows = []
    for name, trial in trials:
        for how, events, judged in _ways(trial):
            found = pl.concat([part.sessions for part in forward(events)]).join(judged, on="session")
            positive, values = (found["kind"] == POSITIVE).to_numpy(), found["anomaly"].to_numpy()
            figures = [f"{MEASURES[m](values, positive):.3f}" for m in ("AUROC", "recall@1%", "recall@5%")]
            rows.append([name, trial.suite, how, str((~positive).sum()), str(positive.sum()), *figures])
    return table(
        ["set", "suite", "hostile sessions", "honest", "hostile", "AUROC", "recall@1%", "recall@5%"], rows
    )


def _ways(trial: Trial) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Yield what to call it, the events with their file, and the sessions to be judged."""
    kinds = {
        kind: trial.sessions.filter((pl.col("kind") == kind) & ~pl.col("apart"))
        for kind in (NEGATIVE, POSITIVE)
    }
    honest, hostile = kinds[NEGATIVE], kinds[POSITIVE]
    for how, share in SHARES.items():
        many = round(honest.height * share / (1 - share)) if share < 1 else hostile.height
        both = pl.concat([honest, hostile.sample(min(many, hostile.height), seed=7)])
        yield f"in one file, {how}", _came(trial, both, 0), both
    shuffled = honest.sample(fraction=1, shuffle=True, seed=7)
    first, rest = shuffled[: honest.height // 2], pl.concat([shuffled[honest.height // 2 :], hostile])
    yield "after a file of honest ones", pl.concat([_came(trial, first, 0), _came(trial, rest, 1)]), rest


def _came(trial: Trial, sessions: pl.DataFrame, file: int) -> pl.DataFrame:
    events = trial.events.join(sessions.select("session"), on="session", how="semi")
    return events.with_columns(
        source_topic=pl.lit(f"file {file}"), ingest_time=pl.lit(CAME + timedelta(hours=file))
    )
