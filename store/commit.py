"""One commit to a Delta table: rows, file digests and stream positions become visible and durable together.

The table's app transactions are the only truth about how far a stream was taken in. A commit is made on the very
handle on which the positions were compared, so a writer that was replaced while it slept cannot add rows
(delta-rs rejects the stale handle). When the outcome of a commit is unknown, the log is read to find out; data
files are never deleted on a guess.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, PostCommitHookProperties, Transaction

from store.durable import make_folders, sync_file, sync_folder, write_file
from store.errors import FencedError, UnreachableError
from store.tables.table import Table

ATTEMPTS = 8
CHECKPOINT_EVERY = 50
LOG = "_delta_log"
NOTE = "tooltrail"
"""The key of our metadata in each commit."""

_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


@dataclass(frozen=True)
class Advance:
    """A stream's step: `expected` is the position the table must hold (None: none yet), `position` the new one.

    A position is the last offset taken in; the stream goes on at position + 1. `seal` is a number that tells
    whether what stands at the position is still what was read, for streams that can be replaced, as files can.
    """

    stream: str
    expected: int | None
    position: int
    seal: int | None = None

    def transactions(self) -> list[Transaction]:
        """Return the app transactions that record the step."""
        step = [Transaction(self.stream, self.position)]
        return step if self.seal is None else [*step, Transaction(seal_of(self.stream), self.seal)]


def seal_of(stream: str) -> str:
    """Return the app id under which a stream's seal is recorded."""
    return f"{stream}#seal"


def reread_of(stream: str) -> str:
    """Return the app id under which stands how far a stream had been taken in when it was stepped back."""
    return f"{stream}#reread"


def create(path: Path, table: Table) -> None:
    """Make an empty table that Spark, Trino and Polars read as it is: protocol reader 1, writer 2."""
    make_folders(path)
    DeltaTable.create(
        str(path),
        schema=table.schema,
        partition_by=[table.partition],
        configuration={
            "delta.dataSkippingStatsColumns": ",".join(table.statistics),
            "delta.enableExpiredLogCleanup": "false",
            "delta.appendOnly": "true",
        },
    )
    sync_entry(path, 0)


def open_table(path: Path, version: int | None = None) -> DeltaTable:
    """Open a table afresh; UnreachableError says what is wrong with it."""
    try:
        return DeltaTable(str(path), version=version)
    except (DeltaError, OSError) as error:
        raise UnreachableError(
            f"the table cannot be opened: {error}",
            where=str(path),
            hint="is this a lake? `tooltrail init` makes one",
        ) from error


def position(handle: DeltaTable, stream: str) -> int | None:
    """Return the last position of a stream that the table holds."""
    found = handle.transaction_version(stream)
    return None if found is None else int(found)


def commit(
    path: Path,
    table: Table,
    files: Sequence[AddAction],
    advances: Sequence[Advance],
    note: Mapping[str, Any],
    batch: str | None = None,
) -> int:
    """Commit files and positions; returns the version, which is durable. `batch` names the commit (32 hex digits).

    Raises FencedError when a stream is not where `expected` says, DurabilityError when an fsync fails, and
    UnreachableError when the commit cannot be made.
    """
    batch = batch or secrets.token_hex(16)
    properties = CommitProperties(
        custom_metadata={NOTE: {**note, "batch": batch}},
        app_transactions=[t for a in advances for t in a.transactions()],
        max_commit_retries=ATTEMPTS,
    )
    failure: Exception | None = None
    seen: int | None = None
    for attempt in range(ATTEMPTS):
        handle = open_table(path)
        seen = handle.version() if seen is None else seen
        if failure is not None and (landed := find_batch(path, batch, seen)) is not None:
            return settle(path, landed)
        _check(handle, advances)
        try:
            handle.create_write_transaction(
                list(files), mode="append", schema=pa.schema(table.schema), partition_by=[table.partition],
                commit_properties=properties, post_commithook_properties=_NO_HOOKS,
            )  # fmt: skip
        except (DeltaError, OSError) as error:
            failure = error
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
            continue
        landed = find_batch(path, batch, handle.version())
        if landed is None:
            raise UnreachableError("the commit cannot be found in the log it was written to", where=str(path))
        return settle(path, landed)
    if seen is not None and (landed := find_batch(path, batch, seen)) is not None:
        return settle(path, landed)
    raise UnreachableError(f"the commit failed {ATTEMPTS} times: {failure}", where=str(path)) from failure


def find_batch(path: Path, batch: str, after: int) -> int | None:
    """Return the version, later than `after`, whose commit carries this batch id."""
    version = after + 1
    while (entry := log_entry(path, version)).exists():
        if batch in entry.read_text():
            return version
        version += 1
    return None


def log_entry(path: Path, version: int) -> Path:
    """Return the file of one commit."""
    return path / LOG / f"{version:020}.json"


def note_of(path: Path, version: int) -> dict[str, Any]:
    """Return what we wrote about a commit: file digests and counts; empty for commits that are not ours."""
    for line in log_entry(path, version).read_text().splitlines():
        info = json.loads(line).get("commitInfo")
        if info is not None:
            note: dict[str, Any] = info.get(NOTE, {})
            return note
    return {}


def _check(handle: DeltaTable, advances: Sequence[Advance]) -> None:
    for advance in advances:
        found = position(handle, advance.stream)
        if found != advance.expected:
            raise FencedError(
                f"another writer took this stream to {found}, we had it at {advance.expected}",
                where=advance.stream,
            )


def settle(path: Path, version: int) -> int:
    """Make the commit durable, and every so often write a checkpoint so that opening stays quick."""
    sync_entry(path, version)
    if version % CHECKPOINT_EVERY == 0:
        _checkpoint(path, version)
    return version


def settled(path: Path) -> int:
    """Return a version up to which all commits are known to be durable: a checkpoint is written after them."""
    found = (path / LOG).glob("*.checkpoint*.parquet")
    return max((int(file.name.split(".")[0]) for file in found), default=-1)


def settle_others(path: Path, after: int) -> int:
    """Make durable the commits after one, before anything is built upon them; returns the newest.

    A process that died may have left one that is not: a power cut would tear it amid the log.
    """
    while log_entry(path, after + 1).exists():
        after += 1
        sync_entry(path, after)
    return after


def sync_entry(path: Path, version: int) -> None:
    """Make a commit durable: what its entry says, and that it is there."""
    sync_file(log_entry(path, version))
    sync_folder(path / LOG)


def _checkpoint(path: Path, version: int) -> None:
    """Write a checkpoint and make it durable before the hint that points to it is kept."""
    hint = path / LOG / "_last_checkpoint"
    DeltaTable(str(path), version=version).create_checkpoint()
    for file in (path / LOG).glob(f"{version:020}.checkpoint*.parquet"):
        sync_file(file)
    write_file(hint, hint.read_bytes())
