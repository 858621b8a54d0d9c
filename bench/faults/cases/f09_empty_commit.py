"""The newest commit has length zero, as after a power cut without fsync."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import WRITTEN, Fault, Tally, Trial, each
from bench.faults.stores import Store


def run(trial: Trial) -> Tally:
    """Empty the newest commit."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, _chance: random.Random) -> int:
    store.log(folder)[-1].write_bytes(b"")
    return WRITTEN


FAULT = Fault(9, "newest commit of length zero", "truncated", "seen, and its rows read again", 1, 10, run)
