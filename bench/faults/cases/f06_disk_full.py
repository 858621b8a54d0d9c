"""The disk is full, then there is room again."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import COMMITS, Fault, Tally, Trial, settled
from bench.faults.volumes import no_mounts, small

SIZE = 64 << 20


def run(trial: Trial) -> Tally:
    """Leave a writer some kilobytes, drawn by chance; when it has stopped, make room and go on."""
    chance, tally = random.Random(trial.seed), Tally()  # noqa: S311 - not a secret
    for number in range(trial.count):
        with small(trial.folder / str(number), SIZE) as volume:
            store = volume / "store"
            store.mkdir()
            trial.store.make(store)
            trial.store.write(store, COMMITS)
            ballast = volume / "ballast"
            _fill(ballast, leave=chance.randint(0, 400) << 10)
            with trial.store.writer(store, 200) as writer:
                out, _ = writer.communicate()
            ballast.unlink()
            said = [int(line) for line in out.split() if line.isdecimal()]
            tally.add(*settled(trial.store, store, max(said, default=-1)))
    return tally


def _fill(ballast: Path, leave: int) -> None:
    """Write until nothing goes in, then give back so many bytes."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass
        file.truncate(max(file.tell() - leave, 0))


FAULT = Fault(6, "disk full, then room again", "tmpfs filled to some kilobytes", "stops, then goes on, nothing lost",
              1, 30, run, no_mounts)  # fmt: skip
