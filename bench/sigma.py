"""Sigma correlations at one and at twice the size: what doubling the events costs.

    python -m bench.sigma --events 200000

Ordinary calls of 200 users, a tenth of them denied. Sorting costs n log n, so that a ratio near 2 is linear enough; the
goal is at most 2.3. Published back ends join events with each other, and are at 4.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from analytics import engine
from analytics.detecting import world
from analytics.detecting.catalog import Detection
from analytics.detecting.evaluate import evaluate
from analytics.sigma.load import load
from store.events import arrow_schema
from store.tables import TABLES

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = (START, START + timedelta(days=1) - timedelta(microseconds=1))
RULES = """
title: Denied
name: denied
logsource: {product: mcp, category: denial}
detection: {s: {event_class: denial}, condition: s}
---
title: Sent
name: sent
logsource: {product: mcp, category: tool_call}
detection: {s: {tool_name|contains: t1}, condition: s}
"""
FORMS = {
    "event_count": "rules: [sent], timespan: 5m, condition: {gte: 40}",
    "value_count": "rules: [sent], timespan: 5m, condition: {field: server_name, gte: 20}",
    "temporal": "rules: [denied, sent], timespan: 1s",
    "temporal_ordered": "rules: [denied, sent], timespan: 1s",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each kind of correlation."""
    parser = argparse.ArgumentParser(prog="python -m bench.sigma")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args(arguments)
    found = {n: _measured(n, chosen.rounds) for n in (chosen.events, 2 * chosen.events)}
    small, large = found.values()
    print(f"{'correlation':18} {'n':>9} {'t(n)':>8} {'t(2n)':>8} {'ratio':>6} {'events/s':>12}")
    for name in FORMS:
        rate = 2 * chosen.events / large[name]
        ratio = large[name] / small[name]
        print(
            f"{name:18} {chosen.events:9,} {small[name]:7.2f}s {large[name]:7.2f}s {ratio:6.2f} {rate:12,.0f}"
        )
    return 0


def _measured(events: int, rounds: int) -> Mapping[str, float]:
    """Return the least CPU seconds of each kind on one thread."""
    connection = _world(events)
    found: dict[str, float] = {}
    for _ in range(rounds):
        for name, body in FORMS.items():
            began = time.process_time()
            evaluate(connection, _detection(name, body), WINDOW)
            found[name] = min(found.get(name, float("inf")), time.process_time() - began)
    return found


def _detection(name: str, body: str) -> Detection:
    with tempfile.TemporaryDirectory() as folder:
        text = f"{RULES}---\ntitle: C\ncorrelation: {{type: {name}, group-by: [user_id], {body}}}\n"
        (Path(folder) / "rule.yml").write_text(text)
        [found] = [d for d in load(Path(folder)).detections if d.title == "C"]
    return found


def _world(events: int) -> duckdb.DuckDBPyConnection:
    connection = engine.connect({"threads": 1})
    connection.from_arrow(arrow_schema().empty_table()).create("given")
    connection.execute("ALTER TABLE given ADD COLUMN session VARCHAR")
    connection.execute(
        """INSERT INTO given BY NAME SELECT i::VARCHAR AS event_id, $start + to_microseconds(i * 86400000000 // $n) AS
        event_time, CASE WHEN hash(i, 1) % 10 = 0 THEN 'denial' ELSE 'tool_call' END AS event_class,
        'tool_call' AS event_kind, 'success' AS outcome,
        'u' || hash(i, 2) % 200 AS user_id, 't' || hash(i, 3) % 30 AS tool_name,
        's' || hash(i, 4) % 40 AS server_name FROM range($n) x(i)""",
        {"start": START, "n": events},
    )
    connection.register("none", TABLES["activity"].stored.empty_table())
    world.build(connection, "given", "none", WINDOW)
    return connection


if __name__ == "__main__":
    raise SystemExit(main())
