"""A commit in the middle of the log is gone."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import WRITTEN, Fault, Tally, Trial, each
from bench.faults.stores import Store


def run(trial: Trial) -> Tally:
    """Remove a commit that is not the newest."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, chance: random.Random) -> int:
    chance.choice(store.log(folder)[1:-1]).unlink()
    return WRITTEN


FAULT = Fault(
    11, "missing commit in the middle", "removed", "seen and named; given up only when told to", 1, 10, run
)
