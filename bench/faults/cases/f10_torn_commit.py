"""The newest commit is torn."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import WRITTEN, Fault, Tally, Trial, each
from bench.faults.stores import Store


def run(trial: Trial) -> Tally:
    """Cut the newest commit somewhere."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, chance: random.Random) -> int:
    commit = store.log(folder)[-1]
    content = commit.read_bytes()
    commit.write_bytes(content[: chance.randrange(1, len(content))])
    return WRITTEN


FAULT = Fault(
    10, "torn newest commit", "cut at a byte drawn by chance", "mended, and its rows read again", 2, 20, run
)
