"""The detection benchmark counts rightly, keeps histories apart from what is judged, and says when it has no data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.detect.metrics import auroc, average_precision, recall_at
from bench.detect.protocol import Trial

ROOT = Path(__file__).parent.parent.parent


def test_measures_are_what_counting_gives() -> None:
    """Area, average precision and recall are those of their definitions, ties included."""
    chance = np.random.default_rng(3)
    scores, positive = chance.integers(0, 6, 60).astype(float), chance.random(60) < 0.4
    good, bad = scores[~positive], scores[positive]
    wins = np.mean([(b > g) + (b == g) / 2 for b in bad for g in good])
    assert auroc(scores, positive) == pytest.approx(wins)
    precision = 0.0
    for level in np.unique(scores)[::-1]:
        share = np.sum(bad == level) / len(bad)
        precision += share * np.sum(bad >= level) / np.sum(scores >= level)
    assert average_precision(scores, positive) == pytest.approx(precision)


def test_recall_keeps_to_its_share_of_false_positives() -> None:
    """At most the share of negatives passes the threshold, ties with it counting as not passed."""
    scores = np.array([5.0, 4.0, 3.0, *range(100)])
    positive = np.array([True] * 3 + [False] * 100)
    assert recall_at(0.01)(np.where(positive, scores + 94, scores), positive) == pytest.approx(1 / 3)
    assert recall_at(0.05)(scores, positive) == 0


@pytest.mark.parametrize(("mode", "apart"), [("A", {"model"}), ("B", {"model", "task"}), ("T", {"task"})])
def test_history_shares_nothing_that_its_mode_forbids(mode: str, apart: set[str]) -> None:
    """A cell's history is benign, of other models (A, B) and other tasks (B, T); every session is judged once."""
    rows = pl.DataFrame(
        [
            {
                "session": f"{m}-{t}-{k}",
                "suite": "s",
                "model": m,
                "task": t,
                "kind": k,
                "seqs": [0],
                "apart": False,
            }
            for m in "xyz"
            for t in ("t1", "t2", "t10")
            for k in ("positive", "negative", "failed")
        ]
    )
    events = rows.select("session", "model", "task", "kind")
    judged = []
    for history, mine in Trial("s", events, rows).cells(mode):
        assert set(history["kind"]) == {"negative"}
        assert {name for name in ("model", "task") if not set(history[name]) & set(mine[name])} == apart
        judged += mine["session"].to_list()
    assert sorted(judged) == sorted(rows["session"])


def test_absent_data_is_said(tmp_path: Path) -> None:
    """Without recorded runs the benchmark measures nothing, says so, and says what it needs."""
    command = [sys.executable, "-m", "bench.detect", "--data", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "has measured nothing" in done.stderr
