"""A first history, scored as if it had come in by and by, and what of a history is not learned yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from analytics.anomaly.calls import COLUMNS, TOOL, calls_of
from analytics.anomaly.doubt import Doubt
from analytics.anomaly.model import Model, learn
from analytics.anomaly.scoring import Scored, reviewed, score

GROWTH = 1.25
"""The model learns again when history has grown by a quarter: over a lake's life each call is learned a few times."""
BEGINNING = 100
"""Sessions of a first history that are judged by each other: fewer would be no history."""
ODD = 0.95
"""Sessions of this anomaly and more are on probation."""
BEYOND_DOUBT = 0.99
PROBATION = timedelta(days=90)
ROLLED_OUT = 3
"""A tool nobody knew that so many users call is news, and no reason to wait."""


def forward(called: pl.DataFrame) -> Iterator[Scored]:
    """Score a first history as if it had come in by and by: its beginning by itself, the rest by what was before it.

    What came in with another file is later than all of that file; within a file the time of the events counts. A file
    may hold attacks, and nobody looked at it before: what came in together is judged under doubt. On probation is what
    was new, not what was doubted: what many sessions of a file pass on is a habit of theirs in the end, whatever it is.
    """
    order, doubts = _in_order(called), _Doubts()
    many = int(order["place"].max()) + 1  # type: ignore[arg-type]
    known = min(BEGINNING, many)
    first = order.filter(pl.col("place") < known)
    learned = learn(first.select(COLUMNS))
    found = reviewed(learned, doubts.of(first, order, first.clear()))
    yield found
    odd = _on_probation(found.sessions, order, learned.model)
    while known < many:
        step = _step(order, known)
        waiting = odd.filter(pl.col("began") > step.select(pl.col("began").min() - PROBATION).item())
        past = order.filter(pl.col("place") < known).join(waiting, on="session", how="anti")
        learned = learn(past.select(COLUMNS))
        found = score(learned.model, step.select(COLUMNS), learned.under(doubts.of(step, order, past)))
        yield found
        odd = pl.concat([odd, _on_probation(found.sessions, order, learned.model)])
        known += step["session"].n_unique()


def _step(order: pl.DataFrame, known: int) -> pl.DataFrame:
    """Return the sessions to judge next: as many as make history grow by a quarter, or up to where a file ends."""
    step = order.filter(pl.col("place").is_between(known, int(known * GROWTH), closed="left"))
    ended = step.filter(pl.col("came") < step["came"].max())
    return ended if ended.height else step


class _Doubts:
    """The doubt of what came in with a step: the same as long as its files are the same."""

    def __init__(self) -> None:
        self._files: tuple[object, ...] = ()
        self._doubt: Doubt | None = None

    def of(self, step: pl.DataFrame, order: pl.DataFrame, past: pl.DataFrame) -> Doubt:
        """Return the doubt of all that came in with the files of a step; what came before them is trusted."""
        files = (step["came"].min(), step["came"].max())
        if self._doubt is None or self._files != files:
            together = order.filter(pl.col("came").is_between(*files))
            before = past.filter(pl.col("came") < files[0])
            held = pl.concat(
                [before[name].explode().drop_nulls() for name in ("args_leaves", "result_leaves")]
            )
            self._files, self._doubt = files, Doubt.of(calls_of(together), held.unique().to_numpy())
        return self._doubt


def _in_order(called: pl.DataFrame) -> pl.DataFrame:
    """Add to each call when its session came and began, and its place in the order in which sessions came."""
    files = called.with_columns(came=pl.col("ingest_time").min().over("source_topic"))
    sessions = files.group_by("session").agg(pl.col("came").min(), began=pl.col("event_time").min())
    placed = sessions.sort("came", "began", "session").with_columns(place=pl.int_range(pl.len()))
    return called.join(placed, on="session")


def _on_probation(sessions: pl.DataFrame, order: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Return session and began of those that were odd and are no roll-out."""
    odd = order.join(sessions.filter(pl.col("undoubted") >= ODD), on="session", how="semi")
    began = odd.group_by("session").agg(pl.col("began").first())
    return began.join(rolled_out(odd, model), on="session", how="anti")


def rolled_out(called: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Return the sessions with a tool that is new to the model and already called by several users."""
    new = called.filter(~TOOL.is_in(model.tools)).with_columns(users=pl.col("user_id").n_unique().over(TOOL))
    return new.filter(pl.col("users") >= ROLLED_OUT).select("session").unique()
