"""What a benchmark is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Sizes and places. `work` is emptied after the run; `cache` is kept for the next one."""

    events: int
    query_events: int
    rounds: int
    quick: bool
    work: Path
    cache: Path
