"""Dead letters as rows and as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.options import Place, ingest_options
from console.output import MadeRows, Output, Rows, rows_of
from console.terminal import visible
from store.errors import UsageError

if TYPE_CHECKING:
    from store.lake import AsOf, Lake

_LIST = """
SELECT left(dead_id, 12) AS id, ingest_time, phase, source_format AS format, place, raw_bytes AS bytes, error,
       dead_id
FROM dead_letters WHERE phase = coalesce($phase, phase) ORDER BY ingest_time DESC, place
"""
_ONE = "FROM dead_letters WHERE starts_with(dead_id, $id) ORDER BY dead_id LIMIT 2"


def listed(lake: Lake, phase: str | None, as_of: AsOf) -> Rows:
    """Return the dead letters, the newest first."""
    return lake.sql(_LIST, {"phase": phase}, as_of)


def one(lake: Lake, dead_id: str, as_of: AsOf) -> MadeRows:
    """Return the letter whose id begins so; UsageError when there is none or more than one."""
    found = lake.sql(_ONE, {"id": dead_id.lower()}, as_of).arrow()
    if found.num_rows != 1:
        problem = "no dead letter has an id that begins" if found.num_rows == 0 else "more than one id begins"
        raise UsageError(f"{problem} with {dead_id!r}", hint="`tooltrail deadletters list` shows the ids")
    return MadeRows(found)


def print_letter(letter: MadeRows, output: Output) -> None:
    """Print a letter: for a person every field and the record as text, otherwise a row."""
    if output.chosen != "table":
        output.write(letter)
        return
    row: dict[str, Any] = letter.table.to_pylist()[0]
    raw = bytes(row.pop("raw"))
    for name, value in row.items():
        if value is not None:
            click.echo(f"{click.style(f'{name:18}', bold=True)}{visible(str(value))}")
    from ingest.deadletters import MAX_RAW

    kept = f" (its first {MAX_RAW:,} bytes)" if row["raw_bytes"] > MAX_RAW else ""
    click.echo("\n" + click.style(f"record{kept}", bold=True))
    click.echo(visible(raw.decode("utf-8", "backslashreplace"), keep="\n"))


def replayed(place: Place, dead_ids: Sequence[str], adapters: Sequence[Path] = ()) -> Rows:
    """Read dead letters again, with adapters of these folders too, and return one row that says what became of them."""
    from ingest.replay import replay

    options = ingest_options(place.settings())
    options = replace(options, adapters=(*options.adapters, *adapters))
    counts = replay(place.open(), options, tuple(dead_ids) or None)
    row = asdict(counts)
    return rows_of([row], list(row))
