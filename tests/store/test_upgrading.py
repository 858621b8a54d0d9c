"""A lake of an earlier version opens, reads and grows as one of this version."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from lakes import KEY, NOON, ask, one, record, rows_of, take_in

from store import upgrading
from store.keeping.compacting import compact
from store.lake import MARKER, Lake
from store.tables import TABLES
from store.tables.events import EVENTS

LACKING = ("args_addresses", "leaf_hash")


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a lake made by a version whose events had fewer columns, with two rows."""
    columns = EVENTS.schema
    for name in LACKING:
        columns = columns.remove(columns.get_field_index(name))
    with monkeypatch.context() as then:
        then.setitem(TABLES, "events", dataclasses.replace(EVENTS, schema=columns))
        upgrading.shape.cache_clear()
        lake = Lake.create(tmp_path / "lake", KEY)
        lake.append("events", rows_of({}, {"event_id": "a" * 32}).select(columns.names))
    upgrading.shape.cache_clear()
    return lake.path


def test_columns_it_lacks_are_added_and_null(earlier: Path) -> None:
    """Old rows are null there in SQL, in jobs and to other readers; new rows are not."""
    lake = Lake.open(earlier)
    take_in(lake, [record(1)])
    assert one(lake, "SELECT count(*) FROM events WHERE args_addresses IS NULL AND leaf_hash IS NULL") == 2
    assert one(lake, "SELECT count(*) FROM events WHERE args_addresses IS NOT NULL") == 1
    assert lake.scan("events", ("event_id", *LACKING)).collect().height == 3
    assert pl.read_delta(str(earlier / "events"), columns=list(LACKING)).height == 3
    assert pq.read_schema(lake.template("events")).names == EVENTS.stored.names


def test_versions_before_it_can_still_be_asked(earlier: Path) -> None:
    """An answer that named a version of the earlier lake is given again."""
    lake = Lake.open(earlier)
    assert lake.sql("SELECT count(leaf_hash), count(*) FROM events", as_of=1).arrow().to_pylist() == [
        {"count(leaf_hash)": 0, "count_star()": 2}
    ]


def test_questions_skip_files_as_before(earlier: Path) -> None:
    """Conditions on times and keys hold over files with and without the columns."""
    lake = Lake.open(earlier)
    take_in(lake, [record(7)])
    assert ask(lake, "SELECT count(*) FROM events WHERE event_time >= ?", NOON.replace(second=5)) == [(1,)]


def test_it_is_done_once(earlier: Path) -> None:
    """The second opening looks at one file and changes nothing."""
    Lake.open(earlier)
    version = Lake.open(earlier).snapshot("events").version
    assert version == 2
    assert json.loads((earlier / MARKER).read_text())["shape"] == upgrading.shape()


def test_compaction_writes_the_columns(earlier: Path) -> None:
    """Rows of before and after become one file, the earlier ones null."""
    lake = Lake.open(earlier)
    take_in(lake, [record(1)])
    [done] = compact(lake, ["events"])
    assert (done.rows_before, done.rows_after) == (3, 3)
    [path] = lake.snapshot("events").paths()
    assert pq.read_schema(path).names == EVENTS.stored.names


def test_a_column_of_a_newer_version_stays(earlier: Path) -> None:
    """What this version does not know is neither read nor taken away."""
    lake = Lake.open(earlier)
    assert upgrading.missing_columns(lake.handle("events"), EVENTS) == []
    assert upgrading.upgrade(earlier) == {}
    assert lake.snapshot("events").rows == 2
