"""Jobs run on a lake of an earlier version as on any other."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from lakes import KEY, NOON, one, record, take_in

from analytics.detecting import job
from analytics.detecting.catalog import load
from analytics.stitching.job import update as stitch
from store import upgrading
from store.lake import Lake
from store.tables import TABLES

LACKING = {
    "activity": ["tool_definition_sha256"],
    "owners": ["named"],
    "session_states": ["top_event"],
    "tool_habits": ["asked", "unheard", "opened"],
}


def test_detections_run_where_columns_were_added_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables whose files lack a column read as null there: a run over old and new days ends as usual."""
    path = tmp_path / "lake"
    with monkeypatch.context() as then:
        for name, columns in LACKING.items():
            schema = TABLES[name].schema
            fewer = pa.schema([field for field in schema if field.name not in columns])
            then.setitem(TABLES, name, dataclasses.replace(TABLES[name], schema=fewer))
        upgrading.shape.cache_clear()
        _a_day_of_activity(Lake.create(path, KEY))
    upgrading.shape.cache_clear()
    lake = Lake.open(path)
    for part in range(2):
        take_in(lake, [record(part * 90_000 + n) for n in range(5)], first=part * 5)
        stitch(lake)
        run = job.update(lake, load().values())
    assert run.events == 5
    assert lake.snapshot("activity").widened
    assert one(lake, "SELECT count(*) FROM activity WHERE first_event = 'old'") == 1


def _a_day_of_activity(lake: Lake) -> None:
    """Write what a version without the column wrote of the day before."""
    hour = NOON - timedelta(days=1)
    habits = TABLES["tool_habits"].schema
    day = {"day": hour.replace(hour=0), "habit_date": hour.date(), "revision": 1, "tool_name": "echo"}
    counts = {n: 60 for n in habits.names if n not in (*day, "server_name")}
    lake.append("tool_habits", pa.Table.from_pylist([{**counts, **day}], habits))
    said = {"hour": hour, "activity_date": hour.date(), "revision": 1, "first_event": "old", "last_event": "old",
            "first_time": hour, "last_time": hour, "user_id": "ana", "events": 3}  # fmt: skip
    schema = TABLES["activity"].schema
    lake.append("activity", pa.Table.from_pylist([{n: said.get(n) for n in schema.names}], schema))
