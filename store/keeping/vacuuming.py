"""Vacuum: files that no version in use names any more leave the disk, once no question can still be reading them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store.drafts import remove
from store.entries import entries
from store.keeping.pinning import pinned_files
from store.keeping.records import Done
from store.lake import Lake
from store.snapshot import INDEX
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table


@dataclass(frozen=True)
class Ages:
    """In seconds: `grace`, what the longest question takes; `orphans`, what a slow writer takes to commit."""

    grace: float = 3600.0
    orphans: float = 86_400.0


@dataclass(frozen=True)
class Unneeded:
    """A file nothing needs: it was replaced, never committed, or is what an interrupted write left."""

    table: str
    path: Path
    why: str
    bytes: int
    due: bool


def find_unneeded(
    lake: Lake, ages: Ages, now: float | None = None, *, reviews: bool = True
) -> Iterator[Unneeded]:
    """Yield what no version in use needs; `due` says whether it is old enough to go.

    What open reviews are frozen on is in use, unless `reviews` is False: an erasure leaves nothing for them.
    """
    moment = time.time() if now is None else now
    needed = pinned_files(lake) if reviews else set()
    for table in TABLES.values():
        root = lake.path / table.name
        came: set[str] = set()
        left: dict[str, float] = {}
        for entry in entries(root):
            came |= entry.added.keys()
            left |= {path: a.get("deletionTimestamp", 0) / 1000 for path, a in entry.removed.items()}
        for path in sorted(root.glob(f"{table.partition}=*/*.parquet")):
            name = str(path.relative_to(root))
            if table is EVENTS and name in needed:
                continue
            if name in left:
                yield _unneeded(table, path, "replaced", moment - left[name] > ages.grace)
            elif name not in came:
                yield _unneeded(table, path, "orphan", moment - path.stat().st_mtime > ages.orphans)
        yield from _left_over(table, root, moment - ages.orphans)


def _left_over(table: Table, root: Path, before: float) -> Iterator[Unneeded]:
    """Yield temporary files, of ours and of the Delta library, and indexes of files that are gone."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and (path.suffix == ".tmp" or ".json#" in path.name):
            yield _unneeded(table, path, "temporary", path.stat().st_mtime < before)
    here = {path.stem for path in root.glob(f"{table.partition}=*/*.parquet")}
    for path in sorted((root / INDEX).glob("*.*")) if (root / INDEX).is_dir() else ():
        if not path.name.startswith(".") and path.name.rsplit(".", 1)[0] not in here:
            yield _unneeded(table, path, "index", path.stat().st_mtime < before)


def _unneeded(table: Table, path: Path, why: str, due: bool) -> Unneeded:
    return Unneeded(table.name, path, why, path.stat().st_size, due)


def vacuum_held(lake: Lake, ages: Ages, now: float | None = None, *, reviews: bool = True) -> list[Done]:
    """Remove what is due, for a caller that holds the lock; `reviews` as for `find_unneeded`."""
    due = [u for u in find_unneeded(lake, ages, now, reviews=reviews) if u.due]
    for one in due:
        remove(lake.path / one.table, TABLES[one.table], one.path)
    done = []
    for name in dict.fromkeys(u.table for u in due):
        count = sum(u.table == name for u in due)
        done.append(Done("vacuum", name, None, 0, 0, count, 0))
    return done
