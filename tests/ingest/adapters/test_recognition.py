"""Every format recognises its own records, and none of another's."""

from __future__ import annotations

import pytest
from reading import ADAPTERS
from test_every_adapter import samples

from ingest.catalog import Detector

DETECTOR = Detector(ADAPTERS)


def own(name: str) -> list[bytes]:
    """Return the records of a format's sample that it reads as one row each."""
    records = [raw for raw in samples(name) if ADAPTERS[name].parse([raw]).record in (None, [0])]
    return [raw for raw in records if not ADAPTERS[name].parse([raw]).rejects]


@pytest.mark.parametrize(
    "name", sorted(a.id for a in ADAPTERS.values() if not a.otlp_names and a.among is None)
)
def test_a_formats_sample_is_its_own(name: str) -> None:
    """Each record of the sample that is read as this format is recognised as it, alone and among the others."""
    records = own(name)
    assert len(records) > 2
    assert {found for raw in records for found in DETECTOR.formats([raw])} == {name}
    assert DETECTOR.formats(records) == [name] * len(records)


@pytest.mark.parametrize("name", sorted(a.id for a in ADAPTERS.values() if a.otlp_names))
def test_what_comes_as_otlp_is_read_as_its_products(name: str) -> None:
    """OTLP has one door; behind it each record of a product's sample is read by that product's reader."""
    records = own(name)
    found = DETECTOR.formats(records)
    assert set(found) <= {name, "otlp"}
    through = [raw for raw, door in zip(records, found, strict=True) if door == "otlp"]
    read = ADAPTERS["otlp"].parse(through)
    readers = {*read.columns.get("source_format", ()), read.constants.get("source_format")}
    assert name in readers or not through
