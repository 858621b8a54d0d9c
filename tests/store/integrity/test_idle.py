"""Silence that somebody watched is said to be that; silence nobody watched is said to be not covered."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from lakes import rows_of

from store.integrity import idle
from store.integrity.checks.completeness import check_completeness
from store.integrity.checks.report import Report
from store.integrity.verify import Options, verify
from store.lake import Lake


def test_a_pause_is_attested_once_it_is_long_enough(lake: Lake) -> None:
    """The entry tells since when, what was watched, and where the tables stood; soon after none is needed."""
    assert lake.log is not None
    lake.append("events", rows_of({}))
    now = datetime.now(UTC)
    early = now - timedelta(days=1)
    assert idle.attest(lake.log, "files", early, now) is None
    index = idle.attest(lake.log, "files", early, now + idle.EVERY)
    assert index is not None
    [(_, before), (_, body)] = lake.log.entries(index - 1)
    assert (body["type"], body["watching"], body["heads"]["events"]) == ("idle", "files", 1)
    assert body["since"] == before["time"]
    assert idle.attest(lake.log, "files", early, now + timedelta(minutes=1)) is None
    assert verify(lake, Options()).faults == []


def test_nobody_vouches_for_what_was_before_they_watched(lake: Lake) -> None:
    """A process that starts after a night of silence says nothing of the night."""
    assert lake.log is not None
    started = datetime.now(UTC) + timedelta(hours=8)
    index = idle.attest(lake.log, "files", started, started + timedelta(minutes=1))
    assert index is not None
    [(_, body)] = lake.log.entries(index)
    assert datetime.fromisoformat(body["since"]) == started.replace(
        microsecond=started.microsecond // 1000 * 1000
    )


def test_hours_without_a_word_are_not_covered() -> None:
    """They are no fault: a lake may be switched off. Attested ones are not counted."""
    told = [(0, "append", None), (0.5, "idle", 0), (4, "append", None), (6, "idle", 4), (9, "idle", 8)]
    report = Report()
    check_completeness([(n, body(*each)) for n, each in enumerate(told)], report)
    assert report.faults == []
    assert ["5.5 hours in 2 pauses" in text for text in report.uncovered] == [True]


def body(hours: float, kind: str, since: float | None) -> dict[str, object]:
    """Return an entry some hours after a moment."""
    start = datetime(2026, 10, 1, tzinfo=UTC)
    found: dict[str, object] = {"type": kind, "time": (start + timedelta(hours=hours)).isoformat()}
    return found if since is None else found | {"since": (start + timedelta(hours=since)).isoformat()}


def test_a_process_that_takes_in_attests_while_it_waits(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a thread of its own, and what goes wrong there stops nothing and is said."""
    monkeypatch.setattr(idle, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(idle, "EVERY", timedelta(0))
    monkeypatch.setattr(idle.attest, "__defaults__", (timedelta(0),))
    said: list[str] = []
    assert lake.log is not None
    with idle.attended(lake.log, "files", said.append):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not any(b["type"] == "idle" for _, b in lake.log.entries()):
            time.sleep(0.02)
        assert any(body["type"] == "idle" for _, body in lake.log.entries())
        (lake.path / "log" / "checkpoint").write_text("nonsense")
        while time.monotonic() < deadline and not said:
            time.sleep(0.02)
    assert "could not be told" in said[0]
    with idle.attended(None, "files", said.append):
        pass
