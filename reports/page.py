"""What all pages share: what stands in their head and foot, tiles, tables, and a page with what lies beside it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from reports.render import render

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import DataclassInstance

MOST = 200
"""Rows of a table that a page shows; all of them are in the CSV beside it."""
_KINDS = (
    "text",
    "long",
    "number",
    "percent",
    "time",
    "tag",
    "id",
    "ids",
    "list",
    "said",
    "tags",
    "bool",
    "day",
)


@dataclass(frozen=True)
class About:
    """What a page is, of which version of the events, and the command that makes it again."""

    kind: str
    title: str
    version: int
    command: str
    builder: str = field(
        default_factory=lambda: f"{version('tooltrail')} on Python {platform.python_version()}"
    )


@dataclass(frozen=True)
class Tile:
    """A number to be seen first, with its noun, the change since the period before, and the query behind it."""

    value: str
    words: str
    kind: str = "asked"
    change: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table on a page: its name in the rows, its heading, and how its values are written."""

    name: str
    title: str
    kind: str = "text"

    @property
    def css(self) -> str:
        """The class of its cells."""
        return {
            "percent": "number",
            "tag": "keep",
            "list": "names",
            "day": "time",
            "id": "text",
            "ids": "text",
            "said": "long",
        }.get(self.kind, self.kind)


@dataclass(frozen=True)
class Listing:
    """A table: as much of it as the page shows, and how long it is."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    total: int
    file: str
    nothing: str = "none."
    query: str | None = None


@dataclass(frozen=True)
class Figure:
    """A drawing, the words above it, and what its colours mean; a table on the page says the same."""

    title: str
    svg: Markup
    key: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Page:
    """A report: the template with its context, and the tables that lie beside it, each whole."""

    stem: str
    template: str
    context: DataclassInstance
    tables: Mapping[str, pa.Table]
    about: About
    summary: Sequence[str] = ()

    def html(self) -> str:
        """Return the page: equal lakes and equal questions give equal bytes."""
        return render(self.template, self.context)


def listing(
    name: str,
    caption: str,
    rows: Sequence[Mapping[str, Any]],
    columns: str | Sequence[str],
    *,
    stem: str,
    nothing: str = "none.",
    query: str | None = None,
    kept: str | None = None,
    total: int | None = None,
) -> Listing:
    """Return a table. `columns` are `name`, `name:kind` or `name:kind:heading`, in a list or with commas between.

    `kept` is the table beside the page that has all its rows, if that has another name; `total` is how many.
    """
    told = list(_columns(columns))
    cells = [[row[column.name] for column in told] for row in rows[:MOST]]
    whole = len(rows) if total is None else total
    return Listing(name, caption, told, cells, whole, f"{stem}.{kept or name}.csv", nothing, query)


def _columns(given: str | Sequence[str]) -> Iterator[Column]:
    for part in given.split(",") if isinstance(given, str) else given:
        name, _, rest = part.strip().partition(":")
        kind, _, title = rest.partition(":")
        if (kind or "text") not in _KINDS:
            raise ValueError(f"no kind of column: {kind}")
        yield Column(name, title or name.replace("_", " "), kind or "text")
