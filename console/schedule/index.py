"""The index page of a folder of reports: what lies there, read from the folder itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from reports.folder.context import Entry, folder_page
from store.durable import write_file
from store.lake import Lake

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d{4}")


def write_index(root: Path, lake: Lake) -> None:
    """Write the index anew; a reader sees the old one or the new one."""
    entries = sorted(_entries(root), key=lambda entry: (entry.due, entry.schedule), reverse=True)
    page = folder_page(entries, lake.snapshot("events").version)
    write_file(root / "index.html", page.html().encode())


def _entries(root: Path) -> Iterator[Entry]:
    """Yield the reports of a folder: each a page beside the JSON that says what it is."""
    for place in root.glob("*/*"):
        if not place.is_dir() or not _TIME.fullmatch(place.name):
            continue
        for told in sorted(place.glob("*.json")):
            page = told.with_suffix(".html")
            if not page.is_file():
                continue
            try:
                about = json.loads(told.read_bytes())
            except ValueError:  # somebody else's file
                continue
            others = sorted(f.name for f in place.iterdir() if f.is_file() and f != page)
            yield Entry(
                place.parent.name, place.name, about["report"], about["title"], about["events_version"],
                f"{place.parent.name}/{place.name}", page.name, others,
            )  # fmt: skip
