"""The reports there are: the folder is the registry, the folder's name the report's.

A report is a folder with `report.py`, which has `REPORT`; beside it lie its context, its questions and its template.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import UsageError

if TYPE_CHECKING:
    from reports.page import Page
    from store.lake import AsOf, Lake

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Means:
    """What [debt], [review] and [query] of the settings say that reports go by."""

    short_life: timedelta = timedelta(minutes=15)
    short_lives: tuple[tuple[str, timedelta], ...] = ()
    period_days: int = 90
    least_days: int = 30
    window_hours: int = 8
    most_windows: int = 12
    enforce_hours: float = 24.0
    bounds: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What is asked of a report. A period's end does not belong to it; None leaves what to the report.

    `servers` and `principals` are patterns, none meaning all.
    """

    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    as_of: AsOf = None
    servers: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    means: Means = field(default_factory=Means)


@dataclass(frozen=True)
class Report:
    """One kind of report. `subject` is what it is about, as its help names it; None where it is about everything.

    `mailed` are the tables by which people decide: they go along where the page goes by mail.
    """

    summary: str
    build: Callable[[Lake, Request], Page]
    subject: str | None = None
    subject_needed: bool = True
    more: str = ""
    example: str = ""
    mailed: tuple[str, ...] = ()


def names() -> list[str]:
    """Return the names of all reports, without importing one."""
    return sorted(file.parent.name for file in FOLDER.glob("*/report.py"))


def load(name: str) -> Report:
    """Return a report; UsageError suggests the nearest name."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"reports: {', '.join(known)}"
        raise UsageError(f"there is no report {name!r}", hint=hint)
    report: Report = importlib.import_module(f"reports.{name}.report").REPORT
    return report
