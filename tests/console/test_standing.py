"""What `lake status` says of the log and of open reviews."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.standing import of_log, of_pin
from store.integrity.stamping import Failure, Stamped
from store.integrity.witness import Told
from store.keeping.pinning import Pin
from store.keeping.status import LogStatus

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_who_vouches_and_since_when() -> None:
    """Each line says over how many entries, when, and how old that is; an authority's words are made harmless."""
    log = LogStatus(430, Stamped(412, NOW - timedelta(hours=3)), Failure(NOW - timedelta(minutes=9), "no\x1b[31m"),
                    [Told("witness.example", 400, NOW - timedelta(days=4))])  # fmt: skip
    assert list(of_log(log, NOW)) == [
        "log        430 entries",
        "stamped    412 of 430 entries, 2026-11-25 09:00:00 UTC, 3 hours ago",
        "not stamped, 2026-11-25 11:51:00 UTC, 9 minutes ago: no␛[31m",
        "witnessed  400 of 430 entries by witness.example, 2026-11-21 12:00:00 UTC, 4 days ago",
    ]


def test_who_does_not_vouch() -> None:
    """A log that nobody outside vouches for is said to be so, as is a lake without one, and a clock that is wrong."""
    assert [line.split()[0] for line in of_log(LogStatus(3, None, None, []), NOW)] == ["log", "vouched"]
    assert list(of_log(None, NOW)) == [
        "log        none: this lake was made without one, and can prove nothing"
    ]
    ahead = LogStatus(3, Stamped(3, NOW + timedelta(hours=1)), None, [])
    assert "a clock is wrong" in list(of_log(ahead, NOW))[1]


def test_what_reviews_keep() -> None:
    """Each open review is named with the version it is frozen on, its files and bytes."""
    assert of_pin(Pin("q3", 7, 2, 4096)) == (
        "review     q3 is open on events version 7 and keeps 2 replaced files, 4,096 bytes"
    )
    assert of_pin(Pin("q4", 9, 0, 0)).endswith("keeps no replaced file yet")
