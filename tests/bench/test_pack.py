"""The benchmark of the pack in small: it measures every detection on a lake that was really ingested."""

import pytest

from analytics.detecting.catalog import load
from bench.detections import _rows, make, measure


@pytest.mark.slow
def test_every_detection_is_measured_and_judged_by_its_growth(tmp_path):
    """No detection is left out of the table, and the pack's rate has its target in it."""
    lake = str(tmp_path / "day")
    make(lake, 2_000)
    found = measure(lake, "1GB")
    assert list(found["each"]) == list(load())
    rows = {row.name: row for row in _rows([found, {**found, "events": 2 * found["events"]}])}
    assert set(load()) <= set(rows)
    assert any(row.targets and row.name.startswith("pack") for row in rows.values())
