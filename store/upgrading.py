"""Lakes of earlier versions: tables gain the columns they lack, and older files read as null there.

A column is only ever added, and may be null: nothing that is stored is rewritten.
"""

from __future__ import annotations

import time
from functools import cache
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema

from store import commit as delta
from store.datafile import empty
from store.durable import write_file
from store.errors import UnreachableError
from store.publishing import metadata, publish
from store.tables import TABLES
from store.tables.table import Table

WIDENED = "tooltrail.widened"
"""The table property that says that some files have fewer columns than the table."""
TEMPLATE = "_template"


@cache
def shape() -> str:
    """Return a digest of every table's columns: lakes that carry another one are looked at when they are opened."""
    text = "\n".join(f"{name}: {table.schema.to_string()}" for name, table in sorted(TABLES.items()))
    return sha256(text.encode()).hexdigest()[:32]


def template_of(root: Path, table: Table) -> Path:
    """Return the data file without rows that stands for a table that has none."""
    return root / table.name / TEMPLATE / f"{table.partition}=1970-01-01" / "none.parquet"


def make_tables(root: Path) -> None:
    """Make the tables and templates that are not there yet: all of them, or those a newer version has more."""
    for table in TABLES.values():
        if not has_log(root, table):
            if has_files(root, table):
                raise UnreachableError(
                    "the table has data files and no log",
                    where=str(root / table.name),
                    hint="restore from a backup",
                )
            delta.create(root / table.name, table)
        if not template_of(root, table).exists():
            write_file(template_of(root, table), empty(table))


def has_log(root: Path, table: Table) -> bool:
    """Say whether a table has any commit."""
    return any((root / table.name / delta.LOG).glob("*.json"))


def has_files(root: Path, table: Table) -> bool:
    """Say whether a table has data files, be they in any commit or not."""
    return any((root / table.name).glob(f"{table.partition}=*/*.parquet"))


def missing_columns(handle: DeltaTable, table: Table) -> list[str]:
    """Return the columns a stored table lacks."""
    there = {field.name for field in handle.schema().fields}
    return [name for name in table.schema.names if name not in there]


def upgrade(root: Path) -> dict[str, list[str]]:
    """Add the columns that tables lack, and return them by table. Safe beside writers; one of two upgrades wins."""
    make_tables(root)
    added = {}
    for table in TABLES.values():
        if lacking := missing_columns(delta.open_table(root / table.name), table):
            _widen(root / table.name, table, lacking)
            added[table.name] = lacking
        if not _is_current(template_of(root, table), table):
            write_file(template_of(root, table), empty(table))
    return added


def is_widened(handle: DeltaTable) -> bool:
    """Say whether some of a table's files may have fewer columns than it."""
    return WIDENED in handle.metadata().configuration


def _is_current(template: Path, table: Table) -> bool:
    try:
        return bool(pq.read_schema(template).names == table.stored.names)
    except (OSError, pa.ArrowException):
        return False


def _widen(root: Path, table: Table, lacking: list[str]) -> None:
    handle = delta.open_table(root)
    held = {field.name: field for field in pa.schema(handle.schema().to_arrow())}
    ours = [held.get(f.name) or f.with_nullable(nullable=True) for f in table.schema]
    theirs = [field for name, field in held.items() if name not in table.schema.names]
    schema = Schema.from_arrow(pa.schema([*ours, *theirs])).to_json()
    note = {"operation": "upgrade", "columns": lacking, "sha256": {}}
    info = {"timestamp": time.time_ns() // 1_000_000, "operation": "ADD COLUMN", "operationParameters": {}}
    actions = [
        {"commitInfo": {**info, delta.NOTE: note}},
        {"metaData": metadata(handle, {WIDENED: "true"}, schema)},
    ]
    delta.settle_others(root, delta.settled(root))
    publish(root, handle.version(), actions, lambda version: _refuse_rival(root, version))


def _refuse_rival(root: Path, version: int) -> None:
    if '"metaData"' in delta.log_entry(root, version).read_text():
        raise UnreachableError(
            "another program changes this table's columns", where=str(root), hint="run the command again"
        )
