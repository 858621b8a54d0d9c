"""kill -9 at any moment, and the next writer goes on."""

from __future__ import annotations

import random
import time

from bench.faults.fault import Fault, Tally, Trial, settled


def run(trial: Trial) -> Tally:
    """Kill a writer after a moment drawn by chance, again and again; then count."""
    chance = random.Random(trial.seed)  # noqa: S311 - not a secret
    trial.store.make(trial.folder)
    acknowledged, tally = -1, Tally()
    for _ in range(trial.count):
        with trial.store.writer(trial.folder, 10_000) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.3))
            writer.kill()
            said = writer.stdout.read().split()
        acknowledged = max([acknowledged, *map(int, said)])
    tally.add(*settled(trial.store, trial.folder, acknowledged))
    tally.trials = trial.count
    return tally


FAULT = Fault(
    2,
    "SIGKILL at random moments",
    "kill -9, a new writer each time",
    "nothing lost, nothing doubled",
    3,
    100,
    run,
)
