"""A lake in numbers: what each table holds, what waits to be done, who was erased, what is held, and who vouches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from store.integrity import stamping, witness
from store.integrity.log import Log
from store.integrity.stamping import Failure, Stamped
from store.integrity.witness import Told
from store.keeping import approving, erasing, holding
from store.keeping.compacting import Target, plan
from store.keeping.pinning import Pin, pins
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
class LogStatus:
    """The transparency log: its entries, and what vouches for them outside of this machine, as that says of itself."""

    entries: int
    stamped: Stamped | None
    failed: Failure | None
    witnessed: list[Told]


@dataclass(frozen=True)
class Status:
    """Tables and log, what open reviews keep, erasures by state and reason, holds in force, requests that wait."""

    tables: list[TableStatus]
    erasures: dict[tuple[str, str], int]
    holds: int
    waiting: int
    pins: list[Pin]
    log: LogStatus | None


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
    log = _of_log(lake.log) if lake.log is not None else None
    return Status(tables, dict(told), len(holding.in_force(lake)), waiting, pins(lake), log)


def _of_log(log: Log) -> LogStatus:
    head = log.head()
    size = 0 if head is None else head.checkpoint.size
    return LogStatus(size, stamping.newest(log), stamping.failure_of(log), witness.newest(log))
