"""The disk says that it could not write: fsync returns EIO."""

from __future__ import annotations

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.injecting import no_strace, under_strace


def run(trial: Trial) -> Tally:
    """Let the n-th fsync fail; a writer that acknowledges the commit all the same has not heard of it."""
    tally = Tally()
    for number in range(1, trial.count + 1):
        folder = trial.folder / str(number)
        folder.mkdir(parents=True)
        trial.store.make(folder)
        said, code, _ = under_strace(trial.store, folder, f"fsync:error=EIO:when={number}+")
        if code == 0:
            tally.add("goes on: it never calls fsync" if number == 1 else "goes on", number > 1)
            break
        tally.add(*settled(trial.store, folder, max(said, default=-1)))
    return tally


FAULT = Fault(5, "fsync returns EIO", "strace, from fsync 1, 2, ... on", "the writer stops and acknowledges nothing",
              2, 20, run, no_strace)  # fmt: skip
