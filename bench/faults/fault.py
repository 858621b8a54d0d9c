"""What a fault is, and how a store is judged after one: every acknowledged row is there once, or the store says so."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.stores import ROWS, Store

COMMITS = 4
"""Of a store before it is hurt."""
WRITTEN = COMMITS * ROWS - 1
"""The last offset of these."""


@dataclass
class Tally:
    """What became of the trials of a fault: of how many what was said, and whether the invariant held in all."""

    trials: int = 0
    failed: int = 0
    told: Counter[str] = field(default_factory=Counter)

    def add(self, told: str, held: bool) -> None:
        """Count a trial."""
        self.trials += 1
        self.failed += not held
        self.told[told] += 1

    def __str__(self) -> str:
        return "; ".join(
            f"{told}" if len(self.told) == 1 else f"{many}x {told}" for told, many in self.told.most_common()
        )


@dataclass(frozen=True)
class Trial:
    """One store to be hurt, in a folder of its own; `seed` makes what is drawn by chance the same again."""

    store: Store
    folder: Path
    seed: int
    count: int

    def folders(self) -> Iterator[tuple[int, Path]]:
        """Yield the number of each trial and an empty folder for it."""
        for number in range(self.count):
            folder = self.folder / str(number)
            folder.mkdir(parents=True)
            yield number, folder


@dataclass(frozen=True)
class Fault:
    """A row of the table. `number` is its place in the list, `small` and `full` how many trials a run makes."""

    number: int
    name: str
    injector: str
    invariant: str
    small: int
    full: int
    run: Callable[[Trial], Tally]
    needs: Callable[[], str | None] = lambda: None
    """Says why the fault cannot be injected here; None when it can."""


def each(trial: Trial, hurt: Callable[[Store, Path, random.Random], int]) -> Tally:
    """Hurt a new store of COMMITS commits once a trial and judge it; `hurt` returns the last acknowledged offset."""
    tally = Tally()
    for number, folder in trial.folders():
        trial.store.make(folder)
        trial.store.write(folder, COMMITS)
        acknowledged = hurt(trial.store, folder, random.Random(trial.seed + number))  # noqa: S311 - not a secret
        tally.add(*settled(trial.store, folder, acknowledged))
        shutil.rmtree(folder)
    return tally


def settled(store: Store, folder: Path, acknowledged: int) -> tuple[str, bool]:
    """Go on as an operator would: mend, write past what was there, count. Returns what is seen, and if all is right."""
    try:
        store.mend(folder)
        last = store.session(folder).last
        store.write(folder, 2 + max(0, acknowledged - (-1 if last is None else last)) // ROWS)
        found = store.offsets(folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, the store cannot be used
        return f"unusable ({_short(error, folder)})", False
    lost = len(set(range(max([acknowledged, *found]) + 1)) - set(found))
    doubled = len(found) - len(set(found))
    if lost or doubled:
        return f"{lost} rows lost, {doubled} doubled", False
    return "all rows, each once", True


def _short(error: Exception, folder: Path) -> str:
    """Return the beginning of a reason, without the folder of the trial: the page is read elsewhere."""
    text = " ".join(str(error).replace(f"{folder}/", "").split())
    return f"{type(error).__name__}: {text[:60]}"
