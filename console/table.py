"""Rows as a table that fits the terminal, or one value per line when too many columns would not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import click
import pyarrow as pa
from rich.cells import cell_len, set_cell_size

from console.cells import as_text, distinct, is_number, is_text
from console.terminal import visible

GAP = "  "
LEAST = 6
MOST_MEASURED = 1000
_WIDEST = 400

Row = list[str]


def terminal_width() -> int:
    """Return the width to lay out for: the terminal's, or COLUMNS, or 100."""
    return max(20, shutil.get_terminal_size((100, 24)).columns)


def table_lines(schema: pa.Schema, batches: Iterable[pa.RecordBatch], width: int) -> Iterator[str]:
    """Yield the lines of a table, laid out for its first rows, so that any number of rows can follow."""
    rows = (row for batch in batches for row in _rows(batch))
    sample = [row for row, _ in zip(rows, range(MOST_MEASURED), strict=False)]
    names = [visible(name) for name in distinct(schema.names)]
    right = [is_number(field.type) for field in schema]
    widths = _fit([_natural(i, name, sample) for i, name in enumerate(names)], right, width)
    lay = _Columns(names, widths, right) if widths else _Records(names, width)
    yield from lay.head()
    yield from lay.lines(chain(sample, rows))


class _Columns:
    """One row per line, under a line of names."""

    def __init__(self, names: list[str], widths: list[int], right: list[bool]) -> None:
        self._names, self._widths, self._right = names, widths, right

    def head(self) -> Iterator[str]:
        yield click.style(self._line(self._names), bold=True)
        yield click.style(GAP.join("─" * w for w in self._widths), dim=True)

    def lines(self, rows: Iterable[Row]) -> Iterator[str]:
        return (self._line(row) for row in rows)

    def _line(self, row: Row) -> str:
        cells = (fit(text, w, right=r) for text, w, r in zip(row, self._widths, self._right, strict=True))
        return GAP.join(cells).rstrip()


class _Records:
    """One value per line, values that are missing left out."""

    def __init__(self, names: list[str], width: int) -> None:
        self._names, self._width, self._number = names, width, 0
        self._label = min(max(map(cell_len, names), default=0), width // 2)

    def head(self) -> Iterator[str]:
        return iter(())

    def lines(self, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            self._number += 1
            title = f"── {self._number} "
            yield click.style(title + "─" * max(0, self._width - len(title)), dim=True)
            for name, text in zip(self._names, row, strict=True):
                if text:
                    label = click.style(fit(name, self._label), bold=True)
                    yield label + GAP + fit(text, self._width - self._label - len(GAP)).rstrip()


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return text in exactly `width` cells: padded, or cut with … ."""
    length = len(text) if text.isascii() else cell_len(text)
    if length <= width:
        return " " * (width - length) + text if right else text + " " * (width - length)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    columns = [_shown(as_text(column), hostile=is_text(column.type)) for column in batch.columns]
    return (list(row) for row in zip(*columns, strict=True))


def _shown(column: pa.Array, *, hostile: bool) -> list[str]:
    clean: Callable[[str], str] = visible if hostile else str
    return ["" if value is None else clean(value[: _WIDEST + 1]) for value in column.to_pylist()]


def _natural(index: int, name: str, rows: list[Row]) -> int:
    return max([cell_len(name), *(cell_len(row[index]) for row in rows)])


def _fit(natural: list[int], right: list[bool], width: int) -> list[int]:
    """Return column widths that fit, taking from the widest texts first; none when it cannot be done."""
    widths = list(natural)
    room = width - len(GAP) * (len(widths) - 1)
    while (excess := sum(widths) - room) > 0:
        wide = [i for i, w in enumerate(widths) if not right[i] and w > LEAST]
        if not wide:
            return []
        most = max(widths[i] for i in wide)
        widest = [i for i in wide if widths[i] == most]
        second = max((widths[i] for i in wide if widths[i] < most), default=LEAST)
        step = max(1, min(most - second, -(-excess // len(widest))))
        for i in widest:
            widths[i] = max(LEAST, most - step)
    return widths
