"""Data files that are durable but in no commit yet, and their end when it is sure that they will be in none.

Only what cannot have been committed is taken away here. What a process that was killed left is found by its age.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from deltalake.transaction import AddAction

from store.datafile import DataFile
from store.durable import sync_folder, write_file
from store.errors import UnreachableError
from store.snapshot import index_path
from store.tables.table import Table


def write(root: Path, table: Table, file: DataFile, modified: int | None = None) -> AddAction:
    """Make a data file and its key index durable; returns what a commit says of it. `modified` is in ms.

    Raises what `store.durable.write_file` raises; nothing stays where the disk is full.
    """
    now = datetime.now(UTC)
    name = f"{table.partition}={file.day}/part-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}.parquet"
    try:
        for column, content in file.index.items():
            write_file(index_path(root, name, column), content)
        write_file(root / name, file.content)
    except UnreachableError:
        _discard(root, table, [name])
        raise
    return AddAction(
        path=name,
        size=len(file.content),
        partition_values={table.partition: str(file.day)},
        modification_time=modified or int(now.timestamp() * 1000),
        data_change=True,
        stats=file.statistics,
    )


def write_all(root: Path, table: Table, files: Sequence[DataFile]) -> list[AddAction]:
    """Make files durable as `write` does, several at once; all of them or none."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        made = [pool.submit(write, root, table, file) for file in files]
    try:
        return [one.result() for one in made]
    except UnreachableError:
        discard(root, table, _whole(made))
        raise


def _whole(made: Iterable[Future[AddAction]]) -> list[AddAction]:
    return [one.result() for one in made if one.exception() is None]


def discard(root: Path, table: Table, files: Sequence[AddAction]) -> None:
    """Take away files of which it is sure that no commit names them; one that cannot be is left to vacuum."""
    _discard(root, table, [file.path for file in files])


def _discard(root: Path, table: Table, names: Sequence[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            remove(root, table, root / name)


def remove(root: Path, table: Table, path: Path) -> None:
    """Take a data file, with its key indexes, or another file off the disk, for good."""
    for index in (index_path(root, path.name, column) for column in table.indexed):
        index.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
