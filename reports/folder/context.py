"""What the index of a folder of reports shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.page import About, Page


@dataclass(frozen=True)
class Entry:
    """One report: of which schedule, when it was due, what it is, where it lies, and what lies beside it."""

    schedule: str
    due: str
    kind: str
    title: str
    version: int
    place: str
    page: str
    others: Sequence[str]


@dataclass(frozen=True)
class FolderPage:
    """The whole page."""

    about: About = field(metadata={"help": "what the page is, and the version of the events"})
    entries: Sequence[Entry] = field(metadata={"help": "the reports, the newest first"})


def folder_page(entries: Sequence[Entry], version: int) -> Page:
    """Return the index of some reports."""
    about = About("Reports", "Reports that were made on schedule", version, "tooltrail schedule status")
    return Page("index", "folder/page.html.j2", FolderPage(about, entries), {}, about)
