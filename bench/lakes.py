"""Simulated logs and fresh lakes, and one full ingest of a file as `tooltrail ingest` does it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

from bench.measure import Clock, peak_mib, timed
from ingest.files import ingest_files
from ingest.loop import IngestOptions, Pipeline
from ingest.simulator import SimulationOptions, simulate
from store.lake import Lake


def simulated(out: Path, events: int, formats: tuple[str, ...] = (), **options: Any) -> list[Path]:
    """Return simulated log files, made on first use."""
    if not out.exists():
        simulate(out, SimulationOptions(events=events, formats=formats, per_file=10**9, **options))
    return sorted(out.glob("*/part-*"))


def fresh_lake(folder: Path, *, integrity: bool = True) -> Lake:
    """Make an empty lake, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    return Lake.create(folder, integrity=integrity)


def fill(files: list[Path], folder: Path) -> Lake:
    """Return a fresh lake with files taken in, every default on."""
    lake, options = fresh_lake(folder), IngestOptions()
    ingest_files(lake, Pipeline(lake, options), files, options.max_record_bytes, lambda _: None, Event())
    return lake


def ingest(
    files: list[str],
    lake: str,
    adapters: Sequence[str] = (),
    flush_rows: int = IngestOptions.flush_rows,
    *,
    integrity: bool = True,
) -> dict[str, Any]:
    """Take files into a fresh lake with every default on: what the user waits for, the last commit included."""
    target = fresh_lake(Path(lake), integrity=integrity)
    options = IngestOptions(adapters=tuple(map(Path, adapters)), flush_rows=flush_rows)
    clock = Clock()
    with clock.running():
        pipeline = Pipeline(target, options)
        report = ingest_files(
            target, pipeline, map(Path, files), options.max_record_bytes, lambda _: None, Event()
        )
    if report.failed or pipeline.counts.dead:
        raise RuntimeError(f"not everything went in: {pipeline.counts}, {report.failed}")
    stored = sum(file.bytes for file in target.snapshot("events").files)
    shutil.rmtree(lake)
    return timed(
        clock, pipeline.counts.records, peak_mib=peak_mib(), stored=stored, rows=pipeline.counts.rows
    )
