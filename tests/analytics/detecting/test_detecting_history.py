"""Hours of the past are read as last counted, and never those of the window itself."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from analytics import engine
from analytics.detecting import history
from store.lake import Lake
from store.tables import TABLES

DAY = datetime(2026, 10, 14, tzinfo=UTC)


def keep(lake: Lake, revision: int, hour: datetime, events: int) -> None:
    """Keep one hour as a run at a version of the lake counted it."""
    lake.append(
        "activity", pa.Table.from_pylist([counted(revision, hour, events)], TABLES["activity"].schema)
    )


def counted(revision: int, hour: datetime, events: int) -> dict[str, object]:
    """Return one hour as a run at a version of the lake counted it."""
    return {"hour": hour, "activity_date": hour.date(), "revision": revision, "source_system": "test",
           "event_kind": "tool_call", "events": events, "calls": events, "denied": 0, "failed": 0,
           "first_event": "a", "last_event": "b", "first_time": hour, "last_time": hour}  # fmt: skip


def test_a_day_that_was_counted_again_counts_once(tmp_path):
    """Of two counts of a day the newer stands; other days and the hours from the moment on are untouched by it."""
    lake = Lake.create(tmp_path / "lake")
    keep(lake, 1, DAY - timedelta(hours=30), 5)
    keep(lake, 1, DAY - timedelta(hours=2), 7)
    keep(lake, 3, DAY - timedelta(hours=3), 8)
    keep(lake, 3, DAY, 9)
    rows = history.activity_before(engine.connect(), lake, DAY).order("hour").to_arrow_table()
    assert rows["events"].to_pylist() == [5, 8]
    assert "revision" not in rows.column_names


def test_a_lake_without_a_past_has_no_hours(tmp_path):
    """The first day of a lake is evaluated like any other."""
    assert len(history.activity_before(engine.connect(), Lake.create(tmp_path / "lake"), DAY)) == 0


def test_counts_that_were_put_into_one_file_count_once(tmp_path):
    """Where files were put together a file holds several counts of its day, of which the newest stands."""
    lake = Lake.create(tmp_path / "lake")
    counts = [counted(revision, DAY - timedelta(hours=2), revision + 4) for revision in (1, 3)]
    lake.append("activity", pa.Table.from_pylist(counts, TABLES["activity"].schema))
    rows = history.activity_before(engine.connect(), lake, DAY).to_arrow_table()
    assert rows["events"].to_pylist() == [7]


def test_a_day_that_no_run_has_summed_up_is_summed_up_now(tmp_path):
    """Of days kept by the hour only, summaries are made as they are asked for; what is kept is not made again."""
    lake = Lake.create(tmp_path / "lake")
    keep(lake, 1, DAY - timedelta(hours=30), 5)
    keep(lake, 1, DAY - timedelta(hours=2), 7)
    row = {"hour": DAY - timedelta(hours=2), "activity_date": (DAY - timedelta(hours=2)).date(), "revision": 1,
           "events": 100}  # fmt: skip
    lake.append("user_hours", pa.Table.from_pylist([row], TABLES["user_hours"].schema))
    rows = history.summary_before(engine.connect(), lake, "user_hours", DAY).to_arrow_table()
    assert sorted(rows["events"].to_pylist()) == [5, 100]
