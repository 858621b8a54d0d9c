"""Parquet data files: how rows become bytes, and what the table's log is told about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b, sha256
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from store.integrity.hashing import SIZE, sha256_each
from store.sorting import Places, numbers, runs, sorted_places, whole
from store.tables.table import Table

ROW_GROUP = 20_480
"""Ten of DuckDB's vectors. Rows lie by user: a question about one decodes one group of a file and not all of it."""
SET_APART_FROM = 10_000
"""Rows from which a file has row groups of its own for what is asked most; below, their footers would cost more."""
BATCH = 4_096
"""Values the writer takes at once, after which it looks whether a page is full: a tenth faster than its own 1,024."""
BLOOM_FALSE_POSITIVES = 0.01
FRESH = frozenset({
    "event_id", "raw_sha256", "native_event_id", "args_hmac", "result_hmac", "event_time", "ingest_time",
    "source_offset", "span_id", "trace_id", "args_json", "args_leaves", "result_leaves", "args_addresses",
    "args_shingles", "result_shingles", "duration_ms", "leaf_hash", "raw", "unmapped", "person_salt", "content_salt",
    "texts_salt", "person_commitment", "content_commitment", "texts_commitment",
})  # fmt: skip
"""Columns of one fresh value a row, for which a dictionary would be waste."""


@dataclass(frozen=True)
class DataFile:
    """One encoded file: bytes, digest, the statistics the log may hold, and the index of its keys."""

    day: date
    content: bytes
    rows: int
    sha256: str
    statistics: str
    index: dict[str, bytes]


def encode(table: Table, rows: pa.Table, key: bytes = b"") -> Iterator[DataFile]:
    """Cut rows by partition, sort each cut, and encode it. Text columns may come coded, as dictionaries.

    `key` is that of the index of personal columns.
    """
    keys = [table.partition, *(c for c in table.order if c in rows.column_names)]
    places = sorted_places([rows[name] for name in keys])
    days = rows[table.partition]
    cuts = runs(numbers(days)[places])
    if len(cuts) > 1:
        rows = rows.unify_dictionaries().combine_chunks()  # else each cut would join the pieces anew
    for start, end in cuts:
        chosen = _set_apart_first(table, rows, places[start:end])
        part = _stored(table, rows, pa.array(chosen))
        yield _encode_day(table, days[int(chosen[0])].as_py(), part, key)


def _set_apart_first(table: Table, rows: pa.Table, places: Places) -> Places:
    """Return the places of a file's rows with those set apart first, in the order they have."""
    if table.apart is None or len(places) < SET_APART_FROM:
        return places
    apart = _is_apart(whole(rows[table.apart[0]]), table.apart[1])[places]
    return np.concatenate([places[apart], places[~apart]])


def _is_apart(column: pa.Array, value: str) -> NDArray[np.bool_]:
    chosen: pa.Array
    if pa.types.is_dictionary(column.type):
        code = pc.index(column.dictionary, value).as_py()
        chosen = pc.equal(column.indices, code)
    else:
        chosen = pc.equal(column, value)
    found: NDArray[np.bool_] = pc.fill_null(chosen, fill_value=False).to_numpy(zero_copy_only=False)
    return found


def _stored(table: Table, rows: pa.Table, here: pa.Array) -> pa.Table:
    """Return chosen rows as they are stored; a coded column stays coded, which Parquet's own dictionaries are made of.

    One column at a time: what it is copied through is memory used before, which costs a fraction of fresh memory.
    """
    fields, arrays = [], []
    for field in table.stored:
        column = whole(rows[field.name]).take(here)
        coded = pa.types.is_dictionary(column.type) and column.type.value_type == field.type
        arrays.append(column if coded else column.cast(field.type))
        fields.append(field.with_type(arrays[-1].type))
    return pa.table(arrays, schema=pa.schema(fields))


def _encode_day(table: Table, day: date, rows: pa.Table, key: bytes) -> DataFile:
    content = _parquet(table, rows)
    return DataFile(
        day=day,
        content=content,
        rows=rows.num_rows,
        sha256=sha256(content).hexdigest(),
        statistics=_statistics(table, rows),
        index=key_index(table, rows, key),
    )


def _parquet(table: Table, rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    blooms = {
        name: {"ndv": max(1, min(rows.num_rows, ROW_GROUP)), "fpp": BLOOM_FALSE_POSITIVES}
        for name in table.blooms
    }
    packed = [name for name in table.packed if name in rows.column_names]
    with pq.ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        compression_level=1,
        write_page_checksum=True,
        write_batch_size=BATCH,
        use_dictionary=_repetitive(rows),
        column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED") or None,
        bloom_filter_options=blooms or None,
        store_schema=False,
    ) as writer:
        for group in _row_groups(table, rows):
            writer.write_table(group)
    return bytes(sink.getvalue())


def _row_groups(table: Table, rows: pa.Table) -> Iterator[pa.Table]:
    for part in _apart(table, rows):
        for start in range(0, max(1, part.num_rows), ROW_GROUP):
            group = part.slice(start, ROW_GROUP)
            yield pa.table([_own_words(column) for column in group.columns], schema=group.schema)


def _own_words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a coded column with the words of these rows alone: the writer puts all it is given in each row group."""
    if not pa.types.is_dictionary(column.type):
        return column
    coded = column.combine_chunks()
    used = pc.unique(coded.indices).drop_null()
    return pa.DictionaryArray.from_arrays(pc.index_in(coded.indices, used), coded.dictionary.take(used))


def _apart(table: Table, rows: pa.Table) -> list[pa.Table]:
    """Part the rows set apart, which lie first, from the others: a reader skips row groups by their Bloom filters."""
    if table.apart is None or rows.num_rows < SET_APART_FROM:
        return [rows]
    apart = int(_is_apart(whole(rows[table.apart[0]]), table.apart[1]).sum())
    return [part for part in (rows.slice(0, apart), rows.slice(apart)) if part.num_rows]


def empty(table: Table) -> bytes:
    """Return a data file without rows: what the engine plans a query against, and reads from an empty table."""
    return _parquet(table, table.stored.empty_table())


def _repetitive(rows: pa.Table) -> list[str]:
    """Name the columns worth a dictionary."""
    return [name for name in rows.column_names if name not in FRESH]


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


def key_hash(column: str, value: str, key: bytes = b"") -> int:
    """Return the 32-bit hash under which a value stands in a key index; keyed for personal columns."""
    text = f"{column}\0{value}".encode()
    digest = blake2b(text, digest_size=4, key=key).digest() if key else sha256(text).digest()[:4]
    return int.from_bytes(digest, "little")


def key_index(table: Table, rows: pa.Table, key: bytes = b"") -> dict[str, bytes]:
    """Return, per indexed column, the sorted distinct hashes of its values as a checksum and little-endian uint32s.

    Personal columns have an index only under a key: whoever has the index alone cannot try out names on it.
    """
    found = {}
    for column in table.indexed:
        secret = key if column in table.keyed else b""
        if column in table.keyed and not key:
            continue
        body = np.unique(
            _key_hashes(column, pc.unique(rows[column]).drop_null().cast(pa.string()), secret)
        ).tobytes()
        found[column] = _checksum(body, secret) + body
    return found


def _key_hashes(column: str, values: pa.Array, key: bytes) -> NDArray[np.uint32]:
    """Return the hash of each value, as `key_hash` does of one."""
    if key:
        hashes = (key_hash(column, value, key) for value in values.to_pylist())
        return np.fromiter(hashes, dtype="<u4", count=len(values))
    before, nothing = (pa.scalar(text, pa.string()) for text in (f"{column}\0", ""))
    digests = sha256_each(pc.binary_join_element_wise(before, values, nothing).cast(pa.binary()))
    return np.frombuffer(digests, dtype="<u4")[:: SIZE // 4]


def read_key_index(content: bytes, key: bytes = b"") -> NDArray[np.uint32]:
    """Return the hashes of a key index; ValueError when the bytes are damaged or were written under another key."""
    body = content[4:]
    if len(content) < 4 or _checksum(body, key) != content[:4]:
        raise ValueError("damaged key index, or another key's")
    return np.frombuffer(body, dtype="<u4")


def _checksum(body: bytes, key: bytes) -> bytes:
    """Return the CRC-32; a keyed index has a keyed digest in its place, for a wrong key must not read as 'not here'."""
    return blake2b(body, digest_size=4, key=key).digest() if key else crc32(body).to_bytes(4, "little")
