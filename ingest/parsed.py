"""What an adapter makes of a batch of records: columns and rejects, nothing done yet about either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Reject:
    """A record an adapter could not read: its index in the batch and why, naming the field."""

    record: int
    reason: str


@dataclass
class Parsed:
    """Rows as columns.

    `columns` maps a canonical name (store.events) to one value per row: None where the source is silent,
    str, int, float, or list; or to an Arrow array of the column's type. Times may be RFC 3339 text or integer
    microseconds since 1970; a column of one kind is read fastest. A column that the format never fills is left out.
    Beside the canonical names there are:

    - `arguments`, `result`: the raw JSON text as bytes (str is taken as the text of a JSON document when it
      parses as one, and as a JSON string when not), or None;
    - `session_id`: the raw session id, stored only as its keyed hash;
    - `unmapped`: bytes of a JSON object of the fields the adapter did not know, or None;
    - `parse_warnings`: a list of words, or None.

    Rows of several formats carry their adapter's id in the column `source_format`.

    `record` gives the index of the record each row came from, in ascending order; None says row i is record i.
    `constants` are columns that hold the same value in every row.
    """

    columns: dict[str, Sequence[Any] | pa.Array]
    constants: Mapping[str, Any] = field(default_factory=dict)
    record: Sequence[int] | None = None
    rejects: list[Reject] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True)
class Adapter:
    """One gateway format: a pure function from records to rows, and how its records are recognised.

    `signature` holds the top-level JSON keys that every record of the format has; a value of None accepts any
    value, another must be equal. A text format has `recognises` instead: it sees the raw line. A product that sends
    OTLP has `read`, which makes one row of each record of ingest/otlp.py, and `otlp_names`: what the scope, event,
    span, service or attributes of its records are called begins with one of them. An envelope has `among`: given all
    adapters it returns the parse that hands records on to them.
    `fields`, where an adapter gives them, are all the top-level keys it knows, and its columns are named as they are:
    what `parse` reads without anything `unmapped` has no others.
    """

    id: str
    summary: str
    parse: Callable[[Sequence[bytes]], Parsed]
    signatures: tuple[Mapping[str, Any], ...] = ()
    recognises: Callable[[bytes], bool] | None = None
    fields: frozenset[str] | None = None
    otlp_names: tuple[str, ...] = ()
    read: Callable[[Sequence[Any]], Parsed] | None = None
    among: Callable[[Mapping[str, Adapter]], Callable[[Sequence[bytes]], Parsed]] | None = None


def together(parts: Sequence[tuple[Sequence[int], Parsed]]) -> Parsed:
    """Return one reading of records that were read apart: of each part its records' places in the batch."""
    if len(parts) == 1:
        return parts[0][1]
    rows = sorted(
        (places[record], row, part)
        for part, (places, parsed) in enumerate(parts)
        for row, record in enumerate(parsed.record if parsed.record is not None else range(parsed.rows))
    )
    filled = [{**{n: [v] * p.rows for n, v in p.constants.items()}, **p.columns} for _, p in parts]
    columns: dict[str, Sequence[Any]] = {
        name: [filled[part][name][row] if name in filled[part] else None for _, row, part in rows]
        for name in dict.fromkeys(name for columns in filled for name in columns)
    }
    rejects = [Reject(places[r.record], r.reason) for places, p in parts for r in p.rejects]
    rejects.sort(key=lambda reject: reject.record)
    return Parsed(columns, {}, [record for record, _, _ in rows], rejects, len(rows))
