"""A writer sleeps, another takes over, and the first wakes up."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from pathlib import Path

from bench.faults.fault import Fault, Tally, Trial, settled
from store.integrity.log import FOLDER, LOCK


def run(trial: Trial) -> Tally:
    """Stop a writer at a moment drawn by chance, let another write three commits, and let the first go on."""
    chance, tally = random.Random(trial.seed), Tally()  # noqa: S311 - not a secret
    for _, folder in trial.folders():
        trial.store.make(folder)
        with trial.store.writer(folder, 40) as sleeper:
            assert sleeper.stdout is not None
            said = [sleeper.stdout.readline() for _ in range(3)]
            time.sleep(chance.uniform(0, 0.1))
            _stop(sleeper.pid, folder / "lake" / FOLDER / LOCK)
            trial.store.write(folder, 3)
            os.kill(sleeper.pid, signal.SIGCONT)
            out, _ = sleeper.communicate(timeout=120)
        said += out.split()
        tally.add(*settled(trial.store, folder, max(int(n) for n in said if n.strip().isdecimal())))
    return tally


def _stop(pid: int, lock: Path) -> None:
    """Stop a child where it holds no lock: else nobody writes until it goes on, as tests/store/test_locks.py shows."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        if not lock.exists():
            return
        with lock.open() as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.01)
            else:
                return


FAULT = Fault(18, "zombie writer", "SIGSTOP, another writer, SIGCONT", "the sleeper is fenced", 1, 20, run)
