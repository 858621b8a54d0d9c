"""The simulator's own speed: it must not be what a large test waits for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.measure import Clock, apart, interleaved, timed
from bench.options import Options
from bench.table import Row, at_least

SUMMARY = "simulated events a second on one core"
RATE = 100_000


def run(options: Options) -> Iterator[Row]:
    """Yield the rate over all formats together, and of the native format alone."""
    makes = {
        name: partial(
            apart, "bench.cases.simulate:make", out=str(options.work / "made"), events=options.events,
            formats=formats,
        )
        for name, formats in (("all formats", []), ("native", ["native"]))
    }  # fmt: skip
    for name, samples in interleaved(options.rounds, makes).items():
        targets = (at_least(RATE),) if name == "all formats" else ()
        yield Row(f"simulate, {name}, per CPU second", "/s", samples.per_cpu, targets=targets)
        yield Row(f"simulate, {name}, per wall second", "/s", samples.per_wall, targets=targets)


def make(out: str, events: int, formats: list[str]) -> dict[str, Any]:
    """Simulate into a folder that is removed again."""
    from ingest.simulator import SimulationOptions, simulate

    clock = Clock()
    with clock.running():
        summary = simulate(Path(out), SimulationOptions(events=events, formats=tuple(formats)))
    shutil.rmtree(out)
    return timed(clock, summary.events)
