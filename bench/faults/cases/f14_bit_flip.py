"""One bit of a data file is another one."""

from __future__ import annotations

import random

from bench.faults.fault import COMMITS, Fault, Tally, Trial
from bench.faults.stores import Store
from store.keeping import doctor


def run(trial: Trial) -> Tally:
    """Flip one bit of the newest data file, see who notices, and flip it back."""
    chance, tally = random.Random(trial.seed), Tally()  # noqa: S311 - not a secret
    trial.store.make(trial.folder)
    trial.store.write(trial.folder, COMMITS)
    file = trial.store.data(trial.folder)[-1]
    whole = file.read_bytes()
    for _ in range(trial.count):
        place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        noticed = _noticed(trial.store, trial)
        tally.add("noticed" if noticed else "read as if nothing were", noticed)
    file.write_bytes(whole)
    return tally


def _noticed(store: Store, trial: Trial) -> bool:
    if store.name == "ours":
        return any(fault.kind == "damaged_file" for fault in doctor.examine(trial.folder / "lake"))
    try:
        store.offsets(trial.folder)
    except Exception:  # noqa: BLE001 - any error is a notice
        return True
    return False


FAULT = Fault(14, "one flipped bit in a data file", "flipped; asked: `doctor`, or with the library a scan",
              "noticed each time", 10, 500, run)  # fmt: skip
