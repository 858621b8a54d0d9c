"""One run of a job at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from store.errors import BusyError

if TYPE_CHECKING:
    from store.lake import Lake


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
