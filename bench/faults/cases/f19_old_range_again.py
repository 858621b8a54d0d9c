"""A range that was taken in is delivered again."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import WRITTEN, Fault, Tally, Trial, each
from bench.faults.stores import ROWS, Store


def run(trial: Trial) -> Tally:
    """Let the newest writer be handed the rows of an earlier commit once more."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, chance: random.Random) -> int:
    first = ROWS * chance.randrange(1, 3)
    store.session(folder).append(first)
    return WRITTEN


FAULT = Fault(
    19,
    "an old range delivered again",
    "committed with what was true then",
    "refused: each row once",
    1,
    10,
    run,
)
