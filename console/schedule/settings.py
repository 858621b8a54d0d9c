"""[schedule.NAME] of tooltrail.toml: which report is made when, of what, and where it goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from console import sections
from console.webhook import Token, wrong_url
from reports.catalog import names

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_MISSED = 1000


@dataclass(frozen=True)
class Schedule(Token):
    """One report on a schedule. `cron` has five fields and is read in `timezone`.

    `subject` is what the report is about, where it is about one thing; `days` how many days before it is due it looks
    at (0: what the report does by itself). It goes to each of `folder`, `to` (e-mail by [mail]) and `webhook`.
    """

    name: str
    report: str = ""
    cron: str = ""
    timezone: str = "UTC"
    subject: str = ""
    days: int = 0
    servers: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    pdf: bool = False
    folder: str = ""
    to: tuple[str, ...] = ()
    webhook: str = ""
    token_env: str = ""
    token_file: str = ""

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"schedule.{self.name}"

    @property
    def targets(self) -> list[str]:
        """Where it goes."""
        return [
            kind
            for kind, told in (("folder", self.folder), ("mail", self.to), ("webhook", self.webhook))
            if told
        ]

    def due(self, now: datetime) -> datetime:
        """Return the last time, at or before `now`, that the expression names; in UTC."""
        local = now.astimezone(ZoneInfo(self.timezone)) + timedelta(minutes=1)
        fires = CronSim(self.cron, local.replace(second=0, microsecond=0), reverse=True)
        return next(moment for fire in fires if (moment := fire.astimezone(UTC)) <= now)

    def next(self, now: datetime) -> datetime:
        """Return the next time after `now`; in UTC."""
        return next(CronSim(self.cron, now.astimezone(ZoneInfo(self.timezone)))).astimezone(UTC)

    def missed(self, since: datetime, due: datetime) -> int:
        """Return how many times lie between two, both excluded; a thousand at most."""
        count, moment = 0, self.next(since)
        while moment < due and count < _MOST_MISSED:
            count, moment = count + 1, self.next(moment)
        return count


def read(file: Path | None) -> list[Schedule]:
    """Return the schedules of a configuration file; UsageError with file and line names what is wrong."""
    return sections.read(file, "schedule", Schedule, wrong)


def wrong(schedule: Schedule) -> str | None:
    """Return what is wrong with a schedule, the key first."""
    if not _NAME.fullmatch(schedule.name):
        return "a schedule's name is of letters, digits, - and _"
    if schedule.report not in names():
        return f"report is one of {', '.join(names())}"
    if (reason := _wrong_time(schedule)) is not None:
        return reason
    if schedule.days < 0:
        return "days is 0 or more"
    if not schedule.targets:
        return "a schedule has a folder, recipients in `to`, or a webhook"
    fault = wrong_url(schedule.webhook) if schedule.webhook else None
    return None if fault is None else fault.replace("url", "webhook", 1)


def _wrong_time(schedule: Schedule) -> str | None:
    try:
        ZoneInfo(schedule.timezone)
    except (KeyError, ValueError, OSError):
        return f"timezone {schedule.timezone!r} is not known; such as Europe/Paris"
    try:
        if len(schedule.cron.split()) != 5:
            return "cron has five fields: minute, hour, day, month, weekday; such as 0 7 * * 1"
        next(CronSim(schedule.cron, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        return f"cron {schedule.cron!r} names no time: {error}"
    return None
