"""What is kept of the days before a window, in numbers: hours of activity, and the summaries made of them.

Hours tell everything and are many; most questions are answered by a summary, a tenth of them. All are read from the
lake's files when they are asked for, and only the columns asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from pathlib import Path

import duckdb

from store.lake import Lake
from store.snapshot import StoredFile

SUMMARIES = ("tool_days", "user_hours", "credential_days")
"""Summaries of activity: tables of the lake, each made by the SQL file of its name from the relation `hours_of`."""

_FILES = """
SELECT file_name, min(stats_min_value::BIGINT), max(stats_max_value::BIGINT) FROM parquet_metadata($paths)
WHERE path_in_schema = 'revision' GROUP BY file_name"""
_ROWS = """
SELECT * EXCLUDE (filename, revision)
FROM read_parquet($paths, hive_partitioning = false, union_by_name = true, filename = true)
SEMI JOIN (SELECT unnest($paths) AS filename, unnest($revisions) AS revision) USING (filename, revision)"""


def activity_before(
    connection: duckdb.DuckDBPyConnection, lake: Lake, moment: datetime
) -> duckdb.DuckDBPyRelation:
    """Return the hours of each day before a moment, as last counted."""
    return _newest(connection, lake, "activity", _files_before(lake, "activity", moment.date()))


def summary_before(
    connection: duckdb.DuckDBPyConnection, lake: Lake, name: str, moment: datetime
) -> duckdb.DuckDBPyRelation:
    """Return one of SUMMARIES of the days before a moment; what no run has summed up yet is summed up now."""
    kept = _files_before(lake, name, moment.date())
    days = {file.day for file in kept}
    left = [f for f in _files_before(lake, "activity", moment.date()) if f.day not in days]
    rows = _newest(connection, lake, name, kept)
    if not left:
        return rows
    _newest(connection, lake, "activity", left).create_view(f"unsummed_{name}")
    more = f"SELECT {', '.join(rows.columns)} FROM ({summed(name, f'unsummed_{name}')})"  # noqa: S608 - our own names
    return rows.union(connection.sql(more))


def summed(name: str, hours: str) -> str:
    """Return the SQL that makes a summary of a relation of hours."""
    return f"WITH hours_of AS (FROM {hours}) {text(name + '.sql')}"


def _files_before(lake: Lake, table: str, day: date) -> list[StoredFile]:
    return [file for file in lake.snapshot(table).files if file.day < day]


def _newest(
    connection: duckdb.DuckDBPyConnection, lake: Lake, table: str, files: Iterable[StoredFile]
) -> duckdb.DuckDBPyRelation:
    """Return the rows of the newest revision of each day, of files of one table."""
    root = lake.snapshot(table).root
    by_path = {f"{root}/{file.path}": file.day for file in files}
    found = connection.execute(_FILES, {"paths": list(by_path)}).fetchall() if by_path else []
    newest: dict[date, int] = defaultdict(int)
    for path, _, greatest in found:
        newest[by_path[path]] = max(newest[by_path[path]], greatest)
    current = [(path, least) for path, least, greatest in found if greatest == newest[by_path[path]]]
    paths = [path for path, _ in current]
    if any(least < newest[by_path[path]] for path, least in current):  # files were put together since
        revisions = [newest[by_path[path]] for path in paths]
        return connection.sql(_ROWS, params={"paths": paths, "revisions": revisions})
    rows = connection.read_parquet(
        paths or [lake.template(table)], hive_partitioning=False, union_by_name=True
    )
    return rows.project("* EXCLUDE (revision)")


@cache
def text(name: str) -> str:
    """Return the SQL in a file of this folder."""
    return Path(__file__).with_name(name).read_text("utf-8")
