"""The benchmark of reviews runs, and measures a review that found what its company was made with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import review


@pytest.mark.slow
def test_a_small_review_is_measured(tmp_path: Path) -> None:
    """Two sizes give seconds, memory, the parts, and how it grew; states are all of the grants under review."""
    arguments = [
        "--sizes",
        "2000",
        "4000",
        "--people",
        "40",
        "--grants",
        "400",
        "--json",
        str(tmp_path / "r.json"),
    ]
    assert review.main(arguments) == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "r.json").read_text())["rows"]}
    assert {"a review of 4,000 events", "most memory held", "items", "debt", "a review"} <= set(rows)
    lake = tmp_path / "lake"
    review.make(str(lake), 2000, 40, 400)
    found = review.measure(str(lake), "500MB")
    assert found["states"]["used"] > 200
    assert found["states"]["used_not_granted"] > 0
    assert 0.05 < found["page"]["mb"] < 5
