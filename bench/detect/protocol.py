"""Which sessions are compared, and on which history each is judged: agents and tasks that history has not seen.

Positives: injected through a tool, succeeded, neither excluded nor ambiguous, at least one call. Negatives: benign,
same suite. History: benign sessions of the suite by other base models (mode A), and in mode B of other tasks too, in
five folds over the user tasks. Sessions into which another user's were joined are judged by sessions of other tasks
(mode T): what they test is who owns what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from bench.detect.recorded import Recorded

FOLDS = 5
POSITIVE, NEGATIVE, FAILED = "positive", "negative", "failed"


@dataclass(frozen=True)
class Trial:
    """Sessions of one suite: session, model, task, kind (positive, negative, failed), seqs of the attacker's calls."""

    suite: str
    events: pl.DataFrame
    sessions: pl.DataFrame

    @property
    def comparable(self) -> bool:
        """Say whether there are benign sessions that no other was made of."""
        return bool(((self.sessions["kind"] == NEGATIVE) & ~self.sessions["apart"]).any())

    def cells(self, mode: str) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield (history, judged): for each model (A), each model and fold of tasks (B), or each fold (T)."""
        rows = self.sessions.with_columns(fold=_fold(self.sessions["task"]))
        benign = rows.filter(pl.col("kind") == NEGATIVE)
        for model in [None] if mode == "T" else rows["model"].unique().sort().to_list():
            for fold in [None] if mode == "A" else range(FOLDS):
                (by, by_others), (on, on_others) = _split("model", model), _split("fold", fold)
                judged, history = rows.filter(by, on), benign.filter(by_others, on_others)
                if len(judged) and len(history):
                    yield self._of(history), self._of(judged)

    def _of(self, sessions: pl.DataFrame) -> pl.DataFrame:
        return self.events.join(sessions.select("session"), on="session", how="semi")


def trials(recorded: Recorded) -> list[Trial]:
    """Return the trials of an injection set, one a suite."""
    known = recorded.labels.filter(
        pl.col("session").is_not_null(), pl.col("excluded").is_null(), ~pl.col("ambiguous").fill_null(False)
    )
    through_tool = pl.col("injected") & (pl.col("attack_channel") == "tool")
    kind = (
        pl.when(pl.col("kind") == "benign").then(pl.lit(NEGATIVE))
        .when(through_tool & pl.col("attack_succeeded")).then(pl.lit(POSITIVE))
        .when(through_tool & ~pl.col("attack_succeeded")).then(pl.lit(FAILED))
    )  # fmt: skip
    rows = known.select(
        "session",
        "suite",
        "model",
        task="user_task",
        kind=kind,
        seqs="attacker_seqs",
        apart=False,
        other_user=False,
    ).drop_nulls("kind")
    return [_trial(suite, recorded.events, rows) for suite in rows["suite"].unique().sort()]


def splices(spliced: Recorded, hosts: list[Recorded]) -> list[Trial]:
    """Return the trials of joined sessions: taken over from some call on, against the benign of the same suite.

    Sessions that were cut up to make them are no negatives.
    """
    made = spliced.labels.filter(pl.col("session").is_not_null())
    used = pl.concat([made["host_session"], made["donor_session"]]).unique()
    benign = pl.concat([_benign(host, used) for host in hosts])
    origin = pl.concat(
        [host.labels.select(host_session="session_id", model="model", task=_task(host)) for host in hosts]
    )
    seqs = pl.coalesce("cross_user_seqs", "splice_seqs")
    rows = made.join(origin, on="host_session").select(
        "session",
        "suite",
        "model",
        "task",
        kind=pl.lit(POSITIVE),
        seqs=seqs,
        apart=False,
        other_user=pl.col("cross_user_seqs").is_not_null(),
    )
    events = pl.concat([spliced.events, *(host.events for host in hosts)])
    both = pl.concat([benign, rows])
    return [_trial(suite, events, both) for suite in rows["suite"].unique().sort()]


def _benign(host: Recorded, used: pl.Series) -> pl.DataFrame:
    known = host.labels.filter(pl.col("session").is_not_null(), pl.col("kind") == "benign")
    if "excluded" in known.columns:
        known = known.filter(pl.col("excluded").is_null())
    return known.select(
        "session", "suite", "model", task=_task(host), kind=pl.lit(NEGATIVE),
        seqs=pl.lit(None, pl.List(pl.Int64)), apart=pl.col("session_id").is_in(used.implode()),
        other_user=False,
    )  # fmt: skip


def _task(recorded: Recorded) -> pl.Expr:
    return pl.col("user_task" if "user_task" in recorded.labels.columns else "task_id").cast(pl.String)


def _trial(suite: str, events: pl.DataFrame, rows: pl.DataFrame) -> Trial:
    mine = rows.filter(pl.col("suite") == suite).sort("session")
    return Trial(suite, events.join(mine.select("session"), on="session", how="semi"), mine)


def _split(name: str, value: object) -> tuple[pl.Expr, pl.Expr]:
    """Return the rows of a value and those of the others; of no value, all and all."""
    if value is None:
        return pl.lit(True), pl.lit(True)
    return pl.col(name) == value, pl.col(name) != value


def _fold(tasks: pl.Series) -> pl.Series:
    """Deal the tasks out to the folds in the order of their names, the short ones first."""
    names = sorted(tasks.unique().to_list(), key=lambda name: (len(name), name))
    return tasks.replace_strict({name: n % FOLDS for n, name in enumerate(names)}, return_dtype=pl.Int64)
