"""Time stamps at the console: one on demand, and those that upkeep and the schedule ask for by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from console.exits import say
from console.options import Place
from store.errors import UsageError

if TYPE_CHECKING:
    from store.integrity.stamping import Authority, Stamped
    from store.lake import Lake
    from store.settings import IntegritySettings

_HINT = "tsa and tsa_ca in [integrity] of tooltrail.toml: docs/integrity.md"


def stamp(place: Place) -> None:
    """Have the log stamped now, and say what that proves."""
    from store.integrity import stamping

    authority = authority_of(place.settings().integrity)
    if authority is None:
        raise UsageError("no time stamp authority is set", hint=_HINT)
    lake = place.open()
    if lake.log is None:
        raise UsageError("this lake was made without a transparency log")
    lake.log.follow()
    _told(stamping.stamp(lake.log, authority))


def keep_stamped(lake: Lake, settings: IntegritySettings) -> None:
    """Have the log stamped if an authority is set and it is time; a failure is said and written down."""
    from store.integrity import stamping

    authority = authority_of(settings)
    if authority is None or lake.log is None:
        return
    done = stamping.stamp_due(lake.log, authority, timedelta(seconds=settings.stamp_every), datetime.now(UTC))
    if isinstance(done, stamping.Failure):
        say(f"not stamped, the next run tries again: {done.why}")
    elif done is not None:
        _told(done)


def _told(done: Stamped) -> None:
    say(f"stamped    {done.size:,} entries were there before {done.time:%Y-%m-%d %H:%M:%S} UTC")


def authority_of(settings: IntegritySettings) -> Authority | None:
    """Return who is to stamp the log, None when nobody is set; UsageError for half a setting."""
    from store.integrity.stamping import Authority

    if settings.tsa is None:
        return None
    if settings.tsa_ca is None:
        raise UsageError("a time stamp authority is set and no certificates to check it by", hint=_HINT)
    return Authority(settings.tsa, settings.tsa_ca)
