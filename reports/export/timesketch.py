"""Events as Timesketch's JSONL, which it imports as a timeline beside plaso's.

Each time a record has is a row of its own, told apart by `timestamp_desc`. Values are flat: a list of texts stays one,
anything deeper is JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from reports.export.ocsf import message, with_times_as_text

TIMES = {"event_time": "Event Occurred", "recorded_time": "Event Recorded"}
"""Columns that make a row, and what its time is called."""

OMITTED = frozenset({"event_date", *TIMES})


def records(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Yield a row for each time of each event of a batch with the columns of `events`."""
    told = [name for name in batch.schema.names if name not in OMITTED]
    deep = {n for n in told if pa.types.is_nested(batch.schema.field(n).type)}
    for row in with_times_as_text(batch).to_pylist():
        facts = {n: _flat(row[n]) if n in deep else row[n] for n in told if row[n] is not None}
        for column, described in TIMES.items():
            if row[column] is not None and (column == "event_time" or row[column] != row["event_time"]):
                yield {**_head(row, column, described), **facts}


def _head(row: Mapping[str, Any], column: str, described: str) -> dict[str, Any]:
    return {
        "message": message(row),
        "datetime": row[column],
        "timestamp": row[f"{column}_us"],
        "timestamp_desc": described,
        "data_type": f"tooltrail:mcp:{row['event_kind']}",
    }


def _flat(value: Any) -> Any:
    if isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return value
