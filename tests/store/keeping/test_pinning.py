"""Vacuum and backups keep what open reviews are frozen on, and an erasure does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from lakes import record, take_in

from store.keeping.backing_up import back_up
from store.keeping.compacting import compact
from store.keeping.pinning import Pin, frozen_versions, pinned_files, pins
from store.keeping.vacuuming import Ages, vacuum_held
from store.lake import Lake
from store.locks import alone
from store.tables import TABLES

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def said(lake: Lake, review: str, change: str, version: int) -> None:
    """Write down that a review was opened or closed."""
    row = {
        "review": review, "change": change, "made_by": "dora", "review_time": NOW, "review_date": NOW.date(),
        **dict.fromkeys(("since", "until", "moment", "due_at"), NOW), "overdue": "keep", "reviewers": [], "scope": "{}",
        **dict.fromkeys(("items", "excluded", "orphans", "strays"), 0), "events_version": version, "frozen_sha256": "",
    }  # fmt: skip
    lake.append("reviews", pa.Table.from_pylist([row], TABLES["reviews"].schema))


def vacuumed(lake: Lake, *, reviews: bool = True) -> int:
    """Return how many files a vacuum without grace removed."""
    with alone(lake, "keeping"):
        return sum(done.files_before for done in vacuum_held(lake, Ages(grace=-1.0), reviews=reviews))


def test_replaced_files_stay_while_a_review_is_open(lake: Lake, tmp_path: Path) -> None:
    """They are part of a backup too; when the review is closed they go. What came later was never needed."""
    for part in range(3):
        take_in(lake, [record(part)], first=part)
        if part == 1:
            said(lake, "q1", "opened", lake.snapshot("events").version)
    frozen = set(lake.snapshot("events", frozen_versions(lake)["q1"]).paths())
    assert pins(lake) == [Pin("q1", frozen_versions(lake)["q1"], 0, 0)]
    compact(lake, ["events"])
    size = sum(Path(path).stat().st_size for path in frozen)
    assert pins(lake) == [Pin("q1", frozen_versions(lake)["q1"], 2, size)]
    assert len(frozen) == 2
    assert vacuumed(lake) == 1
    assert all(Path(path).exists() for path in frozen)
    held = {str(lake.path / file.path) for file in back_up(lake, tmp_path / "backup").files}
    assert frozen <= held
    said(lake, "q1", "closed", frozen_versions(lake)["q1"])
    assert (frozen_versions(lake), pinned_files(lake), pins(lake)) == ({}, set(), [])
    assert vacuumed(lake) == 2


def test_an_erasure_leaves_nothing_for_a_review(lake: Lake) -> None:
    """Whoever is erased is erased from what reviews are frozen on too; a version stepped back from pins nothing."""
    for part in range(2):
        take_in(lake, [record(part)], first=part)
    said(lake, "q1", "opened", lake.snapshot("events").version)
    said(lake, "lost", "opened", 999)
    compact(lake, ["events"])
    assert vacuumed(lake) == 0
    assert vacuumed(lake, reviews=False) == 2
