"""Times become UTC microseconds, whatever way a gateway writes them; what is no time is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.times import of_number, parse_times

NINE = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)


def parsed(*values: Any) -> tuple[list[datetime | None], list[int]]:
    """Return the column as datetimes, and the rows that are no time."""
    column, wrong = parse_times(values)
    return column.to_pylist(), wrong


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:00:00Z", "2026-11-20T09:00:00z", "2026-11-20t09:00:00Z", "2026-11-20 09:00:00Z",
        "2026-11-20T09:00:00+00:00", "2026-11-20T09:00:00.0Z", "2026-11-20T09:00:00.000000Z",
        "2026-11-20T09:00:00.000000000Z", "2026-11-20T10:30:00+01:30", "2026-11-20T01:00:00-08:00",
        "2026-11-20T09:00:00", " 2026-11-20T09:00:00Z ",
    ],
)  # fmt: skip
def test_one_instant_has_one_value(text: str) -> None:
    """Case, offset, fraction and a missing offset (taken as UTC) do not change the instant."""
    assert parsed(text) == ([NINE], [])
    assert parsed(text, None, "2026-11-20T09:00:00Z") == ([NINE, None, NINE], [])


@pytest.mark.parametrize(
    ("fraction", "micros"),
    [("1", 100_000), ("12", 120_000), ("123456", 123_456), ("123456789", 123_456), ("9999999", 999_999),
     ("123456789012", 123_456)],
)  # fmt: skip
def test_any_number_of_digits_is_read(fraction: str, micros: int) -> None:
    """Fractions are read to the microsecond; what is finer is dropped."""
    assert parsed(f"2026-11-20T09:00:00.{fraction}Z") == ([NINE + timedelta(microseconds=micros)], [])


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-20T25:00:00Z", "1763629200",
             "2026-11-20T09:00:00+99:99", "0000-00-00T00:00:00Z", "\x00", "9999-12-31T23:59:59-14:00"],
)  # fmt: skip
def test_what_is_no_time_is_named_and_the_others_are_read(text: str) -> None:
    """One bad time costs its own row and no other."""
    assert parsed("2026-11-20T09:00:00Z", text, "2026-11-20T09:00:00.5Z", None) == (
        [NINE, None, NINE + timedelta(seconds=0.5), None],
        [1],
    )


def test_integers_are_microseconds() -> None:
    """Adapters that read epoch times give them in microseconds."""
    micros = int(NINE.timestamp()) * 1_000_000 + 7
    assert parsed(micros, None) == ([NINE + timedelta(microseconds=7), None], [])


def test_nothing_is_nothing() -> None:
    """A column without a value stays without one."""
    assert parsed(None, None) == ([None, None], [])
    assert parsed() == ([], [])


@settings(max_examples=100, deadline=None)
@given(
    moment=st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone is given below
    minutes=st.integers(-14 * 60, 14 * 60),
    mixed=st.booleans(),
)
def test_what_python_writes_is_read_back(moment: datetime, minutes: int, mixed: bool) -> None:
    """Any time with any offset comes back as the same instant, alone and among other forms."""
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    others = ["2026-11-20t09:00:00.123456789z"] if mixed else []
    found, wrong = parsed(local.isoformat(), *others)
    assert (found[0], wrong) == (local.astimezone(UTC), [])


def test_text_and_numbers_may_share_a_column() -> None:
    """A format whose lines and spans tell the time in two ways loses neither; what is no time is still said."""
    micros = int(NINE.timestamp()) * 1_000_000
    assert parsed("2026-11-20T09:00:00Z", micros, None, "soon", 2**62) == (
        [NINE, NINE, None, None, None],
        [3, 4],
    )


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_a_number_is_told_by_its_size(unit: int) -> None:
    """Seconds, milli-, micro- and nanoseconds of this era do not overlap."""
    for year in (1973, 2026, 2300):
        moment = datetime(year, 5, 1, tzinfo=UTC)
        if unit < 10**9 or year < 2262:
            assert of_number(int(moment.timestamp()) * unit) == moment.isoformat()


@pytest.mark.parametrize("value", [0, -1, 1e20, 10**30, -1787306400])
def test_a_number_of_no_era_is_no_time(value: float) -> None:
    """Zero, negative and immense numbers are no times."""
    assert of_number(value) is None
