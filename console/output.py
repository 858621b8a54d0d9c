"""Rows to stdout or a file, as a table, JSON, NDJSON, CSV or Parquet, one batch at a time."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import click

from console.exits import say
from store.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("table", "json", "ndjson", "csv", "parquet")
GROUP_ROWS = 122_880


class Rows(Protocol):
    """What can be printed: the lake's Answer, or rows made by `rows_of`."""

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        ...

    def batches(self) -> Iterable[pa.RecordBatch]:
        """Return the rows, batch by batch."""
        ...


@dataclass(frozen=True)
class MadeRows:
    """Rows that are already in memory."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self.table.schema

    def batches(self) -> Iterable[pa.RecordBatch]:
        """Return the rows, batch by batch."""
        return list(self.table.to_batches())


def rows_of(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> MadeRows:
    """Return records as printable rows with the columns `names`."""
    import pyarrow as pa

    return MadeRows(pa.table({name: [record.get(name) for record in records] for name in names}))


@dataclass(frozen=True)
class Output:
    """How the user wants rows: `format` None means a table on a terminal and NDJSON in a pipe."""

    format: str | None = None
    to: Path | None = None
    limit: int | None = None

    @property
    def on_terminal(self) -> bool:
        """Tell whether the rows go to a terminal."""
        return self.to is None and sys.stdout.isatty()

    @property
    def chosen(self) -> str:
        """Return the format in force."""
        if self.format is not None:
            return self.format
        suffix = self.to.suffix.removeprefix(".").lower() if self.to is not None else ""
        if suffix in FORMATS:
            return suffix
        return "table" if self.on_terminal else "ndjson"

    def write(self, rows: Rows) -> int:
        """Write all rows (at most `limit`) and return how many there were.

        Raises UsageError for Parquet on a terminal.
        """
        if self.chosen == "parquet" and self.on_terminal:
            raise UsageError(
                "Parquet is not for terminals", hint="add --to FILE, or send the output to a file"
            )
        counter = _Counter(self.limit)
        write: _Writer = _WRITERS[self.chosen]
        with self._sink() as sink:
            write(rows.schema, counter.through(rows.batches()), sink, self.on_terminal)
        self._talk(counter)
        return counter.rows

    def _talk(self, counter: _Counter) -> None:
        if counter.cut:
            say(f"(first {counter.rows:,} rows; there are more)")
        elif self.chosen == "table":
            say(f"({counter.rows:,} row{'' if counter.rows == 1 else 's'})")

    @contextmanager
    def _sink(self) -> Iterator[BinaryIO]:
        if self.to is None:
            yield sys.stdout.buffer
            return
        draft = self.to.with_name(f".{self.to.name}.{secrets.token_hex(4)}")
        try:
            with draft.open("xb") as sink:
                yield sink
            os.replace(draft, self.to)  # noqa: PTH105 - atomic on every platform
        finally:
            draft.unlink(missing_ok=True)


class _Counter:
    """Counts rows on their way and stops at a limit, noticing whether something was left."""

    def __init__(self, limit: int | None) -> None:
        self.rows = 0
        self.cut = False
        self._limit = limit

    def through(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            room = batch.num_rows if self._limit is None else self._limit - self.rows
            if batch.num_rows > room:
                self.cut = True
                self.rows += room
                if room:
                    yield batch.slice(0, room)
                return
            self.rows += batch.num_rows
            yield batch


_Batches = Iterator["pa.RecordBatch"]


def _write_table(schema: pa.Schema, batches: _Batches, sink: BinaryIO, terminal: bool) -> None:
    from console.table import table_lines, terminal_width

    lines = table_lines(schema, batches, terminal_width())
    sink.writelines(((line if terminal else click.unstyle(line)) + "\n").encode() for line in lines)


def _write_json(_schema: pa.Schema, batches: _Batches, sink: BinaryIO, _terminal: bool) -> None:
    from console.cells import ENCODER, json_rows
    from console.terminal import visible_json

    opening = b"[\n"
    for batch in batches:
        for row in json_rows(batch):
            sink.write(opening + visible_json(ENCODER.encode(row)))
            opening = b",\n"
    sink.write(b"[]\n" if opening == b"[\n" else b"\n]\n")


def _write_ndjson(_schema: pa.Schema, batches: _Batches, sink: BinaryIO, _terminal: bool) -> None:
    from console.cells import ENCODER, json_rows
    from console.terminal import visible_json

    sink.writelines(visible_json(ENCODER.encode_lines(json_rows(batch))) for batch in batches)


def _write_csv(schema: pa.Schema, batches: _Batches, sink: BinaryIO, terminal: bool) -> None:
    from console import csvtext

    sink.write(csvtext.header(schema))
    sink.writelines(csvtext.lines(batch, terminal=terminal) for batch in batches)


def _write_parquet(schema: pa.Schema, batches: _Batches, sink: BinaryIO, _terminal: bool) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from console.cells import distinct

    names = distinct(schema.names)
    named = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    with parquet.ParquetWriter(sink, named, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        for batch in batches:
            group.append(batch)
            if sum(b.num_rows for b in group) >= GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(group).rename_columns(names))
                group = []
        if group:
            writer.write_table(pa.Table.from_batches(group).rename_columns(names))


_Writer = Callable[[Any, _Batches, BinaryIO, bool], None]
_WRITERS: dict[str, _Writer] = {
    "table": _write_table,
    "json": _write_json,
    "ndjson": _write_ndjson,
    "csv": _write_csv,
    "parquet": _write_parquet,
}
