"""What reports ask the lake, each from one version of it, and the command that asks the same again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from reports.catalog import Request
from store.sql import commit_time
from store.tables import TABLES

if TYPE_CHECKING:
    from store.lake import Lake

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Source:
    """A lake at one version of its events. The newest is asked as the newest, so that jobs' latest results count."""

    lake: Lake
    version: int
    request: Request

    @classmethod
    def of(cls, lake: Lake, request: Request) -> Source:
        """Return the lake at the version that is asked for."""
        return cls(lake, lake.snapshot("events", request.as_of).version, request)

    def ask(self, question: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Return the answer to a question: SQL, or a file below reports/."""
        text = _read(question) if question.endswith(".sql") else question
        return self.lake.sql(text, dict(parameters or {}) or None, self.request.as_of).arrow()

    def rows(self, question: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the answer's rows."""
        found: list[dict[str, Any]] = self.ask(question, parameters).to_pylist()
        return found

    def last(self) -> datetime | None:
        """Return the time of the newest event, None where there is none."""
        found: datetime | None = self.ask("SELECT max(event_time) AS last FROM events")["last"][0].as_py()
        return found

    def command(self, name: str, request: Request) -> str:
        """Return the command that makes a report again, whatever the lake has learned since."""
        words = ["tooltrail", "report", name]
        words += [request.subject] if request.subject else []
        for option, moment in (("--since", request.since), ("--until", request.until)):
            words += [option, _stamp(moment)] if moment else []
        for option, patterns in (("--server", request.servers), ("--principal", request.principals)):
            words += [word for pattern in patterns for word in (option, pattern)]
        return shlex.join([*words, "--as-of", self._as_of()])

    def _as_of(self) -> str:
        """Return what was asked for, else the second in which the newest commit was whole that a report may rest on."""
        asked = self.request.as_of
        if asked is not None:
            return asked.isoformat() if isinstance(asked, datetime) else str(asked)
        return _stamp(self.moment())

    def moment(self) -> datetime:
        """Return the time up to which the answer knows: that of the version, or of the newest commit it may rest on."""
        asked = self.request.as_of
        if isinstance(asked, str) and not asked.isdecimal():
            asked = datetime.fromisoformat(asked)
        if isinstance(asked, datetime):
            return asked if asked.tzinfo is not None else asked.replace(tzinfo=UTC)
        if asked is not None:
            return commit_time(self.lake.snapshot("events", asked))
        newest = max(commit_time(self.lake.snapshot(name)) for name in TABLES if name not in _BESIDE)
        return newest.replace(microsecond=0) + timedelta(seconds=1)


_BESIDE = frozenset({"deliveries", "report_runs", "access_log"})
"""Tables no report rests on, some of which grow by every report that is sent."""


def _stamp(moment: datetime) -> str:
    local = moment.astimezone(UTC)
    return local.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if local.microsecond else "%Y-%m-%dT%H:%M:%SZ")


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text("utf-8")
