"""What questions of a lake may write to disk is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakes import ask

from store import spilling
from store.errors import TooltrailError
from store.lake import Lake

BIG = "SELECT count(*) FROM (SELECT md5(i::VARCHAR) AS t FROM range(1_000_000) r(i) ORDER BY t LIMIT 900_000)"


def test_a_question_that_would_fill_the_disk_fails_instead(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the bound it spills and is answered; beyond it ends with an error, and the disk is left to the others."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    bounds: dict[str, str | int] = {"memory_limit": "60MB", "threads": 1}
    lake.engine(lambda: bounds)
    assert ask(lake, BIG) == [(900_000,)]
    again = Lake.open(lake.path)
    monkeypatch.setattr(spilling, "MOST", "1MB")
    again.engine(lambda: bounds)
    with pytest.raises(TooltrailError, match=r"Out of Memory Error: failed to offload"):
        ask(again, BIG)
