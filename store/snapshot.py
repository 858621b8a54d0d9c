"""A frozen view of a table: its version, its files, and which of them a question needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable
from numpy.typing import NDArray

from store.datafile import key_hash, read_key_index
from store.errors import UnreachableError
from store.tables.table import Table
from store.upgrading import is_widened

_NAME = re.compile(r"[\w.+=-]+\.parquet")
INDEX = "_index"
"""Folder of the key indexes inside a table; Delta readers pass over names that begin with an underscore."""


@dataclass(frozen=True)
class StoredFile:
    """One data file of a version: where it is, what it holds, and the bounds the log knows."""

    path: str
    rows: int
    bytes: int
    day: date
    least: datetime | None = None
    greatest: datetime | None = None
    modified: int = 0


@dataclass(frozen=True)
class Needs:
    """What a question asks of a table: values a column must equal, and bounds of its time column.

    A file that cannot hold such a row is not read. Everything absent here is simply not used for skipping.
    """

    equal: Mapping[str, str]
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Snapshot:
    """The files of one table at one version, which later commits do not change. Widened: some lack columns."""

    table: Table
    root: Path
    version: int
    files: tuple[StoredFile, ...]
    widened: bool = False

    @property
    def rows(self) -> int:
        """How many rows the version holds."""
        return sum(file.rows for file in self.files)

    def paths(self, needs: Needs | None = None, index: KeyIndexes | None = None) -> list[str]:
        """Return the files that can hold what is needed, oldest first."""
        kept = [f for f in self.files if needs is None or _in_time(f, needs)]
        if needs is not None and index is not None:
            for column, value in needs.equal.items():
                if column in self.table.indexed:
                    kept = index.holding(self.table, self.root, kept, column, value)
        return [f"{self.root}/{file.path}" for file in kept]


def _in_time(file: StoredFile, needs: Needs) -> bool:
    if needs.since is not None and file.greatest is not None and file.greatest < needs.since:
        return False
    return not (needs.until is not None and file.least is not None and file.least > needs.until)


def freeze(table: Table, root: Path, handle: DeltaTable) -> Snapshot:
    """Read the file list of an open table. UnreachableError when it names what is no file of its own."""
    actions = pa.table(handle.get_add_actions(flatten=True)).to_pydict()
    time = table.statistics[0]
    count = len(actions["path"])
    nothing = [None] * count
    files = [
        StoredFile(path, rows or 0, size, day, _utc(least), _utc(greatest), modified)
        for path, rows, size, day, least, greatest, modified in zip(
            actions["path"],
            actions["num_records"],
            actions["size_bytes"],
            actions[f"partition.{table.partition}"],
            actions.get(f"min.{time}", nothing),
            actions.get(f"max.{time}", nothing),
            actions["modification_time"],
            strict=True,
        )
    ]
    for file in files:
        _check_place(table, root, file.path)
    ordered = tuple(sorted(files, key=lambda f: (f.day, f.path)))
    return Snapshot(table, root, handle.version(), ordered, is_widened(handle))


def _check_place(table: Table, root: Path, path: str) -> None:
    """Raise for a path that leads out of the table's folder, or that DuckDB would take for a pattern of many."""
    day, _, name = path.partition("/")
    if not day.startswith(f"{table.partition}=") or _NAME.fullmatch(name) is None:
        raise UnreachableError(
            f"the table names what is no file of its own: {path!r}", where=str(root),
            hint="somebody wrote to its log: `tooltrail verify` says which commit it was",
        )  # fmt: skip


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class KeyIndexes:
    """Reads key indexes once and keeps them: files never change. `key` is that of the personal columns."""

    def __init__(self, key: bytes = b"", read: Callable[[Path], bytes] = Path.read_bytes) -> None:
        self._key = key
        self._read = read
        self._known: dict[tuple[Path, str, str], NDArray[np.uint32] | None] = {}

    def holding(
        self, table: Table, root: Path, files: Sequence[StoredFile], column: str, value: str
    ) -> list[StoredFile]:
        """Return the files but those that surely hold no row with this value in an indexed column."""
        key = self._key if column in table.keyed else b""
        if column in table.keyed and not key:
            return list(files)
        wanted = key_hash(column, value, key)
        return [file for file in files if self._may_hold(root, file.path, column, key, wanted)]

    def _may_hold(self, root: Path, file: str, column: str, key: bytes, wanted: int) -> bool:
        known = (root, file, column)
        if known not in self._known:
            self._known[known] = self._load(index_path(root, file, column), key)
        hashes = self._known[known]
        if hashes is None:
            return True
        place = int(hashes.searchsorted(np.uint32(wanted)))
        return place < len(hashes) and int(hashes[place]) == wanted

    def _load(self, path: Path, key: bytes) -> NDArray[np.uint32] | None:
        try:
            return read_key_index(self._read(path), key)
        except (OSError, ValueError):
            return None  # a missing or damaged index only costs time: the file is read


def index_path(root: Path, file: str, column: str) -> Path:
    """Return where the key index of one column of one data file is kept."""
    return root / INDEX / f"{Path(file).stem}.{column}"
