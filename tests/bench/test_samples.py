"""Records multiplied for a benchmark are what they stand for: read, and each an event of its own."""

from __future__ import annotations

import json

import pytest
from lakes import counted, take_in

from bench.samples import golden_formats, multiply, sample_records
from ingest.catalog import Detector, load_adapters
from ingest.delivery import Stream
from store.lake import Lake

ADAPTERS = load_adapters()
DETECTOR = Detector(ADAPTERS)


@pytest.mark.parametrize("name", golden_formats())
def test_every_multiplied_record_is_an_event_of_its_own(lake: Lake, name: str) -> None:
    """Recognised and read like the sample, and none taken for a repeat of another."""
    sample = sample_records(name)
    records = list(multiply(sample, ADAPTERS[name], 4 * len(sample)))
    assert None not in DETECTOR.formats(records)
    taken, rows, dead, replayed = counted(take_in(lake, records, stream=Stream("file:sample", 0, name)))
    assert (rows, dead, replayed) == (taken, 0, 0)


def test_times_and_ids_differ_and_nothing_else() -> None:
    """Each copy is later than the one before, and of another id, session and trace; the rest is as it was."""
    record = {
        "event_time": "2026-08-21T10:00:00.5Z", "native_event_id": "7", "tool_name": "t7", "http_status": 200,
        "session_id": "s-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "at": 1_790_000_000_123,
    }  # fmt: skip
    first, second = (json.loads(r) for r in multiply([json.dumps(record).encode()], ADAPTERS["native"], 2))
    assert (first["event_time"], first["native_event_id"]) == ("2026-08-21T10:00:00.5Z", "7")
    assert (second["event_time"], second["native_event_id"]) == ("2026-08-24T22:00:00.5Z", "1007")
    assert (second["at"], second["session_id"]) == (1_790_302_400_123, "s-1-1")
    assert second["trace_id"] == "4bf92f3577b34da6a3ce929d00000001"
    assert (second["tool_name"], second["http_status"]) == ("t7", 200)
