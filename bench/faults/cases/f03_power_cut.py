"""The plug is pulled: what was not flushed to the disk is gone."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.stores import Store
from bench.faults.volumes import make_ext4, mounted, no_mounts

DELAYS = (0.05, 1.0)
"""Seconds between the last acknowledgement that counts and the cut."""


def run(trial: Trial) -> Tally:
    """Copy the image a mounted volume lies in while a writer is at work, mount the copy, and count."""
    chance, tally = random.Random(trial.seed), Tally()  # noqa: S311 - not a secret
    for number, folder in trial.folders():
        image = folder / "disk.img"
        make_ext4(image)
        acknowledged = _cut(trial, image, folder, chance.randint(3, 8), DELAYS[number % len(DELAYS)])
        with mounted(folder / "cut.img", folder / "after") as volume:
            tally.add(*_judged(trial.store, volume / "store", acknowledged))
        shutil.rmtree(folder)
    return tally


def _judged(store: Store, folder: Path, acknowledged: int) -> tuple[str, bool]:
    """Say what is gone of what was acknowledged, before any source is asked for it again; then go on."""
    try:
        store.mend(folder)
        gone = len(set(range(acknowledged + 1)) - set(store.offsets(folder)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the store cannot be used
        return f"unusable ({type(error).__name__})", False
    told, held = settled(store, folder, acknowledged)
    return (f"{gone} acknowledged rows gone; read again: {told}", False) if gone else (told, held)


def _cut(trial: Trial, image: Path, folder: Path, commits: int, delay: float) -> int:
    with mounted(image, folder / "before") as volume:
        (volume / "store").mkdir()
        trial.store.make(volume / "store")
        subprocess.run(["sync", "-f", volume], check=True)
        with trial.store.writer(volume / "store", 10_000) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            acknowledged = [int(writer.stdout.readline()) for _ in range(commits)][-1]
            time.sleep(delay)
            subprocess.run(["cp", "--sparse=always", image, folder / "cut.img"], check=True)
            writer.kill()
    return acknowledged


FAULT = Fault(3, "power cut", "image of a loop-mounted ext4 copied under a writer", "what was acknowledged is there",
              1, 20, run, no_mounts)  # fmt: skip
