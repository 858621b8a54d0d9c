"""A disk takes a second to make anything durable."""

from __future__ import annotations

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.injecting import no_strace, under_strace

SECOND = "fsync:delay_enter=1s"


def run(trial: Trial) -> Tally:
    """Let each fsync of a writer take a second; it may be slow, and nothing else."""
    tally = Tally()
    for _, folder in trial.folders():
        trial.store.make(folder)
        said, code, hit = under_strace(trial.store, folder, SECOND, commits=1)
        told, held = settled(trial.store, folder, max(said, default=-1))
        told = told if hit or not held else f"{told}; it never calls fsync"
        tally.add(told if code == 0 else f"stops; {told}", held and code == 0)
    return tally


FAULT = Fault(32, "a disk that takes a second for each fsync", "strace, a delay of each fsync",
              "slow, and nothing lost", 1, 5, run, no_strace)  # fmt: skip
