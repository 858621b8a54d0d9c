"""What reports ask the lake, each from one version of it, and the command that asks the same again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from reports.catalog import Request

if TYPE_CHECKING:
    from store.lake import Lake

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Source:
    """A lake at one version of its events. The newest is asked as the newest, so that jobs' latest results count."""

    lake: Lake
    version: int
    pinned: bool

    @classmethod
    def of(cls, lake: Lake, request: Request) -> Source:
        """Return the lake at the version that is asked for."""
        version = lake.snapshot("events", request.as_of).version
        return cls(lake, version, request.as_of is not None)

    def ask(self, question: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Return the answer to a question: SQL, or a file below reports/."""
        text = _read(question) if question.endswith(".sql") else question
        return self.lake.sql(text, dict(parameters or {}) or None, self.version if self.pinned else None).arrow()

    def rows(self, question: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the answer's rows."""
        found: list[dict[str, Any]] = self.ask(question, parameters).to_pylist()
        return found

    def last(self) -> datetime | None:
        """Return the time of the newest event, None where there is none."""
        found: datetime | None = self.ask("SELECT max(event_time) AS last FROM events")["last"][0].as_py()
        return found


def command(name: str, request: Request, version: int) -> str:
    """Return the command that makes a report again."""
    words = ["tooltrail", "report", name]
    words += [request.subject] if request.subject else []
    for option, moment in (("--since", request.since), ("--until", request.until)):
        words += [option, moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")] if moment else []
    return shlex.join([*words, "--as-of", str(version)])


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text("utf-8")
