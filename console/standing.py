"""How a lake stands, in a line each: who vouches for its log, and what open reviews keep on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from console.terminal import visible

if TYPE_CHECKING:
    from store.keeping.pinning import Pin
    from store.keeping.status import LogStatus

_UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60))


def of_log(log: LogStatus | None, now: datetime) -> Iterator[str]:
    """Yield what vouches for the log, and how old that is; nothing is checked here, which is for `verify`."""
    if log is None:
        yield "log        none: this lake was made without one, and can prove nothing"
        return
    yield f"log        {log.entries:,} entries"
    if log.stamped is not None:
        when = _when(log.stamped.time, now)
        yield f"stamped    {log.stamped.size:,} of {log.entries:,} entries, {when}"
    if log.failed is not None:
        yield f"not stamped, {_when(log.failed.time, now)}: {visible(log.failed.why)}"
    for told in log.witnessed:
        when = _when(told.time, now)
        yield f"witnessed  {told.size:,} of {log.entries:,} entries by {visible(told.name)}, {when}"
    if log.stamped is None and not log.witnessed:
        yield "vouched    by nobody outside: who has the log's key could make the lake anew (docs/integrity.md)"


def of_pin(pin: Pin) -> str:
    """Return what a review keeps."""
    kept = f"{pin.files:,} replaced files, {pin.bytes:,} bytes" if pin.files else "no replaced file yet"
    return f"review     {visible(pin.review)} is open on events version {pin.version} and keeps {kept}"


def _when(time: datetime, now: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC, {_age((now - time).total_seconds())}"


def _age(seconds: float) -> str:
    for name, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name} ago"
    return "just now" if seconds >= -60 else "in the future: a clock is wrong"
