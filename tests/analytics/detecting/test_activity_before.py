"""Hours of the past are read as last counted, and never those of the window itself."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from analytics.detecting import job, world
from store.lake import Lake
from store.tables import TABLES

DAY = datetime(2026, 10, 14, tzinfo=UTC)


def keep(lake: Lake, revision: int, hour: datetime, events: int) -> None:
    """Keep one hour as a run at a version of the lake counted it."""
    row = {"hour": hour, "activity_date": hour.date(), "revision": revision, "source_system": "test",
           "event_kind": "tool_call", "events": events, "calls": events, "denied": 0, "failed": 0, "resources": 0,
           "results": 0, "first_event": "a", "last_event": "b", "first_time": hour, "last_time": hour}  # fmt: skip
    lake.append("activity", pa.Table.from_pylist([row], TABLES["activity"].schema))


def test_a_day_that_was_counted_again_counts_once(tmp_path):
    """Of two counts of a day the newer stands; other days and the hours from the moment on are untouched by it."""
    lake = Lake.create(tmp_path / "lake")
    keep(lake, 1, DAY - timedelta(hours=30), 5)
    keep(lake, 1, DAY - timedelta(hours=2), 7)
    keep(lake, 3, DAY - timedelta(hours=3), 8)
    keep(lake, 3, DAY, 9)
    rows = job.activity_before(world.connect(), lake, DAY).order("hour").to_arrow_table()
    assert rows["events"].to_pylist() == [5, 8]
    assert "revision" not in rows.column_names


def test_a_lake_without_a_past_has_no_hours(tmp_path):
    """The first day of a lake is evaluated like any other."""
    assert len(job.activity_before(world.connect(), Lake.create(tmp_path / "lake"), DAY)) == 0
