"""Putting a backup back: every digest is checked first, what was held since is held, who was erased is erased again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple

from store.durable import sync_folder, write_file
from store.errors import IntegrityError, UsageError
from store.integrity.log import FOLDER as TLOG
from store.keeping import erasing, holding
from store.keeping.backing_up import Backup, check, object_of, read_backup
from store.keeping.compacting import HINT
from store.keeping.erasing import Erased, LeavesOf
from store.keeping.records import Done, record
from store.keeping.second_copy import hold_of, read
from store.keys import FILE_NAME as SITE_KEY
from store.lake import MARKER, Lake
from store.locks import alone
from store.tables import TABLES

PART = f"{MARKER}.part"
"""The marker of a lake that is being put back: it is none yet, for whom it must forget is still in it."""


class Restored(NamedTuple):
    """A lake that was put back, its backup, who was erased again, and how many holds were set or released."""

    lake: Lake
    backup: Backup
    erased: list[Erased]
    holds: int


def restore(
    folder: Path,
    target: Path,
    leaves_of: LeavesOf | None = None,
    *,
    taken: str | None = None,
    keys: Path | None = None,
    ledgers: Sequence[Path] = (),
) -> Restored:
    """Make a lake of a backup in a folder that has none; holds are set and released, and erasures done, again.

    `keys` is a folder that holds the keys when the backup does not; `ledgers` are second copies of the ledger, or
    lakes, that know of erasures and holds the backup does not. A hold beats an erasure here too.
    Raises IntegrityError, and makes nothing, for a damaged backup.
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
    told = [read_ledger(source) for source in ledgers]
    _write(folder, target, backup, keys)
    lake = Lake.open(target, marker_name=PART)
    with alone(lake, "keeping", HINT):
        holds = holding.replay(
            lake, [hold_of(lake, line) for lines in told for line in lines if "hold_id" in line]
        )
        rows = [line for lines in told for line in lines if "erasure_id" in line]
        again = _erase_again(lake, rows, leaves_of) if leaves_of is not None else []
        record(
            lake, [Done("restore", "", None, 0, 0, len(backup.files), len(backup.files), detail=backup.taken)]
        )
    (target / PART).rename(target / MARKER)
    sync_folder(target)
    return Restored(lake, backup, again, holds)


def _erase_again(lake: Lake, rows: list[dict[str, Any]], leaves_of: LeavesOf) -> list[Erased]:
    """Erase whom ledgers, the lake's own among them, say were erased, and it does not know to be."""
    known, over = {row["erasure_id"] for row in rows}, erasing.ended(lake)
    rows = rows + [row for row in erasing.ledger(lake) if row["erasure_id"] not in known]
    rows.sort(key=lambda row: datetime.fromisoformat(row["state_time"]))
    newest = {str(row["erasure_id"]): row for row in rows if row["erasure_id"] not in over}
    return erasing.replay_held(lake, list(newest.values()), leaves_of)


def read_ledger(source: Path) -> list[dict[str, Any]]:
    """Return the erasures and holds of a ledger: a second copy, or those of a lake."""
    if source.is_dir():
        lake = Lake.open(source)
        return [*erasing.ledger(lake), *holding.states(lake)]
    return read(source)


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
