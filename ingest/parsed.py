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
    microseconds since 1970; one column uses one of the two. A column that the format never fills is left out.
    Beside the canonical names there are:

    - `arguments`, `result`: the raw JSON text as bytes (str is taken as the text of a JSON document when it
      parses as one, and as a JSON string when not), or None;
    - `session_id`: the raw session id, stored only as its keyed hash;
    - `unmapped`: bytes of a JSON object of the fields the adapter did not know, or None;
    - `parse_warnings`: a list of words, or None.

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
    value, another must be equal. A text format has `recognises` instead: it sees the raw line. `fields`, where an
    adapter gives them, are all the top-level keys it knows: what `parse` reads without anything `unmapped` has no
    others. Its columns are named as those keys are.
    """

    id: str
    summary: str
    parse: Callable[[Sequence[bytes]], Parsed]
    signatures: tuple[Mapping[str, Any], ...] = ()
    recognises: Callable[[bytes], bool] | None = None
    fields: frozenset[str] | None = None
