"""Putting a backup back: every digest is checked first, and whoever was erased since is erased again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from store.durable import sync_folder, write_file
from store.errors import IntegrityError, UsageError
from store.integrity.log import FOLDER as TLOG
from store.keeping import erasing
from store.keeping.backing_up import Backup, check, object_of, read_backup
from store.keeping.compacting import HINT
from store.keeping.erasing import Erased, LeavesOf
from store.keeping.records import Done, record
from store.keys import FILE_NAME as SITE_KEY
from store.lake import MARKER, Lake
from store.locks import alone
from store.tables import TABLES

PART = f"{MARKER}.part"
"""The marker of a lake that is being put back: it is none yet, for whom it must forget is still in it."""


def restore(
    folder: Path,
    target: Path,
    leaves_of: LeavesOf | None = None,
    *,
    taken: str | None = None,
    keys: Path | None = None,
    ledgers: Sequence[Path] = (),
) -> tuple[Lake, Backup, list[Erased]]:
    """Make a lake of a backup in a folder that has none; returns it, the backup, and who was erased again.

    `keys` is a folder that holds the keys when the backup does not; `ledgers` are second copies of the ledger, or
    lakes, that know of erasures the backup does not. Raises IntegrityError, and makes nothing, for a damaged backup.
    """
    if (target / MARKER).exists():
        raise UsageError(
            "there is a lake here already", where=str(target), hint="move it away, or choose another folder"
        )
    backup = read_backup(folder, taken)
    if damaged := check(folder, backup):
        raise IntegrityError(
            f"{len(damaged)} files of the backup are damaged, {damaged[0]} first", where=str(folder),
            hint="take an earlier backup: --taken TIME",
        )  # fmt: skip
    rows = [row for source in ledgers for row in read_ledger(source)]
    _write(folder, target, backup, keys)
    lake = Lake.open(target, marker_name=PART)
    with alone(lake, "keeping", HINT):
        known, over = {row["erasure_id"] for row in rows}, erasing.ended(lake)
        rows += [row for row in erasing.ledger(lake) if row["erasure_id"] not in known]
        rows = [row for row in rows if row["erasure_id"] not in over]
        again = erasing.replay_held(lake, _newest(rows), leaves_of) if leaves_of is not None else []
        record(
            lake, [Done("restore", "", None, 0, 0, len(backup.files), len(backup.files), detail=backup.taken)]
        )
    (target / PART).rename(target / MARKER)
    sync_folder(target)
    return lake, backup, again


def read_ledger(source: Path) -> list[dict[str, object]]:
    """Return the rows of a ledger: a second copy, or that of a lake."""
    if source.is_dir():
        return erasing.ledger(Lake.open(source))
    try:
        return [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise UsageError(f"this is no ledger: {error}", where=str(source)) from error


def _newest(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return the last state of each erasure, without those that never began."""
    last = {str(row["erasure_id"]): row for row in rows}
    return [row for row in last.values() if row["state"] != "restricted"]


def _write(folder: Path, target: Path, backup: Backup, keys: Path | None) -> None:
    """Write the files in the place of those an earlier try left; until the marker has its name, there is no lake."""
    if (target / PART).exists():
        for name in (*TABLES, TLOG):
            rmtree(target / name, ignore_errors=True)
    if keys is not None:
        for path in sorted(keys.glob("*.key")):
            write_file(target / path.name, path.read_bytes())
    elif all(held.path != SITE_KEY for held in backup.files) and not (target / SITE_KEY).exists():
        _need_variable(folder, backup)
    for held in sorted(backup.files, key=lambda h: h.path != MARKER):
        path = target / (PART if held.path == MARKER else held.path)
        write_file(path, object_of(folder, held.sha256).read_bytes())


def _need_variable(folder: Path, backup: Backup) -> None:
    [marker] = [held for held in backup.files if held.path == MARKER]
    if json.loads(object_of(folder, marker.sha256).read_bytes()).get("site_key_variable") is None:
        raise UsageError(
            "the backup holds no keys",
            where=str(folder),
            hint="--keys DIR: the folder with site.key and log.key",
        )
