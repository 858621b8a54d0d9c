"""Faults of a table's log: entries that are torn or gone, checkpoints that cannot be read. Found without opening it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from store.commit import LOG, log_entry
from store.entries import read_entry, versions
from store.keeping.faults import Fault
from store.tables.table import Table
from store.upgrading import has_files, has_log

HINT = "_last_checkpoint"
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")
BACK = "restore from a backup; or --step-back goes on from before it and reads again what came after"


def find(lake: Path, table: Table) -> Iterator[Fault]:
    """Yield what is wrong with a table's log."""
    root = lake / table.name
    if not has_log(lake, table):
        yield _without_log(lake, table)
        return
    there = versions(root)
    bad = [version for version in there if not _reads(root, version)]
    torn = _tail(there, bad)
    for version in torn:
        yield Fault(
            "torn_commit", table.name, log_entry(root, version),
            "the newest commit was not written whole, so it was never acknowledged",
            "set aside; its rows are read again from their source",
        )  # fmt: skip
    yield from _checkpoints(root, table, there, bad)
    yield from _gaps(
        root, table, [v for v in there if v not in bad], [v for v in bad if v not in torn], there[-1]
    )


def _without_log(lake: Path, table: Table) -> Fault:
    where = lake / table.name / LOG
    if has_files(lake, table):
        return Fault(
            "no_log",
            table.name,
            where,
            "the table has files and no log",
            "restore from a backup",
            mends=False,
        )
    return Fault("missing_table", table.name, where, "the table is not there", "made, without rows")


def _reads(root: Path, version: int) -> bool:
    try:
        read_entry(root, version)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def _tail(there: list[int], bad: list[int]) -> list[int]:
    """Return the bad versions no good one comes after, the newest first."""
    torn = []
    for version in reversed(there):
        if version not in bad:
            break
        torn.append(version)
    return torn


def good_checkpoints(root: Path) -> tuple[list[int], dict[int, list[Path]]]:
    """Return the versions whose checkpoint can be read, and the files of those that cannot."""
    files: dict[int, list[Path]] = {}
    for path in sorted((root / LOG).iterdir()):
        if match := _CHECKPOINT.fullmatch(path.name):
            files.setdefault(int(match[1]), []).append(path)
    bad = {version: paths for version, paths in files.items() if not all(map(_whole, paths))}
    return [version for version in files if version not in bad], bad


def _whole(path: Path) -> bool:
    try:
        pq.read_table(path)
    except (OSError, pa.ArrowException):
        return False
    return True


def _checkpoints(root: Path, table: Table, there: list[int], bad: list[int]) -> Iterator[Fault]:
    good, broken = good_checkpoints(root)
    for version, paths in broken.items():
        start = max([c for c in good if c < version], default=-1)
        needed = range(start + 1, version + 1)
        mends = all(v in there and v not in bad for v in needed)
        remedy = "set aside; the log's entries say the same" if mends else "restore from a backup"
        yield Fault(
            "damaged_checkpoint", table.name, paths[0], "a checkpoint cannot be read", remedy, mends=mends
        )
    hint = root / LOG / HINT
    if hint.exists() and _hinted(hint) not in good:
        yield Fault(
            "damaged_hint", table.name, hint, "the pointer to the newest checkpoint leads nowhere",
            "set aside; it only saves time",
        )  # fmt: skip


def _hinted(hint: Path) -> int | None:
    try:
        return int(json.loads(hint.read_text())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _gaps(root: Path, table: Table, good: list[int], damaged: list[int], newest: int) -> Iterator[Fault]:
    """Yield commits in the middle that are gone or cannot be read; a later checkpoint still tells what they did."""
    known = set(good)
    checkpoints, _ = good_checkpoints(root)
    for version in range(max(good, default=newest)):
        if version in known:
            continue
        covered = any(c >= version for c in checkpoints)
        kind = "damaged_commit" if version in damaged else "missing_commit"
        meaning = "a commit is gone" if kind == "missing_commit" else "a commit cannot be read"
        more = "; a later checkpoint holds what it did" if covered else "; nothing after it can be read"
        yield Fault(kind, table.name, log_entry(root, version), meaning + more, BACK, mends=False)
