"""Events for handing on: all of those asked for, once, in one order, however a lake is cut into slices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lakes import NOON, rows_of

from analytics import selection
from analytics.selection import FINGERPRINTS, Selection, chosen, slices
from store.errors import UsageError
from store.lake import Lake


@pytest.fixture
def many(lake: Lake) -> Lake:
    """Return a lake of events over three days, in files that overlap, one of them from a broken clock."""
    for file in range(4):
        lake.append("events", rows_of(*[
            {"event_id": f"{file * 100 + n:032x}", "event_time": NOON + timedelta(hours=(n * 7 + file) % 72),
             "tool_name": f"tool{n % 3}", "source_offset": file * 100 + n}
            for n in range(50)
        ]))  # fmt: skip
    broken = datetime(1999, 1, 1, tzinfo=UTC)
    lake.append("events", rows_of({"event_id": "f" * 32, "event_time": broken, "event_date": NOON.date()}))
    return lake


def ids(lake: Lake, *, version: int | None = None, **asked: Any) -> list[str]:
    """Return the ids of what is chosen, in order."""
    at = lake.snapshot("events").version if version is None else version
    return [i for batch in chosen(lake, Selection(**asked), at) for i in batch["event_id"].to_pylist()]


def wanted(lake: Lake, where: str = "true") -> list[str]:
    """Return the ids one question gives."""
    found = lake.sql(f"SELECT event_id FROM events WHERE {where} ORDER BY event_time, event_id").arrow()  # noqa: S608
    ordered: list[str] = found["event_id"].to_pylist()
    return ordered


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 7, 60, 1000])
def test_slices_change_nothing(many: Lake, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """However many slices, each event comes once and in order, also those of broken clocks."""
    monkeypatch.setattr(selection, "slices", lambda *bounds: slices(*bounds, rows=rows))
    assert ids(many) == wanted(many)
    assert ids(many, where="tool_name = 'tool1' -- a comment") == wanted(many, "tool_name = 'tool1'")


def test_slices_hold_about_as_many_rows(many: Lake) -> None:
    """A slice is what is held in memory."""
    counts = [
        len(ids(many, since=a, until=b))
        for a, b in slices(many.snapshot("events"), rows=40)
        if isinstance(a, datetime) and isinstance(b, datetime)
    ]
    assert counts
    assert max(counts) <= 80


def test_a_time_is_from_and_before(many: Lake) -> None:
    """The first bound is in, the second is not."""
    since, until = NOON + timedelta(hours=7), NOON + timedelta(hours=14)
    where = f"event_time >= '{since.isoformat()}' AND event_time < '{until.isoformat()}'"
    assert ids(many, since=since, until=until) == wanted(many, where) != []


def test_a_select_names_the_events(many: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any question that gives event_id chooses, in chunks too."""
    monkeypatch.setattr(selection, "CHUNK_IDS", 9)
    query = "SELECT event_id FROM tool_calls WHERE tool_name = 'tool2' -- why"
    assert ids(many, ids=query) == wanted(many, "tool_name = 'tool2'")
    assert ids(many, ids="SELECT 'nobody' AS event_id") == []


def test_a_select_that_names_too_many_is_refused(many: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are held in memory: there is a bound, and the message says what to do instead."""
    monkeypatch.setattr(selection, "MOST_IDS", 10)
    with pytest.raises(UsageError, match="--where"):
        ids(many, ids="SELECT event_id FROM events")


def test_an_earlier_version_is_exported_as_it_was(many: Lake) -> None:
    """What came later is not in it."""
    assert len(ids(many, version=1)) == 50


def test_a_wrong_condition_is_a_usage_error(many: Lake) -> None:
    """The message is DuckDB's own."""
    with pytest.raises(UsageError, match="nobody"):
        ids(many, where="nobody = 1")


def test_fingerprints_can_be_left_out(many: Lake) -> None:
    """They mean nothing without the site key."""
    batch = next(chosen(many, Selection(), 1, whole=False))
    assert not set(FINGERPRINTS) & set(batch.schema.names)
    assert next(chosen(many, Selection(), 1)).schema.names == lake_columns(many)


def lake_columns(lake: Lake) -> list[str]:
    """Return the columns of events."""
    names: list[str] = lake.sql("FROM events").schema.names
    return names
