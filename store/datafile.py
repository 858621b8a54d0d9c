"""Parquet data files: how rows become bytes, and what the table's log is told about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from store.tables import Table

ROW_GROUP = 122_880
"""A multiple of DuckDB's vector size near the 120,000 rows at which its scans run best."""
BLOOM_FALSE_POSITIVES = 0.01


@dataclass(frozen=True)
class DataFile:
    """One encoded file: bytes, digest, the statistics the log may hold, and the index of its keys."""

    day: date
    content: bytes
    rows: int
    sha256: str
    statistics: str
    index: dict[str, bytes]


def encode(table: Table, rows: pa.Table) -> Iterator[DataFile]:
    """Cut rows by partition, sort each cut, and encode it."""
    import polars as pl  # reading a lake must not pay for what only writing needs

    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    order = [c for c in table.order if c in rows.column_names]
    frame = frame.sort([table.partition, *order])
    days = frame[table.partition]
    lengths = days.rle().struct.field("len").to_list()
    start = 0
    for length in lengths:
        part = frame.slice(start, length)
        yield _encode_day(table, days[start], part.drop(table.partition).to_arrow().cast(table.stored))
        start += length


def _encode_day(table: Table, day: date, rows: pa.Table) -> DataFile:
    content = _parquet(table, rows)
    return DataFile(
        day=day,
        content=content,
        rows=rows.num_rows,
        sha256=sha256(content).hexdigest(),
        statistics=_statistics(table, rows),
        index=key_index(table, rows),
    )


def _parquet(table: Table, rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    blooms = {
        name: {"ndv": max(1, min(rows.num_rows, ROW_GROUP)), "fpp": BLOOM_FALSE_POSITIVES}
        for name in table.blooms
    }
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        compression_level=1,
        row_group_size=ROW_GROUP,
        write_page_checksum=True,
        use_dictionary=_repetitive(rows),
        bloom_filter_options=blooms or None,
        store_schema=False,
    )
    return bytes(sink.getvalue())


def empty(table: Table) -> bytes:
    """Return a data file without rows: what the engine plans a query against, and reads from an empty table."""
    return _parquet(table, table.stored.empty_table())


def _repetitive(rows: pa.Table) -> list[str]:
    """Name the columns worth a dictionary: those that are not one fresh value a row."""
    fresh = {"event_id", "raw_sha256", "native_event_id", "args_hmac", "result_hmac", "event_time", "ingest_time",
             "source_offset", "span_id", "trace_id", "args_json", "args_leaves", "result_leaves", "args_addresses",
             "args_shingles", "result_shingles", "duration_ms", "leaf_hash", "raw"}  # fmt: skip
    return [name for name in rows.column_names if name not in fresh]


def _statistics(table: Table, rows: pa.Table) -> str:
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for name in table.statistics:
        bounds = pc.min_max(rows[name])
        nulls[name] = rows[name].null_count
        if bounds["min"].is_valid:
            least[name], greatest[name] = _json(bounds["min"].as_py()), _json(bounds["max"].as_py())
    return json.dumps(
        {"numRecords": rows.num_rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}
    )  # fmt: skip


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


# --- the key index: which files can hold a session, a credential, a trace ---------------------------------------


def key_hash(column: str, value: str) -> int:
    """Return the 32-bit hash under which a value stands in a key index."""
    return int.from_bytes(sha256(f"{column}\0{value}".encode()).digest()[:4], "little")


def key_index(table: Table, rows: pa.Table) -> dict[str, bytes]:
    """Return, per indexed column, the sorted distinct hashes of its values as a CRC-32 and little-endian uint32s."""
    found = {}
    for column in table.indexed:
        values = pc.unique(rows[column]).drop_null().to_pylist()
        hashes = np.unique(np.fromiter((key_hash(column, v) for v in values), dtype="<u4", count=len(values)))
        body = hashes.tobytes()
        found[column] = crc32(body).to_bytes(4, "little") + body
    return found


def read_key_index(content: bytes) -> NDArray[np.uint32]:
    """Return the hashes of a key index; ValueError when the bytes are damaged."""
    body = content[4:]
    if len(content) < 4 or crc32(body).to_bytes(4, "little") != content[:4]:
        raise ValueError("damaged key index")
    return np.frombuffer(body, dtype="<u4")
