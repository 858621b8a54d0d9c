"""The events of a lake in the order they were committed, from a place that can be kept and gone back to.

A cursor says up to where everything was handed on. It is saved after what it covers was acknowledged: a crash in
between hands the same events on again, and never leaves one out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics.selection import FINGERPRINTS
from store.commit import log_entry
from store.durable import write_file
from store.entries import entries, read_entry
from store.errors import UnreachableError, UsageError
from store.lake import Lake
from store.tables.events import EVENTS

FOLDER = "exports"
BATCH_ROWS = 2_000


@dataclass(frozen=True, order=True)
class Cursor:
    """Before this place everything was handed on: a version, a file of its commit by number, a row of the file."""

    version: int = 0
    file: int = 0
    row: int = 0


def newest(lake: Lake) -> Cursor:
    """Return the place behind everything there is."""
    return Cursor(lake.snapshot(EVENTS.name).version + 1)


def after(lake: Lake, cursor: Cursor) -> Iterator[tuple[pa.RecordBatch, Cursor]]:
    """Yield what was committed from a place on, without fingerprints, each batch with the place behind it.

    Ends at the newest version there is; UnreachableError when a file of a commit is gone or damaged.
    """
    root = lake.path / EVENTS.name
    version = cursor.version
    while log_entry(root, version).exists():
        for number, (path, day) in enumerate(_added(root, version)):
            at = Cursor(version, number)
            if at >= replace(cursor, row=0):
                skip = cursor.row if at == replace(cursor, row=0) else 0
                yield from _rows(*_where(root, version, path), day, at, skip)
        version += 1
        yield _nothing(), Cursor(version)


def _added(root: Path, version: int) -> list[tuple[str, date]]:
    """Return the files whose rows a commit brought, by path; none that only holds older rows anew."""
    entry = read_entry(root, version)
    fresh = [
        (path, add)
        for path, add in entry.added.items()
        if add.get("dataChange", True) and path not in entry.origins
    ]
    return sorted((path, date.fromisoformat(add["partitionValues"][EVENTS.partition])) for path, add in fresh)


def _where(root: Path, version: int, path: str) -> tuple[Path | None, str | None]:
    """Return the file a commit's rows are in now, and the batch they are of if others are in it too.

    A file that was replaced, and is gone since, has an heir; none when all of its rows expired.
    """
    if (root / path).exists() or not (heirs := _heirs(root, version)):
        return root / path, None
    while path in heirs:
        path = heirs[path]
        if path and (root / path).exists():
            return root / path, read_entry(root, version).note.get("batch")
    return (root / path, None) if path else (None, None)


def _heirs(root: Path, version: int) -> dict[str, str]:
    """Return for each file that a later commit took away the one its rows went to, empty where they went nowhere."""
    heirs: dict[str, str] = {}
    for entry in entries(root, version):
        heirs |= dict.fromkeys(entry.removed, "")
        heirs |= {origin: path for path, origins in entry.origins.items() for origin in origins}
    return heirs


def _rows(
    path: Path | None, batch: str | None, day: date, at: Cursor, skip: int
) -> Iterator[tuple[pa.RecordBatch, Cursor]]:
    if path is None:
        return
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            names = [name for name in file.schema_arrow.names if name not in FINGERPRINTS]
            row = 0
            for held in file.iter_batches(
                BATCH_ROWS, columns=sorted({*names, "batch_id"} if batch else names)
            ):
                ours = (held if batch is None else held.filter(pc.equal(held["batch_id"], batch))).select(
                    names
                )
                row += ours.num_rows
                if row > skip:
                    fresh = ours.slice(max(0, ours.num_rows - (row - skip)))
                    dated = fresh.append_column(EVENTS.partition, pa.repeat(pa.scalar(day), fresh.num_rows))
                    yield dated, Cursor(at.version, at.file, row)
    except (OSError, pa.ArrowException) as error:
        raise UnreachableError(
            f"a data file cannot be read: {error}", where=str(path),
            hint="the cursor stays before it; --start latest goes on from now",
        ) from error  # fmt: skip


def _nothing() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], EVENTS.schema)


# --- keeping the place ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """The file a cursor is kept in, and what the events are handed on to."""

    path: Path
    sink: str

    def load(self) -> Cursor | None:
        """Return the cursor kept, None when there is none yet; UsageError when it is another sink's."""
        try:
            kept = json.loads(self.path.read_text())
            sink, cursor = kept.pop("sink"), Cursor(**kept)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreachableError(f"the cursor cannot be read: {error}", where=str(self.path)) from error
        if sink != self.sink:
            raise UsageError(
                f"this cursor is of {sink}", where=str(self.path), hint="--cursor names another for this sink"
            )
        return cursor

    def save(self, cursor: Cursor) -> None:
        """Make a cursor durable."""
        write_file(self.path, json.dumps({"sink": self.sink, **asdict(cursor)}).encode() + b"\n")


def place_of(lake: Lake, name: str, sink: str) -> Place:
    """Return where a cursor is kept: a name means a file in the lake's folder, a path that file."""
    path = Path(name)
    return Place(path if path.parent != Path() else lake.path / FOLDER / f"{name}.json", sink)
