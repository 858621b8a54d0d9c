"""Hours in which nothing came: a process that watches says so in the log, so that silence is not a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from store.errors import TooltrailError
from store.integrity.entries import stamp
from store.integrity.log import Log

EVERY = timedelta(minutes=30)
"""How long the log may be silent while a process watches; half of the hour that verification lets pass."""
_LOOK_SECONDS = 60.0


def attest(log: Log, watching: str, started: datetime, now: datetime, every: timedelta = EVERY) -> int | None:
    """Append that nothing came, if the log has been silent that long; returns the entry's index.

    `watching` says which source is watched and `started` since when: what was before that nobody vouches for. The
    tables' versions are in the entry, as in any.
    """
    head = log.head()
    if head is None:
        return None
    last = datetime.fromisoformat(next(log.entries(head.checkpoint.size - 1))[1]["time"])
    if now - last < every:
        return None
    return log.append("idle", {"watching": watching, "since": stamp(max(last, started))})


@contextmanager
def attended(log: Log | None, watching: str, say: Callable[[str], None]) -> Iterator[None]:
    """Look to the log's silences while the block runs, from a thread of its own."""
    if log is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(
        target=_watch, args=(log, watching, over, say), name="tooltrail-idle", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(log: Log, watching: str, over: threading.Event, say: Callable[[str], None]) -> None:
    started = datetime.now(UTC)
    while not over.wait(_LOOK_SECONDS):
        try:
            attest(log, watching, started, datetime.now(UTC))
        except TooltrailError as error:
            say(f"the log could not be told that nothing came: {error}")
