"""What of a report goes by mail: the page, a PDF, and of what people decide by, the tables, within a size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

KINDS = {
    ".html": ("text", "html"), ".pdf": ("application", "pdf"), ".csv": ("text", "csv"),
    ".json": ("application", "json"),
}  # fmt: skip
TABLES = 8 << 20
"""Bytes that the tables of one mail may have; with the page it stays below what mail servers take."""
DATA = 1 << 20
"""Bytes up to which all of a report as JSON goes along."""


def attached(page: str, files: Sequence[Path], tables: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Return which files of a report go by mail, and which do not for their size; the page comes first.

    `page` is the page's name; `tables` are the names of those that are to go along, the most needed first.
    """
    stem = page.removesuffix(".html")
    known = {file.name: file for file in files}
    goes = [file for name, file in known.items() if Path(name).suffix in (".html", ".pdf")]
    left, room = [], TABLES
    for file in _wanted(stem, known, tables):
        size = file.stat().st_size
        if size > (min(room, DATA) if file.suffix == ".json" else room):
            left.append(file)
        else:
            goes.append(file)
            room -= size
    return goes, left


def _wanted(stem: str, known: dict[str, Path], tables: Sequence[str]) -> Iterator[Path]:
    names = [f"{stem}.{table}.csv" for table in tables]
    names += [f"{stem}.json"] if tables else []
    yield from (known[name] for name in names if name in known)


def told(left: Sequence[Path]) -> str:
    """Return what a mail says of what was left out; nothing where all went along."""
    if not left:
        return ""
    names = ", ".join(f"{file.name} ({file.stat().st_size:,} bytes)" for file in left)
    return f"Too large to be attached: {names}. The command at the end of the report makes it again.\n"
