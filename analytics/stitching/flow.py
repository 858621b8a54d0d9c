"""Which argument came from which result: the latest earlier result of the same principal that held the value."""

from __future__ import annotations

import polars as pl

HORIZON = 1800.0
"""Seconds over which a value that comes back says that it is the same work."""
_COMMON_SHARE, _COMMON_LEAST = 0.02, 20


def sources(events: pl.DataFrame) -> pl.DataFrame:
    """Return `place` and `source`: for each event whose arguments repeat an earlier result's value, where it was.

    `events` has `place` (ascending in time within a principal), `principal`, `seconds`, `args_leaves` and
    `result_leaves`. A value in more than one of fifty events is common and proves nothing.
    """
    asked, given = _rare(events)
    near = _matched(asked, given).filter(pl.col("seconds") - pl.col("since") <= HORIZON)
    return near.group_by("place").agg(pl.col("source").max()).sort("place")


def edges(events: pl.DataFrame) -> pl.DataFrame:
    """Return `source`, `place` and `shared`: how many rare values of an event's arguments an earlier result gave.

    `events` is as for `sources`, of one session. A value that arguments held before any result did is an echo of what
    the caller knew: it came from no result.
    """
    asked, given = _rare(events)
    known = asked.group_by("leaf").agg(asked_first=pl.col("place").min())
    learned = given.group_by("leaf").agg(given_first=pl.col("source").min()).join(known, on="leaf")
    learned = learned.filter(pl.col("given_first") < pl.col("asked_first")).select("leaf")
    found = _matched(asked.join(learned, on="leaf", how="semi").sort("place"), given).filter(
        pl.col("source").is_not_null()
    )
    return found.group_by("source", "place").agg(shared=pl.len().cast(pl.Int64)).sort("place", "source")


def _rare(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rare values of arguments and of results, each with its place and time."""
    asked = _leaves(events, "args_leaves")
    given = _leaves(events, "result_leaves")
    counts = pl.concat([asked, given]).group_by("leaf").agg(events=pl.col("place").n_unique())
    limit = max(_COMMON_LEAST, _COMMON_SHARE * events.height)
    rare = counts.filter(pl.col("events") <= limit).select("leaf")
    asked = asked.join(rare, on="leaf", how="semi").sort("place")
    given = given.join(rare, on="leaf", how="semi").sort("place")
    return asked, given.select("principal", "leaf", "place", source="place", since="seconds")


def _matched(asked: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Return each value of arguments with the latest earlier result of the same principal that gave it."""
    return asked.join_asof(
        given, on="place", by=["principal", "leaf"], strategy="backward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip


def _leaves(events: pl.DataFrame, column: str) -> pl.DataFrame:
    some = events.filter(pl.col(column).list.len() > 0).select("principal", "place", "seconds", leaf=column)
    return some.explode("leaf").unique(["place", "leaf"])
