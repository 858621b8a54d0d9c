"""The plug is pulled while files are rewritten and removed."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench.faults.fault import COMMITS, WRITTEN, Fault, Tally, Trial
from bench.faults.stores import ROOT, Store
from bench.faults.volumes import make_ext4, mounted, no_mounts


def run(trial: Trial) -> Tally:
    """Copy the image of a volume while upkeep is at work there, mount the copy, and count."""
    chance, tally = random.Random(trial.seed), Tally()  # noqa: S311 - not a secret
    for _, folder in trial.folders():
        image = folder / "disk.img"
        make_ext4(image)
        _cut(trial.store, image, folder, chance.uniform(0, 1.5))
        with mounted(folder / "cut.img", folder / "after") as volume:
            tally.add(*_judged(trial.store, volume / "store"))
        shutil.rmtree(folder)
    return tally


def _cut(store: Store, image: Path, folder: Path, delay: float) -> None:
    with mounted(image, folder / "before") as volume:
        (volume / "store").mkdir()
        store.make(volume / "store")
        store.write(volume / "store", COMMITS)
        subprocess.run(["sync", "-f", volume], check=True)
        command = [sys.executable, "-m", "bench.faults.upkeep", store.name, str(volume / "store")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as upkeep:
            assert upkeep.stdout is not None
            upkeep.stdout.readline()
            time.sleep(delay)
            subprocess.run(["cp", "--sparse=always", image, folder / "cut.img"], check=True)
            upkeep.kill()


def _judged(store: Store, folder: Path) -> tuple[str, bool]:
    """Say whether the rows of before are there or those of after, each once."""
    try:
        store.mend(folder)
        found = sorted(store.offsets(folder))
    except Exception as error:  # noqa: BLE001 - whatever it is, the store cannot be used
        return f"unusable ({type(error).__name__})", False
    if found in (list(range(WRITTEN + 1)), list(range(0, WRITTEN + 1, 2))):
        return "the rows of before or of after, each once", True
    return f"{len(found)} rows, {len(set(found))} of them different", False


FAULT = Fault(
    4, "power cut during compaction, expiry, erasure", "image of a loop-mounted ext4 copied under upkeep",
    "never both old and new gone", 1, 20, run, no_mounts,
)  # fmt: skip
