"""Every format recognises its own records, and none of another's."""

from __future__ import annotations

import pytest
from reading import ADAPTERS
from test_every_adapter import samples

from ingest.catalog import Detector

DETECTOR = Detector(ADAPTERS)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_formats_sample_is_its_own(name: str) -> None:
    """Each record of the sample that is read as this format is recognised as it, alone and among the others."""
    records = [raw for raw in samples(name) if ADAPTERS[name].parse([raw]).record in (None, [0])]
    records = [raw for raw in records if not ADAPTERS[name].parse([raw]).rejects]
    assert len(records) > 2
    assert {found for raw in records for found in DETECTOR.formats([raw])} == {name}
    assert DETECTOR.formats(records) == [name] * len(records)
