"""A writer sleeps, another takes over, and the first wakes up."""

from __future__ import annotations

import os
import random
import signal
import time

from bench.faults.fault import Fault, Tally, Trial, settled


def run(trial: Trial) -> Tally:
    """Stop a writer at a moment drawn by chance, let another write three commits, and let the first go on."""
    chance, tally = random.Random(trial.seed), Tally()  # noqa: S311 - not a secret
    for _, folder in trial.folders():
        trial.store.make(folder)
        with trial.store.writer(folder, 40) as sleeper:
            assert sleeper.stdout is not None
            said = [sleeper.stdout.readline() for _ in range(3)]
            time.sleep(chance.uniform(0, 0.1))
            os.kill(sleeper.pid, signal.SIGSTOP)
            trial.store.write(folder, 3)
            os.kill(sleeper.pid, signal.SIGCONT)
            out, _ = sleeper.communicate(timeout=120)
        said += out.split()
        tally.add(*settled(trial.store, folder, max(int(n) for n in said if n.strip().isdecimal())))
    return tally


FAULT = Fault(18, "zombie writer", "SIGSTOP, another writer, SIGCONT", "the sleeper is fenced", 1, 20, run)
