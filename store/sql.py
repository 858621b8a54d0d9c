"""Questions in SQL over frozen snapshots, answered by DuckDB from a list of files it is handed.

DuckDB's own plan says which conditions reach each scan; from them the files that cannot matter are left out before
the query is run. DuckDB sees the data files and nothing else of the machine: no other path, no network, no writing.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from store import commit as delta
from store import spilling, witnesses
from store.errors import TooltrailError, UnreachableError, UsageError
from store.snapshot import KeyIndexes, Needs, Snapshot
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table

if TYPE_CHECKING:
    import polars as pl

    from store.lake import AsOf, Lake

VIEWS = Path(__file__).with_name("views")
"""Folder of views and macros: files by number, in the order in which they stand on each other."""
BATCH_ROWS = 65_536

Parameters = Mapping[str, Any] | Sequence[Any] | None


@dataclass(frozen=True)
class Answer:
    """Rows of one question and the table versions they were computed from. Rows can be taken once."""

    versions: Mapping[str, int]
    _relation: duckdb.DuckDBPyRelation
    _connection: duckdb.DuckDBPyConnection

    @property
    def version(self) -> int:
        """The version of the events table that was asked."""
        return self.versions["events"]

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the answer's columns."""
        with _Explained():
            return self._relation.limit(0).to_arrow_table().schema

    def cancel(self) -> None:
        """Stop the query, from any thread; taking its rows then raises."""
        self._connection.interrupt()

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Stream the rows; memory does not grow with their number."""
        with _Explained():
            yield from self._relation.to_arrow_reader(rows)

    def arrow(self) -> pa.Table:
        """Return all rows as one Arrow table."""
        with _Explained():
            return self._relation.to_arrow_table()

    def polars(self) -> pl.DataFrame:
        """Return all rows as a Polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return the DuckDB relation itself, to go on from in a notebook."""
        return self._relation


class Engine:
    """One in-memory DuckDB per lake, locked down once, shared by all questions."""

    def __init__(self, lake: Lake, indexes: KeyIndexes, settings: Mapping[str, str | int]) -> None:
        self._lake = lake
        self._indexes = indexes
        spill = tempfile.mkdtemp(prefix=spilling.PREFIX)
        weakref.finalize(self, shutil.rmtree, spill, ignore_errors=True)
        self._database = duckdb.connect(config={"temp_directory": spill, **settings})
        self._lock = threading.Lock()
        self._planner = Planner()
        self._prepare()

    def _prepare(self) -> None:
        run = self._database.execute
        spilling.bound(self._database, spilling.MOST)
        run("SET GLOBAL TimeZone = 'UTC'")  # global: each question has a session of its own
        run("SET GLOBAL parquet_metadata_cache = true")
        _tell(self._database, {name: ([self._lake.template(name)], False) for name in TABLES})
        for table in TABLES.values():
            run(_base_view(table))
        for statement in view_statements():
            run(statement.sql)
        lock_down(self._database, [self._lake.path / table.name for table in TABLES.values()])

    def ask(self, query: str, parameters: Parameters, as_of: AsOf) -> Answer:
        """Answer one SELECT; see Lake.sql."""
        check_question(query)
        snapshots = freeze_all(self._lake, as_of)
        with _Explained(), self._lock:
            needs = self._planner.needs(query, parameters)
            cursor = self._database.cursor()
            _tell(cursor, {n: self._read(s, needs if n == EVENTS.name else []) for n, s in snapshots.items()})
            relation = cursor.sql(query, params=parameters)
        return Answer({name: s.version for name, s in snapshots.items()}, relation, cursor)

    def _read(self, snapshot: Snapshot, needs: Sequence[Needs]) -> tuple[list[str], bool]:
        """Return the files to read of a table, and whether some lack columns."""
        files, template = self._files(snapshot, needs), [self._lake.template(snapshot.table.name)]
        if self._lake.snapshot(snapshot.table.name).widened:
            return template + files, True  # the template has every column: it comes first
        return files or template, False

    def _files(self, snapshot: Snapshot, needs: Sequence[Needs]) -> list[str]:
        if not needs:
            return snapshot.paths()
        return sorted({path for need in needs for path in snapshot.paths(need, self._indexes)})


def freeze_all(lake: Lake, as_of: AsOf) -> dict[str, Snapshot]:
    """Freeze every table: at its newest version, or as it was when events were at `as_of`."""
    if as_of is None:
        return {name: lake.snapshot(name) for name in TABLES}
    events = lake.snapshot("events", as_of)
    moment = commit_time(events) if isinstance(as_of, int) or str(as_of).isdecimal() else as_of
    return {"events": events, **{name: _until(lake, name, moment) for name in TABLES if name != "events"}}


def _until(lake: Lake, name: str, moment: datetime | str) -> Snapshot:
    try:
        return lake.snapshot(name, moment)
    except UsageError:
        return lake.snapshot(name, 0)


def commit_time(snapshot: Snapshot) -> datetime:
    """Return when the commit was made that a snapshot ends with."""
    for line in delta.log_entry(snapshot.root, snapshot.version).read_text().splitlines():
        info = json.loads(line).get("commitInfo")
        if info is not None:
            return datetime.fromtimestamp(info["timestamp"] / 1000, UTC)
    return datetime.now(UTC)


def lock_down(database: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    """Leave DuckDB these folders and nothing else of the machine, for good."""
    allowed = ", ".join("'" + str(folder).replace("'", "''") + "'" for folder in folders)
    database.execute(f"SET allowed_directories = [{allowed}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _tell(session: duckdb.DuckDBPyConnection, tables: Mapping[str, tuple[list[str], bool]]) -> None:
    """Set which files each table's view reads: two variables for all tables, for each costs a statement a question."""
    session.execute("SET VARIABLE table_files = ?", [{name: files for name, (files, _) in tables.items()}])
    session.execute("SET VARIABLE table_widened = ?", [{name: wide for name, (_, wide) in tables.items()}])


def _base_view(table: Table) -> str:
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    return (
        f"CREATE VIEW {table.name} AS SELECT {columns} FROM "  # noqa: S608 - our own names
        f"read_parquet(getvariable('table_files')['{table.name}'], "
        f"hive_partitioning = true, hive_types = {{'{table.partition}': DATE}}, "
        f"union_by_name = getvariable('table_widened')['{table.name}'])"
    )


# --- views and macros as data -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ViewStatement:
    """A view or macro: its kind, call, meaning and SQL."""

    kind: str
    call: str
    meaning: str
    sql: str


@cache
def view_statements() -> tuple[ViewStatement, ...]:
    """Return the statements of the view files in order, those about witnesses last."""
    texts = [*(path.read_text() for path in sorted(VIEWS.glob("*.sql"))), witnesses.statements()]
    blocks = [block for text in texts for block in text.split("\n\n")]
    return tuple(_view_statement(block) for block in blocks if "CREATE" in block)


def _view_statement(block: str) -> ViewStatement:
    lines = block.strip().splitlines()
    meaning = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    head = re.match(r"CREATE (VIEW|MACRO) (\w+(?:\([^)]*\))?)", sql)
    assert head is not None
    return ViewStatement(head[1].lower(), head[2], meaning, sql)


# --- what a question may be -------------------------------------------------------------------------------------

_EXPLAIN = re.compile(
    r"EXPLAIN\b(\s*ANALYZE\b)?(\s*\([^()]*\)(?=\s*(\(|SELECT\b|FROM\b|WITH\b|VALUES\b)))?", re.IGNORECASE
)


def check_question(query: str) -> None:
    """Raise UsageError unless the text is one statement that only reads."""
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise _as_usage(error) from error
    if len(statements) != 1:
        raise UsageError(f"one question at a time: this is {len(statements)} statements")
    kind = statements[0].type
    text = statements[0].query
    if kind == duckdb.StatementType.EXPLAIN and (match := _EXPLAIN.match(text)) is not None:
        check_question(text[match.end() :])  # EXPLAIN ANALYZE runs what it explains
    elif kind != duckdb.StatementType.SELECT:
        raise UsageError(f"the lake only answers questions: {kind.name} is not one", hint="ask with SELECT")


class _Explained:
    """Turn DuckDB's errors into ours: a wrong question, or a lake that could not be read."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, duckdb.IOException):
            raise UnreachableError(f"the lake cannot be read: {_first_line(error)}") from error
        if isinstance(error, (duckdb.OutOfMemoryException, duckdb.InterruptException)):
            raise TooltrailError(f"the query was stopped: {_first_line(error)}") from error
        if isinstance(error, duckdb.Error):
            raise _as_usage(error) from error


def _as_usage(error: duckdb.Error) -> UsageError:
    text = str(error).split("\n\nLINE")[0].split("\nLINE")[0].strip()
    return UsageError(text, hint="`tooltrail schema` lists tables, views, macros and columns")


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]


# --- what a question needs --------------------------------------------------------------------------------------

_CONDITION = re.compile(r"^\(?(\w+) (=|>=?|<=?) '([^']*)'(::TIMESTAMP WITH TIME ZONE)?\)?$")


class Planner:
    """Asks DuckDB how it would scan the events table, on a copy of the schema without rows.

    The conditions of the plan are those every row of that scan must meet, whatever the data: that is what makes
    skipping files by them safe. The copy is a table in memory: binding it takes a third of the time a file takes.
    """

    def __init__(self, furnish: Callable[[duckdb.DuckDBPyConnection], None] | None = None) -> None:
        self._database = duckdb.connect(config={"threads": 1})
        self._database.execute("SET GLOBAL TimeZone = 'UTC'")
        (furnish or _without_rows)(self._database)
        # What the copy holds must not shape the plan: a count folded to the copy's own would hide its scan. Nor may
        # one scan become two, of which the second holds no condition.
        self._database.execute("SET disabled_optimizers = 'statistics_propagation,late_materialization'")
        self._database.execute("SET GLOBAL explain_output = 'all'")
        lock_down(self._database, [])

    def needs(self, query: str, parameters: Parameters) -> list[Needs]:
        """Return what each scan of the events table needs; empty when that is not known."""
        if duckdb.extract_statements(query)[0].type != duckdb.StatementType.SELECT:
            return []
        cursor = self._database.cursor()
        rows = cursor.execute(f"EXPLAIN (FORMAT json) {query}", parameters).fetchall()
        plans = {name: list(_scans(json.loads(text))) for name, text in rows}
        if len(plans["physical_plan"]) < len(plans["logical_plan"]):
            return []  # a scan was optimised away: what it needs is not known
        return [_needs(scan) for scan in plans["physical_plan"]]


def _without_rows(database: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES.values():
        database.from_arrow(table.schema.empty_table()).create(table.name)
    for statement in view_statements():
        database.execute(statement.sql)


def _scans(plan: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for node in plan:
        if node["extra_info"].get("Table", "").endswith(f".{EVENTS.name}"):
            yield node["extra_info"]
        yield from _scans(node["children"])


def _needs(scan: Mapping[str, Any]) -> Needs:
    """Read the conditions that are plain comparisons with a constant; the others only cost time."""
    filters = scan.get("Filters", [])
    equal: dict[str, str] = {}
    since = until = None
    for text in [filters] if isinstance(filters, str) else filters:
        for part in text.removeprefix("(").removesuffix(")").split(" AND "):
            match = _CONDITION.match(part)
            if match is None:
                continue
            column, operator, value, is_time = match.groups()
            if operator == "=" and not is_time:
                equal[column] = value
            elif column == EVENTS.statistics[0] and is_time and "infinity" not in value:
                moment = datetime.fromisoformat(value)
                since = moment if operator[0] == ">" else since
                until = moment if operator[0] == "<" else until
    return Needs(equal, since, until)
