"""Compaction of many small files, proof included, beside the Delta library's own on the same files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from bench.lakes import fresh_lake, simulated
from bench.measure import Clock, apart, interleaved, peak_mib, timed
from bench.options import Options
from bench.table import Row, at_least

SUMMARY = "small files into large ones: sorted, proven and durable, against the Delta library's optimize"
GOAL = 150_000
FILES = 25
"""Commits the lake is made of."""


def run(options: Options) -> Iterator[Row]:
    """Yield rows a second of a compaction beside delta-rs, which neither sorts, proves nor syncs; and its memory."""
    files = [
        str(file) for file in simulated(options.work / "compaction", options.events, ("native",), days=1)
    ]
    made = options.work / "scattered"
    scatter(files, str(made), max(1, options.events // FILES))
    calls = {
        name: partial(apart, f"bench.cases.compaction:{name}", lake=str(made)) for name in ("ours", "theirs")
    }
    found = interleaved(options.rounds, calls)
    ours, peer = found["ours"], found["theirs"]
    yield Row("compaction, per CPU second", "/s", ours.per_cpu, peer.per_cpu, "delta-rs", (at_least(GOAL),))
    yield Row("compaction, per wall second", "/s", ours.per_wall, peer.per_wall, "delta-rs")
    yield Row("compaction, peak memory", "MiB", ours.last["peak_mib"], peer.last["peak_mib"], "delta-rs")


def scatter(files: list[str], folder: str, rows: int) -> None:
    """Make a lake of many small files."""
    from ingest.files import ingest_files
    from ingest.loop import IngestOptions, Pipeline

    lake, options = fresh_lake(Path(folder)), IngestOptions(flush_rows=rows)
    ingest_files(
        lake, Pipeline(lake, options), map(Path, files), options.max_record_bytes, lambda _: None, Event()
    )


def ours(lake: str) -> dict[str, Any]:
    """Compact a copy of a lake's events as the user does."""
    from store.keeping.compacting import compact
    from store.lake import Lake

    with_copy = Lake.open(_copy(lake))
    clock = Clock()
    with clock.running():
        done = compact(with_copy, ["events"])
    return timed(clock, sum(one.rows_before for one in done), peak_mib=peak_mib())


def theirs(lake: str) -> dict[str, Any]:
    """Compact a copy of a lake's events with delta-rs."""
    from deltalake import DeltaTable

    table = DeltaTable(str(_copy(lake) / "events"))
    rows = sum(table.get_add_actions(flatten=True)["num_records"].to_pylist())
    clock = Clock()
    with clock.running():
        table.optimize.compact()
    return timed(clock, rows, peak_mib=peak_mib())


def _copy(lake: str) -> Path:
    copy = Path(lake).with_name("copied")
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(lake, copy))
