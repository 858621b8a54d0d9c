"""Exports: chosen events through a format into a file that is whole or not there."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import pyarrow as pa

from analytics.selection import Selection, chosen
from console.exits import say
from console.output import GROUP_ROWS
from store.durable import sync_folder
from store.errors import UsageError

if TYPE_CHECKING:
    from console.options import Place
    from store.lake import Lake

Batches = Iterator[pa.RecordBatch]
REDRAW_SECONDS = 0.25


@dataclass(frozen=True)
class Export:
    """What is asked for: which events of which version, and where they go ("-" is stdout)."""

    selection: Selection
    as_of: str | None
    target: str
    force: bool


def asked(
    where: str | None, query: str | None, since: str | None, until: str | None, as_of: str | None, target: str,
    force: bool,
) -> Export:  # fmt: skip
    """Read the options of an export; UsageError when they cannot go together."""
    if where is not None and query is not None:
        raise UsageError("give --where or --query, not both", hint="a SELECT may have its own WHERE")
    if query is not None:
        from store.sql import check_question

        check_question(query)
    return Export(
        Selection(where, query, moment(since, "--from"), moment(until, "--to")), as_of, target, force
    )


def moment(text: str | None, option: str) -> datetime | None:
    """Read a time of an option: a date or RFC 3339, UTC where it names no zone."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: not a time", hint="such as 2026-10-01 or 2026-10-01T12:00:00Z"
        ) from error
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def run(place: Place, export: Export, format_id: str) -> None:
    """Write an export and say what was written, from which version."""
    target = None if export.target == "-" else Path(export.target)
    if target is not None and target.exists() and not export.force:
        raise UsageError(
            "the file is there already", where=str(target), hint="choose another, or add --force"
        )
    if format_id == "parquet" and target is None and sys.stdout.isatty():
        raise UsageError("Parquet is not for terminals", hint="-o FILE")
    lake = place.open_to_ask()
    snapshot = lake.snapshot("events", export.as_of)
    say(f"exporting from events version {snapshot.version}")
    count = _Count(snapshot.rows)
    began = time.monotonic()
    whole = format_id in ("csv", "parquet")
    with _sink(target, export.force) as sink:
        batches = count.through(chosen(lake, export.selection, snapshot.version, whole=whole))
        WRITERS[format_id](lake, snapshot.version, batches, sink)
    count.end()
    seconds = max(time.monotonic() - began, 1e-9)
    where = "" if target is None else f" to {target}"
    say(f"{count.events:,} events{where} in {seconds:.1f} s ({count.events / seconds:,.0f}/s)")


class _Count:
    """Counts events on their way and shows it, on a terminal only."""

    def __init__(self, total: int) -> None:
        self.events = 0
        self._total = total
        self._shown = 0.0
        self._living = sys.stderr.isatty()

    def through(self, batches: Batches) -> Batches:
        for batch in batches:
            yield batch
            self.events += batch.num_rows
            if self._living and time.monotonic() - self._shown >= REDRAW_SECONDS:
                self._shown = time.monotonic()
                click.echo(f"\r\x1b[2K{self.events:,} of at most {self._total:,} events", nl=False, err=True)

    def end(self) -> None:
        if self._living and self._shown:
            click.echo("\r\x1b[2K", nl=False, err=True)


@contextmanager
def _sink(target: Path | None, force: bool) -> Iterator[BinaryIO]:
    """Open stdout, or a file that takes its name when it is whole and durable."""
    if target is None:
        yield sys.stdout.buffer
        return
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        _name(draft, target, force)
        sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, target: Path, force: bool) -> None:
    if force:
        draft.replace(target)
        return
    try:
        os.link(draft, target)
    except FileExistsError as error:
        raise UsageError("the file appeared meanwhile", where=str(target), hint="add --force") from error


# --- formats --------------------------------------------------------------------------------------------------------


def _lines(make: Callable[[pa.RecordBatch], Iterator[dict[str, Any]]]) -> Callable[..., None]:
    def write(_lake: Lake, _version: int, batches: Batches, sink: BinaryIO) -> None:
        from console.cells import ENCODER
        from console.terminal import visible_json

        sink.writelines(visible_json(ENCODER.encode_lines(make(batch))) for batch in batches)

    return write


def _ocsf(*arguments: Any) -> None:
    from reports.export import ocsf

    _lines(ocsf.records)(*arguments)


def _timesketch(*arguments: Any) -> None:
    from reports.export import timesketch

    _lines(timesketch.records)(*arguments)


def _csv(lake: Lake, _version: int, batches: Batches, sink: BinaryIO) -> None:
    from console import csvtext

    sink.write(csvtext.header(_schema(lake)))
    sink.writelines(csvtext.lines(batch) for batch in batches)


def _parquet(lake: Lake, version: int, batches: Batches, sink: BinaryIO) -> None:
    from pyarrow import parquet

    schema = _schema(lake)
    about = {b"tooltrail.table": b"events", b"tooltrail.version": str(version).encode()}
    with parquet.ParquetWriter(sink, schema.with_metadata(about), compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        for batch in batches:
            group.append(batch)
            if sum(b.num_rows for b in group) >= GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(group, schema).replace_schema_metadata(about))
                group = []
        if group:
            writer.write_table(pa.Table.from_batches(group, schema).replace_schema_metadata(about))


def _schema(lake: Lake) -> pa.Schema:
    return lake.sql("FROM events").schema


WRITERS: dict[str, Callable[..., None]] = {
    "ocsf": _ocsf, "timesketch": _timesketch, "csv": _csv, "parquet": _parquet,
}  # fmt: skip
