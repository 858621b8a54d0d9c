"""kill -9 at the n-th call of each system call by which something becomes durable or visible."""

from __future__ import annotations

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.injecting import CALLS, no_strace, under_strace


def run(trial: Trial) -> Tally:
    """Kill a writer at the first, second, ... call of each kind, each time in a store of its own."""
    tally = Tally()
    for call in CALLS:
        for number in range(1, trial.count + 1):
            folder = trial.folder / f"{call}-{number}"
            folder.mkdir(parents=True)
            trial.store.make(folder)
            said, code, _ = under_strace(trial.store, folder, f"{call}:signal=SIGKILL:when={number}")
            if code == 0:
                break
            tally.add(*settled(trial.store, folder, max(said, default=-1)))
    return tally


FAULT = Fault(
    1, "SIGKILL at a system call", f"strace, at call 1, 2, ... of {', '.join(CALLS)}", "nothing lost, nothing doubled",
    1, 12, run, no_strace,
)  # fmt: skip
