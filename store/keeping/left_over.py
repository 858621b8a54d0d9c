"""What to do about what an erasure left: why it is there, and who can take it away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from store.commit import LOG
from store.events import TEXT, TEXTS
from store.integrity.log import FOLDER as TLOG
from store.keeping.erasing import whole
from store.keeping.redacting import erasable
from store.keeping.residue import Residue
from store.keeping.subjects import Subject, mentions
from store.lake import Lake
from store.tables import TABLES
from store.tables.events import EVENTS

UNCOMMITTED = (
    "of a write that was cut off, or is still at work: once it is older than keeping.orphans_after (a day) "
    "`tooltrail doctor --repair` removes it; then erase again"
)
LEAF = "a column that the leaf hash is made of, which no erasure may change: only retention removes the row"
SIGNED = "in the signed log or a table's commits, as the name of a topic may be: it cannot be removed"
LATE = "came in while the erasure was at work: erase again"
BESIDE = "beside the tables: remove the file, or the name from it; then erase again"


def advice(lake: Lake, left: Sequence[Residue]) -> Iterator[tuple[str, list[Residue]]]:
    """Yield what can be done, each with the places it is about."""
    live = {Path(path) for name in TABLES for path in lake.snapshot(name).paths()}
    kinds: dict[str, list[Residue]] = {}
    for one in left:
        kinds.setdefault(_kind(lake.path, one, live), []).append(one)
    yield from kinds.items()


def _kind(root: Path, left: Residue, live: set[Path]) -> str:
    parts = left.path.relative_to(root).parts
    if left.path in live:
        stays = parts[0] == EVENTS.name and not set(erasable(EVENTS)).intersection(left.columns)
        return LEAF if stays else LATE
    if left.path.suffix == ".tmp" or ".json#" in left.path.name:
        return UNCOMMITTED
    if parts[0] == TLOG or LOG in parts:
        return SIGNED
    return UNCOMMITTED if parts[0] in TABLES and left.path.suffix == ".parquet" else BESIDE


def stays(lake: Lake, subject: Subject) -> dict[str, int]:
    """Return in which columns of events that cannot be erased a person is named, and in how many rows."""
    sealed = erasable(EVENTS)
    names = [f.name for f in EVENTS.stored if f.type in (TEXT, TEXTS) and f.name not in sealed]
    sums = [mentions(EVENTS, subject, [name]).sum().alias(name) for name in names]
    found = whole(lake, EVENTS).select(sums).collect().row(0, named=True)
    return {name: int(rows) for name, rows in found.items() if rows}
