"""What open reviews are frozen on: the files of that version of the events stay until the review is closed.

Of other tables a review reads the newest version, up to the import and the moment that it is frozen on.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from store.lake import Lake
from store.tables.events import EVENTS


def frozen_versions(lake: Lake) -> dict[str, int]:
    """Return the version of the events on which each open review is frozen, by its name."""
    rows = lake.scan("reviews", ["review", "change", "events_version"]).collect()
    closed = rows.filter(pl.col("change") == "closed")["review"]
    opened = rows.filter((pl.col("change") == "opened") & ~pl.col("review").is_in(closed.to_list()))
    return dict(zip(opened["review"], opened["events_version"], strict=True))


@dataclass(frozen=True)
class Pin:
    """What an open review keeps on the disk: files of its version of the events that the newest one does not name."""

    review: str
    version: int
    files: int
    bytes: int


def pins(lake: Lake) -> list[Pin]:
    """Return what each open review keeps, by its name; one that is frozen on what is there anyway keeps no file."""
    newest = lake.snapshot(EVENTS.name)
    there = {file.path for file in newest.files}
    found = []
    for review, version in sorted(frozen_versions(lake).items()):
        files = lake.snapshot(EVENTS.name, version).files if version <= newest.version else []
        kept = [f for f in files if f.path not in there and (lake.path / EVENTS.name / f.path).exists()]
        found.append(Pin(review, version, len(kept), sum(file.bytes for file in kept)))
    return found


def pinned_files(lake: Lake) -> set[str]:
    """Return the files of events that open reviews need; those of the newest version are among them.

    A version that was stepped back from has none.
    """
    newest = lake.snapshot(EVENTS.name).version
    versions = sorted(v for v in set(frozen_versions(lake).values()) if v <= newest)
    return {file.path for version in versions for file in lake.snapshot(EVENTS.name, version).files}


def lacking(lake: Lake, version: int) -> list[str]:
    """Return the files of a version of the events that are not on the disk any more, each below its table."""
    files = lake.snapshot(EVENTS.name, version).files
    return [f"{EVENTS.name}/{f.path}" for f in files if not (lake.path / EVENTS.name / f.path).exists()]
