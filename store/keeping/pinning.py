"""What open reviews are frozen on: the files of that version of each table stay until the review is closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from store.lake import Lake
from store.snapshot import Snapshot
from store.sql import freeze_all


def frozen_versions(lake: Lake) -> dict[str, int]:
    """Return the version of the events on which each open review is frozen, by its name."""
    rows = lake.scan("reviews", ["review", "change", "events_version"]).collect()
    closed = rows.filter(pl.col("change") == "closed")["review"]
    opened = rows.filter((pl.col("change") == "opened") & ~pl.col("review").is_in(closed.to_list()))
    return dict(zip(opened["review"], opened["events_version"], strict=True))


def pinned(lake: Lake) -> Iterator[Mapping[str, Snapshot]]:
    """Yield all tables as each open review is frozen on them; a version that was stepped back from is none."""
    newest = lake.snapshot("events").version
    for version in sorted(set(frozen_versions(lake).values())):
        if version <= newest:
            yield freeze_all(lake, version)


def pinned_files(lake: Lake) -> dict[str, set[str]]:
    """Return the files that open reviews need, by table: those of the newest version are among them."""
    found: dict[str, set[str]] = {}
    for tables in pinned(lake):
        for name, snapshot in tables.items():
            found.setdefault(name, set()).update(file.path for file in snapshot.files)
    return found


def lacking(lake: Lake, version: int) -> list[str]:
    """Return the files of a version of the lake that are not on the disk any more, each below its table."""
    tables = freeze_all(lake, version)
    files = [(name, file.path) for name, snapshot in tables.items() for file in snapshot.files]
    return [f"{name}/{path}" for name, path in files if not (lake.path / name / path).exists()]
