"""The host's clock jumps by years, forwards and back, between the commits of one stream."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from bench.faults.fault import COMMITS, Fault, Tally, Trial, each
from bench.faults.stores import ROWS, Store
from store.integrity.verify import Options, verify
from store.keeping.expiring import Periods, expire_held
from store.lake import Lake
from store.locks import alone

JUMPS = (3650, -3650, 366, -1)
"""Days that clocks are ahead or behind; events bear the source's time, which is right."""


def _no_faketime() -> str | None:
    return None if shutil.which("faketime") else "there is no faketime"


def run(trial: Trial) -> Tally:
    """Write under each clock in turn; then upkeep with the right one may take nothing."""
    return each(trial, _hurt)


def _hurt(store: Store, folder: Path, chance: random.Random) -> int:
    for days in chance.sample(JUMPS, len(JUMPS)):
        store.write(folder, 1, ["faketime", "-f", f"{days:+d}d"])
    store.compact(folder)
    if store.name == "ours":
        _keep(Lake.open(folder / "lake"))
    return (COMMITS + len(JUMPS)) * ROWS - 1


def _keep(lake: Lake) -> None:
    """Let a month be all that is kept: no event is that old, whatever the clock was when it came in."""
    with alone(lake, "keeping"):
        gone = sum(done.rows_before - done.rows_after for done in expire_held(lake, Periods(30 * 86_400.0)))
    if gone or (faults := verify(lake, Options()).faults):
        raise RuntimeError(f"{gone} rows expired" if gone else str(faults[0]))


FAULT = Fault(29, "clocks that jump", "libfaketime: ten years and one, ahead and behind",
              "nothing lost, nothing expired, all claims hold", 1, 10, run, _no_faketime)  # fmt: skip
