"""Timesketch's import takes what is exported for it: its mandatory fields, one row for each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lakes import NOON, rows_of

from reports.export import timesketch


def rows(**event: Any) -> list[dict[str, Any]]:
    """Return the rows of one event."""
    return list(timesketch.records(rows_of(event).to_batches()[0]))


def test_the_mandatory_fields_are_there() -> None:
    """message, datetime with an offset, timestamp in microseconds and timestamp_desc are Timesketch's own."""
    moment = datetime(2026, 10, 1, 9, 0, 5, 123456, tzinfo=UTC)
    (row,) = rows(event_time=moment, tool_name="read_file", server_name="files", user_email="a@b.c")
    assert row["message"] == "read_file on files by a@b.c: success"
    assert row["datetime"] == "2026-10-01T09:00:05.123456+00:00"
    assert datetime.fromisoformat(row["datetime"]) == moment
    assert row["timestamp"] == int(moment.timestamp()) * 1_000_000 + 123456
    assert (row["timestamp_desc"], row["data_type"]) == ("Event Occurred", "tooltrail:mcp:tool_call")


def test_a_record_written_later_is_a_second_row() -> None:
    """Each time of a record can be found in the timeline; equal times make one row."""
    assert [
        r["timestamp_desc"] for r in rows(recorded_time=NOON + timedelta(seconds=2), event_time=NOON)
    ] == [
        "Event Occurred",
        "Event Recorded",
    ]
    assert len(rows(recorded_time=NOON, event_time=NOON)) == 1


def test_values_are_flat_and_nulls_are_left_out() -> None:
    """A search index takes texts, numbers and lists of texts."""
    (row,) = rows(user_groups=["a", "b"], delegation=[{"iss": "i", "sub": "s"}], duration_ms=2.5)
    assert (row["user_groups"], row["delegation"], row["duration_ms"]) == (
        ["a", "b"],
        '[{"iss":"i","sub":"s"}]',
        2.5,
    )
    assert None not in row.values()
    assert not any(isinstance(value, dict) for value in row.values())
