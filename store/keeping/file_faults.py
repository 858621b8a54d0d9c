"""Faults of data files and what lies beside them: gone, cut short, altered, without index or template."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from store.datafile import read_key_index
from store.entries import digests
from store.keeping.faults import Fault
from store.keeping.rereading import JOBS
from store.keeping.vacuuming import Ages, find_unneeded
from store.keys import derive
from store.lake import Lake
from store.snapshot import StoredFile, index_path
from store.tables.events import EVENTS
from store.tables.letters import DEAD_LETTERS
from store.tables.table import Table
from store.upgrading import missing_columns, template_of

AGAIN = "set aside; what it held is read again from its source, where that can be"
REMADE = "set aside; the next run of its job makes it again"
GONE = "given up: nothing makes these rows again, so restore the lake from a backup first if there is one"


def find(lake: Lake, table: Table, *, quick: bool = False) -> Iterator[Fault]:
    """Yield what is wrong with a table's files; `quick` looks at names and sizes and not at bytes."""
    root = lake.path / table.name
    noted = {} if quick else digests(root)
    for file in lake.snapshot(table.name).files:
        if (what := _wrong(root / file.path, file, noted.get(file.path))) is not None:
            kind, meaning = what
            yield Fault(kind, table.name, root / file.path, meaning, _remedy(table))
        else:
            yield from _indexes(lake, table, file)
    yield from _beside(lake, table)


def _remedy(table: Table) -> str:
    if table.name in (EVENTS.name, DEAD_LETTERS.name):
        return AGAIN
    return REMADE if table.name in JOBS else GONE


def _wrong(path: Path, file: StoredFile, noted: str | None) -> tuple[str, str] | None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return "missing_file", f"a data file of {file.rows:,} rows is gone"
    if size != file.bytes:
        return "damaged_file", f"a data file has {size:,} bytes and was written with {file.bytes:,}"
    if noted is not None and sha256(path.read_bytes()).hexdigest() != noted:
        return "damaged_file", "a data file is not what was committed: bits flipped, or somebody changed it"
    return None


def _indexes(lake: Lake, table: Table, file: StoredFile) -> Iterator[Fault]:
    for column in table.indexed:
        path = index_path(lake.path / table.name, file.path, column)
        key = derive(lake.site_key, "key-index") if column in table.keyed else b""
        try:
            read_key_index(path.read_bytes(), key)
        except (OSError, ValueError):
            yield Fault(
                "missing_index", table.name, path, "a key index is gone, damaged or of another key",
                "made again from the file; until then questions read more files", grave=False,
            )  # fmt: skip


def _beside(lake: Lake, table: Table) -> Iterator[Fault]:
    template = template_of(lake.path, table)
    try:
        there = pq.read_schema(template).names
    except (OSError, pa.ArrowException):
        there = []
    if there != table.stored.names:
        yield Fault(
            "missing_template", table.name, template, "the file that stands for no rows is gone", "made again"
        )
    if lacking := missing_columns(lake.handle(table.name), table):
        yield Fault(
            "missing_columns", table.name, lake.path / table.name,
            f"the table lacks {', '.join(lacking)}", "added; older rows are null there",
        )  # fmt: skip


def unneeded(lake: Lake, ages: Ages) -> Iterator[Fault]:
    """Yield files that nothing needs any more and that are old enough to go."""
    for one in find_unneeded(lake, ages):
        if one.due:
            yield Fault(
                "unneeded", one.table, one.path, f"nothing needs this file: {one.why}", "removed", grave=False
            )
