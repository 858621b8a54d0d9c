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
    asked = _leaves(events, "args_leaves")
    given = _leaves(events, "result_leaves")
    if not asked.height or not given.height:
        return pl.DataFrame(schema={"place": pl.Int64, "source": pl.Int64})
    counts = pl.concat([asked, given]).group_by("leaf").agg(events=pl.col("place").n_unique())
    limit = max(_COMMON_LEAST, _COMMON_SHARE * events.height)
    rare = counts.filter(pl.col("events") <= limit).select("leaf")
    asked = asked.join(rare, on="leaf", how="semi").sort("place")
    given = given.join(rare, on="leaf", how="semi").sort("place")
    given = given.select("principal", "leaf", "place", source="place", since="seconds")
    found = asked.join_asof(
        given, on="place", by=["principal", "leaf"], strategy="backward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip
    near = found.filter(pl.col("seconds") - pl.col("since") <= HORIZON)
    return near.group_by("place").agg(pl.col("source").max()).sort("place")


def _leaves(events: pl.DataFrame, column: str) -> pl.DataFrame:
    some = events.filter(pl.col(column).list.len() > 0).select("principal", "place", "seconds", leaf=column)
    return some.explode("leaf").unique(["place", "leaf"])
