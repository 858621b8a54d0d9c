"""A checkpoint of the log is cut, and the commits it sums up are there."""

from __future__ import annotations

import random
from pathlib import Path

from deltalake import DeltaTable

from bench.faults.fault import WRITTEN, Fault, Tally, Trial, each
from bench.faults.stores import Store


def run(trial: Trial) -> Tally:
    """Make a checkpoint and cut it in half."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, _chance: random.Random) -> int:
    DeltaTable(str(folder / store.table)).create_checkpoint()
    [checkpoint] = (folder / store.table / "_delta_log").glob("*.checkpoint.parquet")
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    return WRITTEN


FAULT = Fault(12, "half a checkpoint", "truncated", "the commits are read instead", 1, 5, run)
