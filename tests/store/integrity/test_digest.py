"""The log by the hour: lines that never change, chained, to which the log can be held."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from lakes import record, take_in

from store.integrity import log as logs
from store.integrity.digest import Hour, hours
from store.integrity.log import Log
from store.integrity.verify import Options, verify
from store.lake import Lake

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)


class Clock(datetime):
    """The time that facts are entered at."""

    at = NOON

    @classmethod
    def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
        """Return what is set."""
        return cls.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Clock]]:
    """Return the clock of the log's facts."""
    Clock.at = NOON
    monkeypatch.setattr(logs, "datetime", Clock)
    return Clock


def facts(log: Log, clock: type[Clock], *minutes: int) -> None:
    """Enter facts so many minutes after noon of tomorrow."""
    for minute in minutes:
        clock.at = NOON + timedelta(minutes=minute)
        log.append("hold", {})


def test_an_hour_is_told_when_it_is_over_and_never_changes(lake: Lake, clock: type[Clock]) -> None:
    """The first is of what was done today; each root is the log's at that size; a late entry counts to a later hour."""
    take_in(lake, [record(n) for n in range(5)])
    log = lake.log
    assert log is not None
    before = log.head().checkpoint.size  # type: ignore[union-attr]
    facts(log, clock, 1, 59)
    told = list(hours(log))
    assert [(h.size, sum(x.events for x in told)) for h in told[-1:]] == [(before, 5)]
    facts(log, clock, 61, 58, 62, 185, 200)
    later = list(hours(log))
    assert later[: len(told)] == told
    names = [h.hour[11:13] for h in later[len(told) :]]
    assert (names, [h.entries for h in later[len(told) :]]) == (["12", "13"], [2, 3])
    for hour in later:
        assert hour.root == log.tiles.root(hour.size).hex()
    for first, second in pairwise(later):
        line = json.dumps(asdict(first), sort_keys=True, separators=(",", ":"))
        assert second.previous == sha256(line.encode()).hexdigest()


def kept(file: Path, told: list[Hour]) -> Path:
    """Write lines as they are printed."""
    file.write_text("".join(json.dumps(asdict(hour)) + "\n" for hour in told))
    return file


def test_the_log_is_held_to_lines_that_were_kept(
    lake: Lake, clock: type[Clock], empty_lake: Path, tmp_path: Path
) -> None:
    """They hold as the log goes on; a log that was made anew, a changed line, and no line at all are each named."""
    take_in(lake, [record(n) for n in range(5)])
    log = lake.log
    assert log is not None
    facts(log, clock, 1, 61)
    told = list(hours(log))
    file = kept(tmp_path / "digests.ndjson", told)
    facts(log, clock, 130)
    report = verify(lake, Options(digests=[file]))
    assert (report.faults, report.covered["digests"]) == ([], len(told))
    anew = Lake.open(shutil.copytree(empty_lake, tmp_path / "anew"))
    take_in(anew, [record(100 + n) for n in range(5)])
    facts(anew.log, clock, 1, 61)  # type: ignore[arg-type]
    found = verify(anew, Options(digests=[file])).faults
    assert [(f.check, f.what.endswith("root")) for f in found] == [("digest", True)] * len(told)
    file.write_text(file.read_text().replace('"events": 5', '"events": 4') + "junk\n")
    faults = [f.what for f in verify(lake, Options(digests=[file])).faults]
    assert len(faults) == 2
    assert faults[0].endswith("another in the log: events")
    assert "no line of" in faults[1]
