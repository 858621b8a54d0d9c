"""Records multiplied for a benchmark are what they stand for: read, and each an event of its own."""

from __future__ import annotations

import pytest
from lakes import ask, counted, take_in

from bench.samples import golden_formats, multiply, sample_records
from ingest.catalog import Detector, load_adapters
from store.lake import Lake

ADAPTERS = load_adapters()
DETECTOR = Detector(ADAPTERS)


@pytest.mark.parametrize("name", golden_formats())
def test_every_multiplied_record_is_an_event_of_its_own(lake: Lake, name: str) -> None:
    """Recognised and read like the sample, none taken for a repeat of another, and spread over the days."""
    sample = sample_records(name)
    records = list(multiply(sample, ADAPTERS[name], 4 * len(sample)))
    assert None not in DETECTOR.formats(records)
    taken, rows, dead, replayed = counted(take_in(lake, records))
    assert (rows, dead, replayed) == (taken, 0, 0)
    [(times,)] = ask(lake, "SELECT count(DISTINCT event_time) FROM events")
    assert times > rows / 4
