"""A large lake for the questions: one simulated twentieth through the real pipeline, the rest copies of its rows.

Taking twenty million events in one by one would be most of an hour and say nothing about questions. A copy has
session keys, event ids, credentials, traces and record hashes of its own, is some minutes later, and gives each
row's user id to another user of the same fleet, so that a user has rows from every copy and copies of one row do not
lie side by side where compression would fold them. Copies are made a day at a time, put in order of time, and
appended in pieces of the size the pipeline flushes: files cover the hours they would in a lake filled day by day.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.lakes import simulated
from bench.measure import ROOT
from ingest.files import ingest_files
from ingest.loop import IngestOptions, Pipeline
from store.lake import Lake
from store.tables.events import EVENTS

COPIES = 20
DAYS = 30
APART_SECONDS = 131
EVENTS_PER_USER = 10_000
RENAMED = ("session_key", "credential_id", "trace_id", "span_id", "native_event_id")
FRESH_HEX = {"event_id": 16, "raw_sha256": 32}


def lake(cache: Path, events: int) -> tuple[Lake, str]:
    """Return a lake of about so many events, built once and kept in `cache`, and what to say about it."""
    root = cache / f"lake-{events}-{_version()}"
    if (root / "took").exists():
        found = Lake.open(root)
        return found, f"{_shape(found)}; built before in {(root / 'took').read_text()} s, kept in {root}"
    shutil.rmtree(root, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    found = Lake.create(root)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        base = _base(Path(work), max(500, events // COPIES), max(10, events // EVENTS_PER_USER))
        _replicate(base, found)
    (root / "took").write_text(f"{time.monotonic() - began:.0f}")
    return found, f"{_shape(found)}; built in {time.monotonic() - began:.0f} s, kept in {root}"


def _shape(found: Lake) -> str:
    snapshot = found.snapshot("events")
    size = sum(file.bytes for file in snapshot.files)
    return f"{snapshot.rows:,} events in {len(snapshot.files)} files, {size / 1e9:.2f} GB"


def _version() -> str:
    """Return a name for how the lake is made: other numbers, another file format or schema make another lake."""
    made = (COPIES, DAYS, APART_SECONDS, EVENTS_PER_USER, RENAMED, FRESH_HEX, str(EVENTS.schema))
    written = (ROOT / "store" / "datafile.py").read_bytes() + (
        ROOT / "store" / "tables" / "events.py"
    ).read_bytes()
    return sha256(repr(made).encode() + written).hexdigest()[:12]


def _base(work: Path, events: int, users: int) -> Lake:
    from threading import Event

    files = simulated(work / "logs", events, days=DAYS, users=users)
    base = Lake.create(work / "base")
    options = IngestOptions()
    pipeline = Pipeline(base, options)
    ingest_files(base, pipeline, files, options.max_record_bytes, lambda _: None, Event())
    return base


def _replicate(base: Lake, target: Lake) -> None:
    snapshot = base.snapshot("events")
    users = (
        base.sql("SELECT DISTINCT user_id FROM events WHERE user_id IS NOT NULL ORDER BY 1")
        .arrow()["user_id"]
        .combine_chunks()
    )
    for day in sorted({file.day for file in snapshot.files}):
        paths = [str(snapshot.root / file.path) for file in snapshot.files if file.day == day]
        rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])
        for piece in _in_flushes(_copies(rows, users)):
            target.append("events", _dated(piece, day))


def _copies(rows: pa.Table, users: pa.Array) -> pa.Table:
    return pa.concat_tables([_copy(rows, users, number) for number in range(COPIES)])


def _copy(rows: pa.Table, users: pa.Array, number: int) -> pa.Table:
    """Return the rows as another part of the fleet would have made them."""
    changed: dict[str, Callable[[pa.ChunkedArray], pa.Array]] = {
        "event_time": lambda c: pc.add(c, pa.scalar(number * APART_SECONDS * 1_000_000, pa.duration("us"))),
        "user_id": lambda c: _another_user(c, users, number),
        **dict.fromkeys(RENAMED, lambda c: _renamed(c, number)),
        **{name: _fresh(size) for name, size in FRESH_HEX.items()},
    }
    columns = [changed[name](rows[name]) if name in changed else rows[name] for name in rows.column_names]
    return pa.table(columns, schema=rows.schema)


def _another_user(column: pa.ChunkedArray, users: pa.Array, number: int) -> pa.Array:
    places = pc.index_in(column, users).combine_chunks()
    step = max(1, len(users) // COPIES)
    moved = (places.fill_null(0).to_numpy() + number * step) % len(users)
    return users.take(pa.array(moved, mask=places.is_null().to_numpy(zero_copy_only=False)))


def _renamed(column: pa.ChunkedArray, number: int) -> pa.Array:
    """Give each distinct value another of the same length for each copy, the same wherever it stands."""
    coded = column.combine_chunks().dictionary_encode()
    names = [
        None if value is None else sha256(f"{number}:{value}".encode()).hexdigest()[: len(value)]
        for value in coded.dictionary.to_pylist()
    ]
    return pa.array(names, pa.string()).take(coded.indices)


def _fresh(size: int) -> Callable[[pa.ChunkedArray], pa.Array]:
    def fresh(column: pa.ChunkedArray) -> pa.Array:
        text = secrets.token_bytes(size * len(column)).hex().encode()
        offsets = np.arange(len(column) + 1, dtype=np.int32) * (2 * size)
        return pa.StringArray.from_buffers(len(column), pa.py_buffer(offsets), pa.py_buffer(text))

    return fresh


def _in_flushes(rows: pa.Table) -> Iterator[pa.Table]:
    order = np.argsort(rows["event_time"].to_numpy(), kind="stable")
    size = IngestOptions().flush_rows
    for start in range(0, len(order), size):
        yield rows.take(pa.array(order[start : start + size]))


def _dated(rows: pa.Table, day: date) -> pa.Table:
    """Add the partition column: the day of the time, but for rows the pipeline had put elsewhere."""
    dates = rows["event_time"].cast(pa.date32())
    own = pa.scalar(day, pa.date32())
    late = pc.less(pc.abs(pc.days_between(dates, own)), 2)
    rows = rows.append_column(EVENTS.partition, pc.if_else(late, dates, own))
    return rows.select(EVENTS.schema.names).cast(EVENTS.schema)
