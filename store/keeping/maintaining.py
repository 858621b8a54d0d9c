"""One bounded pass of upkeep: erasures that wait, what is over, small files, files nobody needs. For cron."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from store.keeping import erasing
from store.keeping.compacting import HINT, Target, compact_held
from store.keeping.expiring import Periods, expire_held
from store.keeping.records import Done, record
from store.keeping.vacuuming import Ages, vacuum_held
from store.lake import Lake
from store.locks import alone
from store.tables import TABLES


@dataclass(frozen=True)
class Upkeep:
    """How upkeep is done. `seconds` bound it: what is not done then, the next pass does."""

    periods: Periods = field(default_factory=Periods)
    target: Target = field(default_factory=Target)
    ages: Ages = field(default_factory=Ages)
    ledger: Path | None = None
    seconds: float = float("inf")


def maintain(lake: Lake, upkeep: Upkeep) -> list[Done]:
    """Do what there is to do, under the lock and beside running ingest; returns what was done."""
    with alone(lake, "keeping", HINT):
        return list(_steps(lake, upkeep, time.monotonic() + upkeep.seconds))


def _steps(lake: Lake, upkeep: Upkeep, until: float) -> Iterator[Done]:
    erasing.resume_held(lake, upkeep.ledger)
    done = expire_held(lake, upkeep.periods)
    record(lake, done)
    yield from done
    for name in TABLES:
        if time.monotonic() > until:
            return
        yield from compact_held(lake, [name], upkeep.target)
    done = vacuum_held(lake, upkeep.ages)
    record(lake, done)
    yield from done
