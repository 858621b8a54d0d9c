"""Backups: a consistent copy of a lake, incremental by digest, checked when it is put back.

DIR/objects/ab/abcdef...   the bytes of files under their SHA-256; what is there already is not copied again
DIR/backup-TIME.json       which file of the lake is which object, and the version of each table

Keys are left out unless asked for: whoever has both can try names on the fingerprints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath

from store.commit import LOG, log_entry
from store.durable import make_folders, write_file
from store.entries import digests
from store.errors import IntegrityError, UnreachableError, UsageError
from store.integrity.log import FOLDER as TLOG
from store.keeping.compacting import HINT
from store.keeping.faults import QUARANTINE
from store.keeping.log_faults import good_checkpoints
from store.keeping.notes import FOLDER as ERASING
from store.keeping.pinning import pinned_files
from store.keeping.records import Done, record
from store.lake import Lake
from store.locks import alone
from store.snapshot import index_path
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table
from store.upgrading import template_of

_DIGEST = re.compile(r"[0-9a-f]{64}")
KEY = ".key"
"""What the names of files with secrets have in them."""
_FACTS = ("events", "dead_letters", "gaps")
"""Tables copied last, in this order: what jobs made never tells of more than was copied, and no letter is lost."""


@dataclass(frozen=True)
class Held:
    """One file of a backup: its path in the lake, digest and size."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Backup:
    """A backup: when it was made, the tables' versions, its files, and how many bytes were not there before."""

    taken: str
    versions: dict[str, int]
    files: list[Held]
    fresh_bytes: int = 0


def back_up(lake: Lake, folder: Path, *, with_keys: bool = False) -> Backup:
    """Copy a lake as it is now beside running ingest; durable when this returns."""
    with alone(lake, "keeping", HINT):
        make_folders(folder)
        versions: dict[str, int] = {}
        files, fresh = [], 0
        for path, known in _files(lake, versions, with_keys=with_keys):
            held, copied = _copy(lake.path, path, known, folder)
            files.append(held)
            fresh += copied
        taken = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        backup = Backup(taken, versions, files, fresh)
        write_file(folder / f"backup-{taken}.json", json.dumps(asdict(backup)).encode())
        record(lake, [Done("backup", "", None, 0, 0, len(files), len(files), detail=taken)])
    return backup


def _files(lake: Lake, versions: dict[str, int], *, with_keys: bool) -> Iterator[tuple[Path, str | None]]:
    """Yield what a backup holds, with the digest where it is on record; the log of changes first, it is healed."""
    beside = [p for p in lake.path.iterdir() if p.name not in TABLES and not _stays(p, with_keys=with_keys)]
    for path in sorted(beside, key=lambda p: (p.name != TLOG, p.name)):
        inside = sorted(path.rglob("*")) if path.is_dir() and not path.is_symlink() else [path]
        if links := [p for p in inside if p.is_symlink()]:
            raise UsageError(
                "a symbolic link is no part of a lake: whatever it leads to would be copied", where=str(links[0]),
                hint="put what it leads to there, or remove it",
            )  # fmt: skip
        yield from ((p, None) for p in inside if p.is_file() and not _stays(p, with_keys=with_keys))
    needed = pinned_files(lake)
    for name in [*(n for n in TABLES if n not in _FACTS), *_FACTS]:
        yield from _of_table(lake, TABLES[name], versions, needed if name == EVENTS.name else set())


def _stays(path: Path, *, with_keys: bool) -> bool:
    """Say whether a file is none of a backup's: locks, drafts, what was set aside, who is to be erased, and keys."""
    if path.name in (QUARANTINE, ERASING) or path.suffix in (".tmp", ".lock") or path.name == ".lock":
        return True
    return KEY in path.name and not with_keys


def _of_table(
    lake: Lake, table: Table, versions: dict[str, int], needed: set[str]
) -> Iterator[tuple[Path, str | None]]:
    """Yield the files of a table's newest version, and the older ones that open reviews need."""
    root = lake.path / table.name
    snapshot = lake.snapshot(table.name)
    versions[table.name] = snapshot.version
    noted = digests(root)
    yield template_of(lake.path, table), None
    for version in range(snapshot.version + 1):
        yield log_entry(root, version), None
    for version in good_checkpoints(root)[0]:
        if version <= snapshot.version:
            yield from ((p, None) for p in sorted((root / LOG).glob(f"{version:020}.checkpoint*.parquet")))
    for file in snapshot.files:
        yield root / file.path, noted.get(file.path)
        indexes = (index_path(root, file.path, column) for column in table.indexed)
        yield from ((path, None) for path in indexes if path.exists())
    older = needed.difference(file.path for file in snapshot.files)
    yield from ((root / path, noted.get(path)) for path in sorted(older) if (root / path).exists())


def _copy(root: Path, path: Path, known: str | None, folder: Path) -> tuple[Held, int]:
    """Make a file's bytes durable under their digest; IntegrityError when they are not what was committed."""
    name = str(path.relative_to(root))
    if known is not None and object_of(folder, known).exists():
        return Held(name, known, path.stat().st_size), 0
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreachableError(
            f"cannot be read: {error.strerror}", where=str(path), hint="`tooltrail doctor` says more"
        ) from error
    digest = sha256(content).hexdigest()
    if known is not None and digest != known:
        raise IntegrityError(
            "the file is not what was committed", where=str(path), hint="`tooltrail doctor` says more"
        )
    if object_of(folder, digest).exists():
        return Held(name, digest, len(content)), 0
    write_file(object_of(folder, digest), content)
    return Held(name, digest, len(content)), len(content)


def object_of(folder: Path, digest: str) -> Path:
    """Return where a backup keeps the bytes of a digest."""
    return folder / "objects" / digest[:2] / digest


def backups(folder: Path) -> list[Path]:
    """Return the backups in a folder, the oldest first."""
    return sorted(folder.glob("backup-*.json"))


def read_backup(folder: Path, taken: str | None = None) -> Backup:
    """Return the newest backup in a folder, or the one that was taken then. UsageError when there is none."""
    found = [p for p in backups(folder) if taken is None or p.stem.removeprefix("backup-").startswith(taken)]
    if not found:
        raise UsageError(
            "there is no such backup", where=str(folder), hint="`tooltrail lake backup DIR` makes one"
        )
    try:
        body = json.loads(found[-1].read_text("utf-8"))
        held = [Held(**f) for f in body["files"]]
        for file in held:
            _check_place(file)
        return Backup(body["taken"], body["versions"], held, body["fresh_bytes"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"the backup's list cannot be read: {error}", where=str(found[-1])) from error


def _check_place(held: Held) -> None:
    """Raise ValueError for a file that would be put outside the lake, or read from outside the backup."""
    parts = PurePosixPath(held.path).parts
    if not parts or ".." in parts or PurePosixPath(held.path).is_absolute() or "\0" in held.path:
        raise ValueError(f"{held.path!r} is no place in a lake")
    if _DIGEST.fullmatch(held.sha256) is None:
        raise ValueError(f"{held.sha256!r} is no SHA-256 in hex")


def check(folder: Path, backup: Backup) -> list[str]:
    """Return what is wrong with a backup: files whose bytes are gone or are not those of their digest."""
    return [held.path for held in backup.files if not _is_whole(object_of(folder, held.sha256), held.sha256)]


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False
