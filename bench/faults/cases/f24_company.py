"""Several writers, a compactor and a reader at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from deltalake import DeltaTable

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.stores import Store
from store.errors import TooltrailError
from store.keeping.compacting import compact
from store.lake import Lake

Work = Callable[[Store, Path, int, list[str]], int]


def run(trial: Trial) -> Tally:
    """Compact and read while a writer writes; a reader must never see fewer rows than before."""
    tally = Tally()
    for _, folder in trial.folders():
        trial.store.make(folder)
        shrunk: list[str] = []
        done = threading.Event()
        helpers = [
            threading.Thread(target=_until, args=(done, work, trial, folder, shrunk))
            for work in (_compact, _read)
        ]
        with trial.store.writer(folder, 25) as writer:
            for helper in helpers:
                helper.start()
            out, _ = writer.communicate()
            done.set()
        for helper in helpers:
            helper.join()
        said = [int(n) for n in out.split() if n.isdecimal()]
        told, held = settled(trial.store, folder, max(said, default=-1))
        tally.add(*((told, held) if not shrunk else (shrunk[0], False)))
    return tally


def _until(done: threading.Event, work: Work, trial: Trial, folder: Path, shrunk: list[str]) -> None:
    seen = 0
    while not done.is_set():
        seen = work(trial.store, folder, seen, shrunk)
        time.sleep(0.05)


def _compact(store: Store, folder: Path, seen: int, _shrunk: list[str]) -> int:
    try:
        if store.name == "ours":
            compact(Lake.open(folder / "lake"), tables=["events"])
        else:
            DeltaTable(str(folder / store.table)).optimize.compact()
    except (TooltrailError, OSError, ValueError):
        pass  # it may lose a race: then it has changed nothing
    return seen


def _read(store: Store, folder: Path, seen: int, shrunk: list[str]) -> int:
    found = len(store.offsets(folder))
    if found < seen:
        shrunk.append("a reader saw fewer rows than before")
    return max(seen, found)


FAULT = Fault(24, "writer, compactor and reader at once", "three at work on one table",
              "exact count, no reader sees half a swap", 1, 10, run)  # fmt: skip
