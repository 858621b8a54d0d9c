"""One run of a job at a time, and files that one process at a time adds to."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import BusyError

if TYPE_CHECKING:
    from store.lake import Lake

PATIENCE = 120.0
"""Seconds one waits for a file that others hold for moments: who holds it longer was stopped, or hangs."""
_PAUSE = 0.01


@contextmanager
def alone(
    lake: Lake, job: str, hint: str = "wait for it, or read what is there with --no-update"
) -> Iterator[None]:
    """Hold a job's lock; the system lets go of it when the process ends, however it ends.

    Raises BusyError when another process holds it.
    """
    with (lake.path / f"{job}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"another run of the {job} job is at work on this lake", where=str(lake.path), hint=hint
            ) from error
        yield


@contextmanager
def in_turn(file: Path) -> Iterator[None]:
    """Hold a lock file after whoever holds it; the system lets go of it when the process ends, however it ends.

    Raises BusyError, which names the process that holds it, after PATIENCE seconds: one that was stopped never ends.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _taken(handle):
            if time.monotonic() > deadline:
                raise _held(file, os.pread(handle, 20, 0).decode("ascii", "replace").strip())
            time.sleep(_PAUSE)
        os.pwrite(handle, b"%-19d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(file: Path, holder: str) -> BusyError:
    return BusyError(
        f"process {holder or 'unknown'} has held it for {PATIENCE:.0f} s", where=str(file),
        hint="if it was stopped, let it go on (kill -CONT) or end it, then try again: nothing is lost",
    )  # fmt: skip
