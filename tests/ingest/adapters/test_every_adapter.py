"""What holds for every adapter, whatever it is fed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import ADAPTERS

from ingest.parsed import Parsed
from store.events import BY_NAME, INT, TEXT, TEXTS, TIME

RUN_TOGETHER = {"obot_api"}
"""Formats whose records may be several objects one after another."""
GOLDEN = Path(__file__).parents[2] / "golden"
MUST = ("source_system", "evidence_kind", "vantage", "event_kind", "decision", "outcome")
EXTRA = {
    "arguments": bytes | str,
    "result": bytes | str,
    "session_id": str,
    "unmapped": bytes,
    "parse_warnings": list,
}
KINDS: dict[Any, Any] = {TEXT: str, INT: int, TIME: str | int, TEXTS: list}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def samples(name: str) -> list[bytes]:
    """Return the format's sample records."""
    (sample,) = (GOLDEN / name).glob("sample.*")
    return sample.read_bytes().removesuffix(b"\n").split(b"\n")


def check(parsed: Parsed, records: int) -> None:
    """Assert the contract of ingest/parsed.py."""
    record = list(range(parsed.rows)) if parsed.record is None else list(parsed.record)
    assert record == sorted(record)
    assert len(record) == parsed.rows
    rejected = [reject.record for reject in parsed.rejects]
    assert sorted({*record, *rejected}) == list(range(records))
    assert not {*record} & {*rejected}
    for name, column in parsed.columns.items():
        assert len(column) == parsed.rows
        for value in column:
            check_value(name, value)
    for name, value in parsed.constants.items():
        check_value(name, value)


def check_rejects(parsed: Parsed) -> None:
    """Assert that every reject says why, in a text short enough to read."""
    for reject in parsed.rejects:
        assert 5 < len(reject.reason) < 1000
        assert reject.reason.strip() == reject.reason


def check_value(name: str, value: Any) -> None:
    """Assert that the value fits its column."""
    if value is None:
        return
    assert value != ""
    if name in EXTRA:
        assert isinstance(value, EXTRA[name])
        if name == "unmapped":
            assert isinstance(json.loads(value), dict)
        return
    column = BY_NAME[name]
    assert isinstance(value, KINDS.get(column.type, int | float | list))
    if column.enum:
        assert value in column.enum
    if name in ("trace_id", "span_id"):
        assert len(bytes.fromhex(value)) == {"trace_id": 16, "span_id": 8}[name]
    if column.type == INT:
        assert -(2**63) <= value < 2**63


@pytest.mark.parametrize("name", sorted(set(ADAPTERS) - {"native"}))
def test_required_columns_are_filled(name: str) -> None:
    """Every row of the sample tells what no adapter may leave open, and fits the schema."""
    records = samples(name)
    parsed = ADAPTERS[name].parse(records)
    check(parsed, len(records))
    for column in MUST:
        assert column in parsed.constants or None not in parsed.columns[column]


@pytest.mark.parametrize("name", sorted(set(ADAPTERS) - RUN_TOGETHER))
@pytest.mark.parametrize("between", [b"", b"\n", b" "])
def test_two_objects_in_one_record_lend_none_to_another(name: str, between: bytes) -> None:
    """Two objects in one record are no two records: the next one keeps its own index, or its own reject."""
    one = next(s for s in samples(name) if s.startswith(b"{"))
    parsed = ADAPTERS[name].parse([one + between + one, b"", one])
    assert {reject.record for reject in parsed.rejects} == {0, 1}
    assert set(parsed.record or []) == {2}
    parsed = ADAPTERS[name].parse([one + between + one, one])
    assert {reject.record for reject in parsed.rejects} == {0}


@pytest.mark.parametrize("name", sorted(ADAPTERS))
@given(records=st.lists(st.binary(max_size=40), max_size=4))
@settings(max_examples=40, deadline=None)
def test_arbitrary_bytes_are_rejected(name: str, records: list[bytes]) -> None:
    """Noise never raises: every record ends as a row or a reject, never both."""
    check(ADAPTERS[name].parse(records), len(records))


@pytest.mark.parametrize("name", sorted(ADAPTERS))
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_twisted_records_never_raise(name: str, data: st.DataObject) -> None:
    """A good record with any part put out of shape ends as a row that fits the schema, or as a reject."""
    record = data.draw(st.sampled_from([s for s in samples(name) if s.startswith(b"{") and s.endswith(b"}")]))
    twisted = twist(data, json.loads(record))
    records = [record, json.dumps(twisted).encode(errors="surrogatepass"), record]
    parsed = ADAPTERS[name].parse(records)
    if name != "native":
        check(parsed, len(records))


@pytest.mark.parametrize("name", sorted(ADAPTERS))
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_cut_records_harm_no_neighbour(name: str, data: st.DataObject) -> None:
    """A record cut anywhere, or with any byte changed, leaves its neighbours as they are."""
    record = data.draw(st.sampled_from(samples(name)[:6]))
    at = data.draw(st.integers(0, max(len(record) - 1, 0)))
    spoiled = record[:at] + data.draw(st.binary(max_size=1)) + record[at + data.draw(st.integers(0, 1)) :]
    alone = ADAPTERS[name].parse([record])
    parsed = ADAPTERS[name].parse([record, spoiled, record])
    if name != "native":  # there the record states the words, and the pipeline checks them
        check(parsed, 3)
    for column, found in alone.columns.items():
        if alone.rows:
            assert list(parsed.columns.get(column, [None]))[: alone.rows] == list(found)


def twist(data: st.DataObject, value: Any) -> Any:
    """Replace one part of a JSON value by another, or add a field."""
    if isinstance(value, dict) and value and data.draw(st.booleans(), label="deeper"):
        key = data.draw(st.sampled_from(sorted(value)))
        return value | {key: twist(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.booleans(), label="inside"):
        return [twist(data, value[0]), *value[1:]]
    if isinstance(value, dict) and data.draw(st.booleans(), label="add"):
        return value | {data.draw(st.text(max_size=6)): data.draw(values)}
    return data.draw(values)
