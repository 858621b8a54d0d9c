"""Compaction: the small files of a partition become few large ones, with the same rows, proven before the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import pyarrow as pa

from store.drafts import write
from store.entries import digests
from store.keeping.records import Done, record
from store.keeping.replacing import MOST, Change, New, replace_files
from store.keeping.rows import check_digest, check_roots, check_same, joined, read_rows
from store.lake import Lake
from store.locks import alone
from store.snapshot import Snapshot, StoredFile
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table

HINT = "wait for it: one at a time compacts, expires, erases or repairs"
SMALL = 0.5
"""A file under this part of the target is small; two halves make one."""


@dataclass(frozen=True)
class Target:
    """How large files are to become: bytes on disk, and rows, which bound the memory that rewriting takes."""

    bytes: int = 128 << 20
    rows: int = 250_000


@dataclass(frozen=True)
class Group:
    """Small files of one partition that are to become one."""

    table: str
    day: date
    files: tuple[StoredFile, ...]

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(file.rows for file in self.files)


def plan(snapshot: Snapshot, target: Target) -> Iterator[Group]:
    """Yield the groups of small files that compaction would join, oldest partition first; none has but one file."""
    small = [f for f in snapshot.files if f.bytes < SMALL * target.bytes and f.rows < SMALL * target.rows]
    for day, files in groupby(small, key=lambda f: f.day):
        group: list[StoredFile] = []
        for file in sorted(files, key=lambda f: (f.modified, f.path)):
            size, rows = (sum(getattr(f, n) for f in [*group, file]) for n in ("bytes", "rows"))
            if group and (size > target.bytes or rows > target.rows or len(group) == MOST):
                yield from _worth(snapshot, day, group)
                group = []
            group.append(file)
        yield from _worth(snapshot, day, group)


def _worth(snapshot: Snapshot, day: date, group: Sequence[StoredFile]) -> Iterator[Group]:
    if len(group) > 1:
        yield Group(snapshot.table.name, day, tuple(group))


def compact(
    lake: Lake,
    tables: Sequence[str] = (),
    target: Target | None = None,
    progress: Callable[[Group], None] | None = None,
) -> list[Done]:
    """Compact tables, all of them unless some are named; each group is a commit of its own.

    Old files stay until they are vacuumed. Raises IntegrityError, before anything is committed, when a file is not
    what was written or rows would change.
    """
    with alone(lake, "keeping", HINT):
        return compact_held(lake, tables or tuple(TABLES), target or Target(), progress)


def compact_held(
    lake: Lake, tables: Sequence[str], target: Target, progress: Callable[[Group], None] | None = None
) -> list[Done]:
    """Compact as `compact` does, for a caller that holds the lock."""
    done = []
    for name in tables:
        groups = list(plan(lake.snapshot(name), target))
        noted = digests(lake.path / name) if groups else {}
        for group in groups:
            done.append(_join(lake, TABLES[name], group, noted))
            if progress is not None:
                progress(group)
    record(lake, done)
    return done


def _join(lake: Lake, table: Table, group: Group, noted: dict[str, str]) -> Done:
    root = lake.path / table.name
    for file in group.files:
        check_digest(root, file, noted.get(file.path))
    rows = joined([read_rows(root, table, file) for file in group.files])
    new = written(lake, table, rows, group.files)
    if table is EVENTS:
        check_roots(rows, [root / n.action.path for n in new])
    paths = [root / file.path for file in group.files]
    digest = check_same(lake, table, paths, [root / n.action.path for n in new])
    note = {"rows": digest.rows, "row_digest": f"{digest.sum:016x}"}
    change = Change("compact", group.files, new, same_rows=True, note=note)
    version = replace_files(lake, table, change)
    return Done("compact", table.name, version, group.rows, digest.rows, len(group.files), len(new))


def written(lake: Lake, table: Table, rows: pa.Table, files: Sequence[StoredFile]) -> list[New]:
    """Write rows as the file that takes the place of others, as old as the youngest of them."""
    modified = max(file.modified for file in files)
    origins = tuple(file.path for file in files)
    root = lake.path / table.name
    return [
        New(write(root, table, made, modified), made.sha256, origins) for made in lake.encode(table, rows)
    ]
