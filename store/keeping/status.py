"""A lake in numbers: what each table holds, what waits to be done, who was erased and why, what is held."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from store.keeping import approving, erasing, holding
from store.keeping.compacting import Target, plan
from store.keeping.vacuuming import Ages, find_unneeded
from store.lake import Lake
from store.tables import TABLES


@dataclass(frozen=True)
class TableStatus:
    """One table: its newest version, what it holds, and how many files compaction or vacuum would take."""

    table: str
    version: int
    rows: int
    files: int
    bytes: int
    small_files: int
    unneeded_files: int


@dataclass(frozen=True)
class Status:
    """The tables, and in numbers: erasures by state and reason, holds in force, requests that wait."""

    tables: list[TableStatus]
    erasures: dict[tuple[str, str], int]
    holds: int
    waiting: int
    ledger: Path | None = None


def status(lake: Lake, target: Target, ages: Ages) -> Status:
    """Return how a lake stands."""
    unneeded = Counter(one.table for one in find_unneeded(lake, ages))
    tables = []
    for name in TABLES:
        snapshot = lake.snapshot(name)
        small = sum(len(group.files) for group in plan(snapshot, target))
        size = sum(file.bytes for file in snapshot.files)
        tables.append(
            TableStatus(
                name, snapshot.version, snapshot.rows, len(snapshot.files), size, small, unneeded[name]
            )
        )
    told = Counter((str(row["state"]), str(row["reason"])) for row in erasing.ledger(lake))
    waiting = sum(request.state == "proposed" for request in approving.requests(lake))
    return Status(tables, dict(told), len(holding.in_force(lake)), waiting)
