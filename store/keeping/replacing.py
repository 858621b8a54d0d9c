"""One commit that puts files in the place of others: the new ones are durable before it, the old ones stay after it.

The entry is written by us and not by the Delta library, which can add files but not take away chosen ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.transaction import AddAction

from store import commit as delta
from store.commit import NOTE, log_entry
from store.entries import FROM, Entry, entries
from store.errors import UnreachableError
from store.lake import Lake
from store.publishing import metadata, publish
from store.snapshot import StoredFile
from store.tables.table import Table

MOST = 200
"""Files one commit may put in the place of others."""


@dataclass(frozen=True)
class New:
    """A file that is durable but in no commit yet: Delta's action, its digest, and the files its rows were in."""

    action: AddAction
    sha256: str
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What one commit does to a table, with MOST files at most: the log tells of it in one entry.

    `same_rows` says that rows only moved; `positions` are set as given.
    """

    operation: str
    removed: Sequence[StoredFile]
    added: Sequence[New] = ()
    same_rows: bool = False
    positions: Mapping[str, int] = field(default_factory=dict)
    note: Mapping[str, Any] = field(default_factory=dict)


def replace_files(lake: Lake, table: Table, change: Change) -> int:
    """Commit a change and log it; returns the version, which is durable.

    Raises UnreachableError, and changes nothing, when a file that is to go is not in the table any more.
    """
    root = lake.path / table.name
    handle = delta.open_table(root)
    _still_there(root, handle, change)
    lake.settle_others(table.name)
    actions = list(_actions(handle, table.partition, change))
    version = publish(root, handle.version(), actions, lambda rival: _append_only(root, rival, change))
    if lake.log is not None:
        lake.log.follow((table.name, version))
    return version


def _still_there(root: Path, handle: DeltaTable, change: Change) -> None:
    here = {Path(uri).name for uri in handle.file_uris()}
    gone = [file.path for file in change.removed if Path(file.path).name not in here]
    if gone:
        raise UnreachableError("a file is not part of the table any more", where=f"{root}/{gone[0]}")


def _append_only(root: Path, version: int, change: Change) -> None:
    """Raise unless the commit that came first only added: nothing else may take files away while we hold the lock."""
    entry: Entry = next(entries(root, version - 1))
    leaving = {file.path for file in change.removed}
    if not leaving.isdisjoint(entry.removed):
        raise UnreachableError(
            "another program took files away meanwhile", where=str(log_entry(root, version)),
            hint="nothing but tooltrail may write to the lake",
        )  # fmt: skip


def _actions(handle: DeltaTable, partition: str, change: Change) -> Iterator[dict[str, dict[str, Any]]]:
    now = time.time_ns() // 1_000_000
    note = {**change.note, "operation": change.operation,
            "sha256": {new.action.path: new.sha256 for new in change.added},
            FROM: {new.action.path: list(new.origins) for new in change.added}}  # fmt: skip
    operation = "OPTIMIZE" if change.same_rows else "DELETE"
    yield {"commitInfo": {"timestamp": now, "operation": operation, "operationParameters": {}, NOTE: note}}
    if not change.same_rows and handle.metadata().configuration.get("delta.appendOnly") == "true":
        yield {"metaData": metadata(handle, {"delta.appendOnly": "false"})}
    for app, position in change.positions.items():
        yield {"txn": {"appId": app, "version": position, "lastUpdated": now}}
    for file in change.removed:
        yield {"remove": {
            "path": file.path, "deletionTimestamp": now, "dataChange": not change.same_rows,
            "extendedFileMetadata": True, "partitionValues": {partition: str(file.day)}, "size": file.bytes,
        }}  # fmt: skip
    for new in change.added:
        a = new.action
        yield {"add": {
            "path": a.path, "partitionValues": dict(a.partition_values), "size": a.size,
            "modificationTime": a.modification_time, "dataChange": not change.same_rows, "stats": a.stats,
        }}  # fmt: skip
