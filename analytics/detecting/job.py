"""The detections job: evaluate the days on which something new came in, and keep what is found.

A run costs the days with new events, not the history: what came before is there by the hour (`activity`). A finding
has a stable key, so a day may be evaluated again and again; only what is new or has grown is written. The order of
commits makes a crash harmless: activity and findings first, evaluations with the position last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from analytics import engine
from analytics.detecting import history, incidents, owners, world
from analytics.detecting.catalog import Detection
from analytics.detecting.evaluate import Finding, Verdict, evaluate
from analytics.detecting.tool_classes import overrides
from analytics.stitching.job import session_events
from store.commit import Advance
from store.lake import Lake
from store.locks import alone
from store.snapshot import Needs
from store.tables import TABLES

POSITION = "job:detections"
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_NEWEST = ("revision", "found_time")


@dataclass(frozen=True)
class Run:
    """What one run did: the version stood on, days and events looked at, findings written, verdicts per detection."""

    version: int
    days: int
    events: int
    written: list[Finding]
    verdicts: list[Verdict]


def update(
    lake: Lake,
    detections: Iterable[Detection],
    *,
    again: bool = False,
    settings: Mapping[str, str | int] | None = None,
    progress: Callable[[date, int], None] | None = None,
) -> Run:
    """Evaluate the days with events that came in since the last run; all days with `again`.

    Sessions must have been stitched. Raises TooltrailError when another run is at work on the lake.
    """
    with alone(lake, "detections"):
        lake.check_writable()
        version = lake.snapshot("events").version
        done, _ = lake.position("evaluations", POSITION)
        since = None if again else done
        if since == version:
            return Run(version, 0, 0, [], [])
        fresh = lake.scan("events", ("event_time",), since=since).collect()
        days = fresh.group_by(pl.col("event_time").dt.date().alias("day")).len().sort("day").rows()
        runner = _Runner(lake, list(detections), version, dict(settings or {}))
        for day, count in days:
            runner.day(day)
            if progress is not None:
                progress(day, count)
        incidents.update(lake, version)
        lake.append("evaluations", runner.evaluations(), [Advance(POSITION, done, version)])
        return Run(version, len(days), fresh.height, runner.written, runner.verdicts)


class _Runner:
    def __init__(
        self, lake: Lake, detections: list[Detection], version: int, settings: dict[str, str | int]
    ) -> None:
        self._lake = lake
        self._detections = detections
        self._version = version
        self._settings = settings
        self._now = datetime.now(UTC)
        self._rows: list[dict[str, object]] = []
        self.written: list[Finding] = []
        self.verdicts: list[Verdict] = []

    def day(self, day: date) -> None:
        """Evaluate every detection over one day, and write what is new of it."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        window = (start, start + _DAY - _TICK)
        connection = open_world(self._lake, self._detections, window, self._settings)
        for name in ("activity", *history.SUMMARIES):
            rows = connection.sql(f"FROM fresh_{name}").to_arrow_table()
            self._lake.append(name, self._dated(rows, name, {"activity_date": day}))
        found = [finding for d in self._detections for finding in self._one(connection, d, window)]
        self._keep_owners(connection, start, found)
        self._write(found, start)
        connection.close()

    def _keep_owners(
        self, connection: duckdb.DuckDBPyConnection, start: datetime, found: list[Finding]
    ) -> None:
        """Keep who first held the window's values, and each tool's habit but for what was found."""
        day = start.date()
        named = pa.table({"event_id": pa.array([f.evidence[-1] for f in found if f.evidence], pa.string())})
        connection.register("named", named)
        connection.execute("INSERT INTO found FROM named")
        self._lake.append("owners", self._dated(owners.fresh(connection), "owners", {"owned_date": day}))
        counted = connection.sql("FROM fresh_habits").to_arrow_table()
        self._lake.append(
            "tool_habits", self._dated(counted, "tool_habits", {"day": start, "habit_date": day})
        )

    def _one(
        self, connection: duckdb.DuckDBPyConnection, detection: Detection, window: tuple[datetime, datetime]
    ) -> list[Finding]:
        began = time.monotonic()
        verdict = evaluate(connection, detection, window)
        self.verdicts.append(verdict)
        self._rows.append({
            "detection": detection.id, "window_from": window[0], "window_to": window[1],
            "status": "evaluated" if verdict.evaluable else "not_evaluable", "missing": verdict.missing,
            "findings": len(verdict.findings), "seconds": time.monotonic() - began,
        })  # fmt: skip
        return verdict.findings

    def _write(self, found: list[Finding], start: datetime) -> None:
        """Write findings of the day from `start` that are new or have grown.

        What stands from day to day shows in other events each day: that is no news of what an earlier day found.
        """
        states = self._lake.scan(
            "finding_states", ("finding_id", "event_time", "evidence", *_NEWEST)
        ).collect()
        known = {row["finding_id"]: row for row in states.sort(*_NEWEST, "event_time").iter_rows(named=True)}
        fresh = [f for f in found if f.finding_id not in known or _is_news(f, known[f.finding_id], start)]
        if fresh:
            rows = pa.Table.from_pylist([asdict(f) for f in fresh])
            self._lake.append(
                "finding_states", self._dated(rows, "finding_states", {"found_date": self._now.date()})
            )
            self.written += fresh

    def evaluations(self) -> pa.Table:
        """Return what every detection said of every day, to be kept."""
        rows = pa.Table.from_pylist(self._rows) if self._rows else TABLES["evaluations"].schema.empty_table()
        return self._dated(rows, "evaluations", {"evaluated_date": self._now.date()})

    def _dated(self, rows: pa.Table, table: str, values: Mapping[str, object]) -> pa.Table:
        """Return rows with the columns that every kept row has, in the table's schema."""
        schema = TABLES[table].schema
        more = {"revision": self._version, "found_time": self._now, "evaluated_time": self._now, **values}
        for name, value in more.items():
            if name in schema.names and name not in rows.column_names:
                kind = schema.field(name).type
                rows = rows.append_column(name, pa.repeat(pa.scalar(value, kind), rows.num_rows))
        return rows.select(schema.names).cast(schema)


def _is_news(found: Finding, known: Mapping[str, Any], start: datetime) -> bool:
    """Tell whether what a day found says more than what is kept of the same, or as much of an earlier day."""
    if known["event_time"] < start:
        return len(found.evidence) > len(known["evidence"])
    if known["event_time"] >= start + _DAY:
        return len(found.evidence) >= len(known["evidence"])
    return bool(found.evidence != known["evidence"])


def open_world(
    lake: Lake,
    detections: Iterable[Detection],
    window: tuple[datetime, datetime],
    settings: Mapping[str, str | int],
) -> duckdb.DuckDBPyConnection:
    """Return the world of a window of the lake, in a DuckDB of its own with these settings."""
    detections = list(detections)
    lookback = max((d.lookback_hours for d in detections), default=0)
    around = (window[0] - timedelta(hours=lookback), window[1])
    columns = tuple(
        dict.fromkeys((*world.columns_for(detections), *(c for d in detections for c in d.columns)))
    )
    connection = engine.connect(settings)
    _events(connection, lake, columns, around).create_view("given_events")
    history.activity_before(connection, lake, window[0]).create_view("given_activity")
    summed = {name: f"given_{name}" for name in history.SUMMARIES}
    for name, given in summed.items():
        history.summary_before(connection, lake, name, window[0]).create_view(given)
    connection.register(
        "given_owners",
        owners.before(lake, lake.scan("events", owners.VALUES, between=around), window).to_arrow(),
    )
    connection.register("given_sessions", sessions_in(lake, window).to_arrow())
    connection.register("given_habits", owners.habits_before(lake, window).to_arrow())
    world.build(
        connection, "given_events", "given_activity", window, overrides(lake.path),
        owners="given_owners", habits="given_habits", sessions="given_sessions", summed=summed,
    )  # fmt: skip
    return connection


def _events(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    columns: Iterable[str],
    around: tuple[datetime, datetime],
) -> duckdb.DuckDBPyRelation:
    """Return the events of a time, each once and with its session, read from the lake's files as they are asked for."""
    members = session_events(lake, around).select("event_id", "session").unique("event_id", keep="first")
    connection.register("members", members.to_arrow())
    paths = lake.snapshot("events").paths(Needs({}, *around)) or [lake.template("events")]
    connection.read_parquet(paths, hive_partitioning=False, union_by_name=True).create_view("stored_events")
    inside = "FROM stored_events WHERE event_time BETWEEN $since AND $until"
    connection.sql(inside, params={"since": around[0], "until": around[1]}).create_view("events_around")
    [(twice,)] = connection.sql(
        "SELECT count(DISTINCT hash(event_id)) < count(*) FROM events_around"
    ).fetchall()
    once = "QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY event_time) = 1" if twice else ""
    chosen = (
        f"SELECT {', '.join(columns)}, session FROM events_around LEFT JOIN members USING (event_id) {once}"  # noqa: S608 - our own names
    )
    return connection.sql(chosen)


def sessions_in(lake: Lake, window: tuple[datetime, datetime]) -> pl.DataFrame:
    """Return the newest numbers of the sessions that last into a window or begin in it."""
    states = lake.scan("session_states", TABLES["session_states"].stored.names)
    inside = (pl.col("first") <= window[1]) & (pl.col("last") >= window[0])
    rows = states.filter(inside).collect().sort("revision", "state_time")
    return rows.unique("session", keep="last", maintain_order=True)
