"""The file system refuses a rename or a link once."""

from __future__ import annotations

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.injecting import no_strace, under_strace

CALLS = ("rename", "link", "linkat")


def run(trial: Trial) -> Tally:
    """Let the n-th call fail; the writer may stop or try again."""
    tally = Tally()
    for call in CALLS:
        for number in range(1, trial.count + 1):
            folder = trial.folder / f"{call}-{number}"
            folder.mkdir(parents=True)
            trial.store.make(folder)
            said, _, hit = under_strace(trial.store, folder, f"{call}:error=EIO:when={number}")
            if not hit:
                break
            tally.add(*settled(trial.store, folder, max(said, default=-1)))
    return tally


FAULT = Fault(
    7,
    "EIO on rename or link",
    "strace, at call 1, 2, ...",
    "stops or tries again, nothing doubled",
    1,
    8,
    run,
    no_strace,
)
