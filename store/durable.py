"""Writes that survive a power cut: temp file, fsync, rename, fsync of the folder, in that order.

A failed fsync means the kernel may already have thrown our pages away, so it is never retried: DurabilityError
tells the process to stop (see "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from store.errors import DurabilityError, UnreachableError


def write_file(path: Path, content: bytes) -> None:
    """Make `content` durable at `path`; after it returns, a power cut leaves the whole file."""
    make_folders(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            _fsync(file.fileno(), temporary)
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _unwritable(error, path) from error
    sync_folder(path.parent)


def make_folders(path: Path) -> None:
    """Make a folder and its parents, each durable before the next is used."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    if not any(path.iterdir()):
        with contextlib.suppress(PermissionError):  # what lies where we may not look was not made by us
            sync_folder(path.parent)  # who made it may have died before it was durable
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unwritable(error, folder) from error
        sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Make the bytes of an existing file durable."""
    with _opened(path, os.O_RDONLY) as handle:
        _fsync(handle, path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    with _opened(path, os.O_RDONLY | os.O_DIRECTORY) as handle:
        _fsync(handle, path)


def check_volume(folder: Path) -> None:
    """Prove that the volume keeps the promises the lake is built on; UnreachableError says which it breaks.

    A commit is a hard link that must fail when the name is taken; data must take an fsync; a rename must replace.
    """
    probe = folder / f".volume-check-{secrets.token_hex(4)}"
    first, second, commit = (probe.with_suffix(suffix) for suffix in (".a", ".b", ".commit"))
    try:
        write_file(first, b"a")
        write_file(second, b"b")
        os.link(first, commit)
        if _link_again(second, commit) or commit.read_bytes() != b"a":
            raise UnreachableError(
                "this volume lets two writers make the same commit", where=str(folder),
                hint="use a local disk: ext4, xfs, btrfs or zfs",
            )  # fmt: skip
        second.rename(first)
        if first.read_bytes() != b"b":
            raise UnreachableError("rename does not replace on this volume", where=str(folder))
    except OSError as error:
        raise _unwritable(error, folder) from error
    finally:
        for path in (first, second, commit):
            path.unlink(missing_ok=True)


def _link_again(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags)
    try:
        yield handle
    finally:
        os.close(handle)


def _fsync(handle: int, path: Path) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        raise DurabilityError(
            f"fsync failed: {error.strerror}",
            where=str(path),
            hint="check the disk, then start again: nothing is lost",
        ) from error


def _unwritable(error: OSError, path: Path) -> UnreachableError:
    return UnreachableError(
        f"cannot be written: {error.strerror}", where=str(path),
        hint="free space or make the folder writable; what was not acknowledged is read again",
    )  # fmt: skip
