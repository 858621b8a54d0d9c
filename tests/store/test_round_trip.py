"""What is put into the lake comes out as it was, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import KEY, NOON, rows_of

from store.commit import Advance
from store.events import ACTORS, COLUMNS, REDACTIONS, TEXTS, Group, arrow_schema
from store.lake import Lake

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): TEXT,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=8),
    pa.timestamp("us", tz="UTC"): st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    TEXTS: st.lists(TEXT | st.none(), max_size=3),
    pa.list_(pa.int64()): st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    ACTORS: st.lists(st.fixed_dictionaries({"iss": TEXT | st.none(), "sub": TEXT | st.none()}), max_size=2),
    REDACTIONS: st.lists(st.fixed_dictionaries({"path": TEXT, "kind": TEXT, "digest": TEXT}), max_size=2),
}
OURS = Group.INTEGRITY
"""Columns the lake fills."""
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            c.name: VALUES[c.type] | st.none() for c in COLUMNS if not c.required and c.group is not OURS
        }
        | {"event_id": st.uuids().map(lambda u: u.hex)},
    ),
    min_size=1,
    max_size=6,
)


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
