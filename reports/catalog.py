"""The reports there are: the folder is the registry, the folder's name the report's.

A report is a folder with `report.py`, which has `REPORT`; beside it lie its context, its questions and its template.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
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
class Request:
    """What is asked of a report. A period's end does not belong to it; None leaves what to the report.

    `short_life` and `short_lives` are those of [debt]; `servers` and `principals` are patterns, none meaning all.
    """

    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    as_of: AsOf = None
    short_life: timedelta = timedelta(minutes=15)
    short_lives: tuple[tuple[str, timedelta], ...] = ()
    servers: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """One kind of report. `subject` is what it is about, as its help names it; None where it is about everything."""

    summary: str
    build: Callable[[Lake, Request], Page]
    subject: str | None = None
    subject_needed: bool = True
    more: str = ""
    example: str = ""


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
