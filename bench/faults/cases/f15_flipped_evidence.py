"""One bit of a commit, of the transparency log, or of a signed checkpoint is another one."""

from __future__ import annotations

import random
from pathlib import Path

from bench.faults.fault import COMMITS, Fault, Tally, Trial
from store.integrity.verify import Options, verify
from store.lake import Lake


def run(trial: Trial) -> Tally:
    """Flip one bit of a file that is evidence of others, verify, and flip it back; the library has nothing to ask."""
    tally = Tally()
    if trial.store.name != "ours":
        tally.add("has no signed log", False)
        return tally
    chance = random.Random(trial.seed)  # noqa: S311 - not a secret
    trial.store.make(trial.folder)
    trial.store.write(trial.folder, COMMITS)
    log = trial.folder / "lake" / "log"
    files = [
        *trial.store.log(trial.folder),
        log / "checkpoint",
        *(p for p in (log / "tile").rglob("*") if p.is_file()),
    ]
    for _ in range(trial.count):
        tally.add(*_flipped(trial.folder / "lake", chance.choice(files), chance))
    return tally


def _flipped(lake: Path, file: Path, chance: random.Random) -> tuple[str, bool]:
    whole = file.read_bytes()
    place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
    file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
    try:
        found = bool(verify(Lake.open(lake), Options()).faults)
    except Exception:  # noqa: BLE001 - any error is a notice
        found = True
    file.write_bytes(whole)
    return ("noticed", True) if found else (f"not noticed in {file.name}", False)


FAULT = Fault(
    15,
    "one flipped bit in commit, log tile or checkpoint",
    "flipped; asked: `verify`",
    "noticed each time",
    4,
    200,
    run,
)
