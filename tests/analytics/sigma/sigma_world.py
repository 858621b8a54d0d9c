"""A world of few events to run Sigma rules over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import duckdb
from lakes import rows_of

from analytics import engine
from analytics.detecting import world
from analytics.detecting.evaluate import evaluate
from analytics.sigma.load import load
from store.tables import TABLES

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WINDOW = (datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC) - timedelta(microseconds=1))


def connected(events) -> duckdb.DuckDBPyConnection:
    """Return a connection on the world of some events: `id`, `at` in seconds after noon, and columns."""
    return _connected(repr(events))


@lru_cache(maxsize=4)
def _connected(events):
    connection = engine.connect({"threads": 1})
    rows = []
    for number, event in enumerate(eval(events)):  # noqa: S307 - our own literals, as a key of the cache
        given = dict(event)
        moment = NOON + timedelta(seconds=given.pop("at", number))
        rows.append({"event_id": given.pop("id", f"e{number}"), "event_time": moment, **given})
    table = rows_of(*rows)
    connection.register("given_rows", table)
    connection.execute("CREATE TABLE given AS SELECT *, session_key AS session FROM given_rows")
    connection.register("none", TABLES["activity"].stored.empty_table())
    world.build(connection, "given", "none", WINDOW)
    return connection


def found_by(tmp_path, text, events):
    """Return the findings of all rules of a text."""
    (tmp_path / "rule.yml").write_text(text)
    rules = load(tmp_path)
    assert rules.problems == []
    connection = connected(events)
    return [f for d in rules.detections for f in evaluate(connection, d, WINDOW).findings]
