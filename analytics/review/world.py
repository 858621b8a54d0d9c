"""What a review looks at: the calls of a period in cells, who is who, and who was granted what from when to when.

A cell is one person, client, agent and credential with one tool: how often it was reached and refused, and when first
and last. Everything is asked of a DuckDB of its own, over one version of the lake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from analytics import engine
from analytics.detecting.tool_classes import Overrides, classify, overrides
from analytics.review.basis import Scope
from store.lake import AsOf, Lake
from store.snapshot import Needs, Snapshot
from store.sql import view_statements

USUAL = timedelta(days=90)
"""The period of a review that names none: this long before the newest event."""
TICK = timedelta(microseconds=1)
REACHED = ("success", "tool_error", "input_required", "unknown")
"""Outcomes of a call that was let through to its tool; of `unknown` the source says no more than that."""

Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """The tables of a review in DuckDB, and what they were made from. `events` is None where none are in the period."""

    database: duckdb.DuckDBPyConnection
    lake: Lake
    scope: Scope
    since: datetime
    until: datetime
    events: Snapshot
    version: int | None
    moment: datetime
    told: Overrides

    def ask(self, question: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of a question over the tables; of the parameters those it names are bound."""
        frame = pl.from_arrow(self.table(question, parameters))
        assert isinstance(frame, pl.DataFrame)
        return frame.to_dicts()

    def table(self, question: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Return the answer to a question as Arrow."""
        named = duckdb.extract_statements(question)[0].named_parameters
        given = {**self.bounds, **(parameters or {})}
        return self.database.sql(question, params={name: given[name] for name in named}).to_arrow_table()

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run the statements of a file of this folder."""
        for statement in duckdb.extract_statements(text(name)):
            given = {**self.bounds, **(parameters or {})}
            named = {n: given[n] for n in statement.named_parameters}
            self.database.execute(statement, named or None)

    @property
    def bounds(self) -> dict[str, Any]:
        """Return what every question may name."""
        scope = self.scope
        return {
            "since": self.since, "until": self.until, "version": self.version or 0, "moment": self.moment,
            "window_seconds": scope.window_hours * 3600, "servers": list(scope.servers),
            "windows": max(1, -(-int((self.until - self.since).total_seconds()) // (scope.window_hours * 3600))),
            "principals": list(scope.principals), "kinds": list(scope.kinds), "evidence": scope.evidence,
            "split": self.since + (self.until - self.since) * 3 / 4, "reached": list(REACHED),
            "least_days": scope.least_days, "least_peers": scope.least_peers,
        }  # fmt: skip


def open_world(
    lake: Lake,
    scope: Scope,
    as_of: AsOf = None,
    version: int | None = None,
    moment: datetime | None = None,
    settings: Mapping[str, str | int] | None = None,
) -> World:
    """Return the world of a scope: of the events at a version, of entitlements up to an import, of findings to a time.

    Without them it is all that is there now. The period ends with the newest event, unless the scope says otherwise.
    """
    events = lake.snapshot("events", as_of)
    newest, _ = lake.position("entitlement_imports", "entitlements")
    database = _connect(settings)
    since, until = _period(events, scope)
    world = World(
        database, lake, scope, since, until, events, newest if version is None else version,
        moment or datetime.now(UTC), overrides(lake.path),
    )  # fmt: skip
    _give(world)
    return world


def _period(events: Snapshot, scope: Scope) -> tuple[datetime, datetime]:
    last = max((f.greatest for f in events.files if f.greatest is not None), default=datetime.now(UTC))
    until = scope.until or last + TICK
    return scope.since or until - USUAL, until


def _connect(settings: Mapping[str, str | int] | None) -> duckdb.DuckDBPyConnection:
    database = engine.connect(settings)
    database.execute("SET preserve_insertion_order = false")
    return database


def _give(world: World) -> None:
    """Make the view of the events and the tables of what was imported."""
    paths = world.events.paths(Needs({}, world.since, world.until)) or [world.lake.template("events")]
    world.database.read_parquet(paths, hive_partitioning=False, union_by_name=True).create_view("lake_events")
    for statement in view_statements():
        if statement.call.startswith("in_scope("):
            world.database.execute(statement.sql)
    for name, question in _IMPORTED.items():
        rows = world.lake.sql(question, {"version": world.version or 0}).arrow()
        world.database.register(f"given_{name}", rows)
        world.database.execute(f"CREATE TABLE {name} AS FROM given_{name}")
        world.database.unregister(f"given_{name}")


_IMPORTED = {
    "imports": "FROM entitlement_imports WHERE version <= $version",
    "grant_changes": "SELECT * EXCLUDE (before, changed) FROM entitlement_changes WHERE version <= $version",
    "inventory": """
    SELECT * EXCLUDE (change, changed, before, import_id) FROM (
        FROM principal_changes WHERE version <= $version
        QUALIFY row_number() OVER (PARTITION BY principal_id ORDER BY version DESC) = 1
    ) WHERE change <> 'revoked'""",
}


def build(world: World) -> None:
    """Make the tables of a review: cells, tools, who is who, grants with their spans, and what bears on what."""
    scopes = world.lake.sql(_SCOPES, {"version": world.version or 0}).arrow().to_pylist()
    world.database.execute(_SET_SCOPES, {"scopes": scopes})
    outside = _OUTSIDE if scopes else "[]::VARCHAR[]"
    _count(world, into="raw", segment="0", join="", outside=outside)
    world.run("grants.sql")
    world.run("people.sql")
    world.run("holders.sql")
    if world.ask("SELECT count(*) AS n FROM cuts")[0]["n"]:
        _count(world, into="pieces", segment=_SEGMENT, join="JOIN cuts USING (key)", outside=outside)
        world.database.execute("DELETE FROM raw WHERE key IN (SELECT key FROM cuts)")
        world.database.execute("INSERT INTO raw FROM pieces; DROP TABLE pieces")
        world.run("people.sql")
    world.run("matches.sql")
    _classify(world)


def _classify(world: World) -> None:
    """Make the table of what each tool does, and of what each pattern of a grant reaches."""
    tools = world.ask("SELECT server_name, tool_name, operation_class FROM tools ORDER BY ALL")
    given = [(t["server_name"], t["tool_name"], t["operation_class"]) for t in tools]
    patterns = world.ask("FROM (SELECT DISTINCT server_name, tool_name FROM population) ORDER BY ALL")
    given += [(p["server_name"], p["tool_name"], None) for p in patterns]
    world.database.register("given_classes", classify(dict.fromkeys(given), world.told))
    world.database.execute(
        "CREATE TABLE tool_classes AS SELECT DISTINCT ON (server_name, tool_name) * FROM given_classes"
    )
    world.database.unregister("given_classes")


_SCOPES = """
SELECT DISTINCT server_name, resource_scope FROM entitlement_changes
WHERE version <= $version AND resource_scope IS NOT NULL AND policy_language IS NULL ORDER BY ALL"""
_SET_SCOPES = "SET VARIABLE scopes = $scopes::STRUCT(server_name VARCHAR, resource_scope VARCHAR)[]"
_OUTSIDE = """[s.resource_scope FOR s IN getvariable('scopes') IF server_name GLOB s.server_name
                AND NOT coalesce(in_scope(s.resource_scope, resource_uri, args_json), true)]"""
_SEGMENT = "len(list_filter(edges, lambda t: t <= event_time))"


def _count(world: World, **parts: str) -> None:
    """Count the calls of the period in cells, all of them or those of the cells that are cut."""
    question = text("cells.sql")
    for name, part in parts.items():
        question = question.replace(f"{{{name}}}", part)
    named = duckdb.extract_statements(question)[0].named_parameters
    world.database.execute(question, {name: world.bounds[name] for name in named})


@cache
def text(name: str) -> str:
    """Return the SQL in a file of this folder."""
    return Path(__file__).with_name(name).read_text("utf-8")
