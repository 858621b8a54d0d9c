"""What can be wrong with a lake on disk, and setting aside what is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from store.durable import make_folders, sync_folder

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where, what it means, and what helps. `mends` says that `repair` can do it.

    What is not `grave` costs time or room and no answer.
    """

    kind: str
    table: str
    path: Path
    meaning: str
    remedy: str
    mends: bool = True
    grave: bool = True


def set_aside(lake: Path, path: Path) -> Path:
    """Move a file out of the tables into the lake's quarantine, durably; returns where it is now."""
    target = lake / QUARANTINE / f"{time.time_ns():x}" / path.relative_to(lake)
    make_folders(target.parent)
    path.rename(target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return target
