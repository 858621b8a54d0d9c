"""A data file is empty or gone."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import WRITTEN, Fault, Tally, Trial, each
from bench.faults.stores import Store


def run(trial: Trial) -> Tally:
    """Empty a data file, or remove it."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, chance: random.Random) -> int:
    file = chance.choice(store.data(folder))
    if chance.random() < 0.5:
        file.unlink()
    else:
        file.write_bytes(b"")
    return WRITTEN


FAULT = Fault(
    13,
    "data file empty or missing",
    "truncated or removed",
    "seen, set aside, its rows read again",
    2,
    20,
    run,
)
