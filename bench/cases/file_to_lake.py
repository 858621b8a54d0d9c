"""A file into the lake, everything on, beside the least that could be done with the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bench.lakes import simulated
from bench.measure import Clock, apart, interleaved, timed
from bench.options import Options
from bench.table import Row, at_least, at_most, ratio_at_least, ratio_at_most
from store.events import BY_NAME, TIME

SUMMARY = "log files into the lake on one core, against a bare parse, sort and Parquet write"
FORMATS = ("toolhive", "obot", "agentgateway", "claude_code")
FLOOR = "bare parse"
RATE = 45_000
RATIO = 0.5
MEMORY_MIB = 1024
GROWTH = 1.25
KEYS_SAMPLED = 5000


def run(options: Options) -> Iterator[Row]:
    """Yield the native format against the floor, the other formats, and peak memory."""
    yield from _native(options)
    for name in FORMATS:
        yield _other(options, name)
    yield from _memory(options)


def _native(options: Options) -> Iterator[Row]:
    files = _files(options, "native")
    lake = str(options.work / "lake")
    found = interleaved(options.rounds, {
        "ours": partial(apart, "bench.lakes:ingest", files=files, lake=lake),
        "floor": partial(apart, "bench.cases.file_to_lake:floor", file=files[0], out=str(options.work / "floor")),
    })  # fmt: skip
    ours, floor = found["ours"], found["floor"]
    targets = (at_least(RATE), ratio_at_least(RATIO))
    yield Row("file, native, per CPU second", "/s", ours.per_cpu, floor.per_cpu, FLOOR, targets)
    yield Row("file, native, per wall second", "/s", ours.per_wall, floor.per_wall, FLOOR, targets)
    stored = ours.last["stored"] / ours.events
    yield Row(
        "file, native, stored per event", "B", stored, Path(files[0]).stat().st_size / ours.events, "log"
    )


def _other(options: Options, name: str) -> Row:
    files = _files(options, name)
    lake = str(options.work / "lake")
    found = interleaved(
        options.rounds, {"ours": partial(apart, "bench.lakes:ingest", files=files, lake=lake)}
    )
    return Row(f"file, {name}, per CPU second", "/s", found["ours"].per_cpu)


def _memory(options: Options) -> Iterator[Row]:
    peaks = []
    for times in (1, 4):
        files = _files(options, "native", times)
        result = apart("bench.lakes:ingest", files=files, lake=str(options.work / "lake"))
        peaks.append(float(result["peak_mib"]))
    less, more = peaks
    yield Row("file, peak memory, N events", "MiB", less, targets=(at_most(MEMORY_MIB),))
    targets = (at_most(MEMORY_MIB), ratio_at_most(GROWTH))
    yield Row("file, peak memory, 4N events", "MiB", more, less, "with N", targets)


def _files(options: Options, name: str, times: int = 1) -> list[str]:
    out = options.work / f"{name}-{times}"
    return [str(file) for file in simulated(out, options.events * times, (name,))]


def floor(file: str, out: str) -> dict[str, Any]:
    """Parse a native log with a known schema, sort it, and write zstd Parquet: no checks, ids or durability."""
    import polars as pl

    schema = _schema(Path(file))
    clock = Clock()
    with clock.running():
        frame = pl.read_ndjson(file, schema=schema)
        frame = frame.sort(["user_id", "session_id", "event_time"])
        frame.write_parquet(out, compression="zstd", compression_level=1)
    return timed(clock, frame.height)


def _schema(file: Path) -> dict[str, Any]:
    """Return the fields that occur; content and times as text, because Polars parses times seven times slower."""
    import polars as pl

    with file.open("rb") as lines:
        keys = dict.fromkeys(key for line in islice(lines, KEYS_SAMPLED) for key in json.loads(line))
    schema: dict[str, Any] = {}
    for key in keys:
        known = BY_NAME.get(key)
        if known is None or known.type == TIME:
            schema[key] = pl.String
        else:
            schema[key] = pl.Schema(_polars(key))[key]
    return schema


def _polars(key: str) -> Any:
    import polars as pl
    import pyarrow as pa

    empty = pl.from_arrow(pa.schema([pa.field(key, BY_NAME[key].type)]).empty_table())
    assert isinstance(empty, pl.DataFrame)
    return empty.schema
