"""What is put into the lake comes out as it was, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from lakes import KEY, NOON, rows_of
from row_strategies import OURS, ROWS

from store.commit import Advance
from store.events import COLUMNS, arrow_schema
from store.lake import Lake


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Return a lake that the examples share."""
    return Lake.create(tmp_path_factory.mktemp("round") / "lake", KEY)


@settings(max_examples=25, deadline=None)
@given(events=ROWS)
def test_rows_come_back_as_they_went_in(shared: Lake, events: list[dict[str, Any]]) -> None:
    """Arrow to Parquet to DuckDB to Arrow changes no value of any column, nulls and empty lists included."""
    position, _ = shared.position("events", "examples")
    mark = 0 if position is None else position + 1
    table = rows_of(*[{**e, "source_offset": n, "source_topic": f"t{mark}"} for n, e in enumerate(events)])
    shared.append("events", table, [Advance("examples", position, mark)])
    found = shared.sql("FROM events WHERE source_topic = ? ORDER BY source_offset", [f"t{mark}"]).arrow()
    assert found.schema.names == arrow_schema().names
    theirs = [c.name for c in COLUMNS if c.group is not OURS]
    assert found.cast(arrow_schema()).select(theirs).to_pylist() == table.select(theirs).to_pylist()
    assert not found["leaf_hash"].null_count


def test_days_lie_apart(lake: Lake, tmp_path: Path) -> None:
    """Each UTC day has its own folder, and its column comes back from the folder's name."""
    days = [NOON.replace(month=m, day=1) for m in (1, 2, 3)]
    lake.append("events", rows_of(*[{"event_time": d, "event_date": d.date()} for d in days]))
    assert [f.day for f in lake.snapshot("events").files] == [d.date() for d in days]
    found = lake.sql("SELECT event_date FROM events ORDER BY 1").arrow()
    assert found.to_pydict() == {"event_date": [d.date() for d in days]}
