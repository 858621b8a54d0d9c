"""Who first held which value: kept from run to run, so that a leak is known without reading the history again.

A run writes, for each value of its window, the first event that gave it to each person or in which they named it, of
no more than MOST people, and again when what is kept of that is older than AGAIN: a page that all have read would else
be nobody's when the horizon has passed it. It reads what is kept of the values of its window. So a run costs its window
and one pass over the kept numbers of HORIZON, never over events. Memory is bounded by the values of the window: about
40 bytes for each value, person and way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import polars as pl
import pyarrow as pa

from store.lake import Lake
from store.tables import TABLES

HORIZON = timedelta(days=30)
"""How far back a value's first holder is known."""
AGAIN = HORIZON / 2
"""Age from which what is kept is written anew when it is seen again."""
MOST = 6
"""People kept of a value in one window: one more than may share a value that still says something."""
VALUES = ("result_leaves", "result_shingles", "args_leaves", "args_shingles")


def before(lake: Lake, events: pl.LazyFrame, window: tuple[datetime, datetime]) -> pl.DataFrame:
    """Return what is kept, of any time within the horizon before the window's end, of the values of some events."""
    values = [events.select(leaf=pl.col(name)).explode("leaf").unique() for name in VALUES]
    wanted = pl.concat(values).drop_nulls().unique()
    kept = lake.scan("owners", TABLES["owners"].stored.names, between=(window[0] - HORIZON, window[1]))
    return kept.join(wanted, on="leaf", how="semi").collect(engine="streaming")


def habits_before(lake: Lake, window: tuple[datetime, datetime]) -> pl.DataFrame:
    """Return the habits of tools on the days of the horizon before the window, as last counted."""
    between = (window[0] - HORIZON, window[0] - timedelta(microseconds=1))
    rows = lake.scan("tool_habits", TABLES["tool_habits"].stored.names, between=between)
    newest = pl.col("revision") == pl.col("revision").max().over("day")
    return rows.collect().filter(newest).unique(["day", "server_name", "tool_name"], keep="last")


def fresh(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return what the window adds to what is kept: firsts of the window that are not known, or not of late."""
    since = f"INTERVAL {AGAIN.days} DAY"
    return connection.sql(f"""
        WITH new AS (
            SELECT h.leaf, t.user_id, h.returned, h.passage, t.event_id, t.event_time, t.server_name, t.tool_name,
                   t.named
            FROM held h JOIN holders t ON t.place = h.anew
            WHERE NOT EXISTS (
                FROM lake_owners k WHERE k.leaf = h.leaf AND k.user_id = t.user_id AND k.returned = h.returned
                 AND k.event_time <= t.event_time AND k.event_time > t.event_time - {since})
            QUALIFY row_number() OVER (PARTITION BY h.leaf, h.returned ORDER BY h.anew) <= {MOST}
        ), known AS (
            SELECT leaf, returned FROM lake_owners
            WHERE event_time > (SELECT min(event_time) FROM holders WHERE fresh) - {since}
            GROUP BY ALL HAVING count(DISTINCT user_id) >= {MOST}
        )
        FROM new ANTI JOIN known USING (leaf, returned)""").to_arrow_table()  # noqa: S608 - our own numbers
