"""What integrity costs an ingest, and how fast a lake is verified."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.lakes import fill, simulated
from bench.measure import Clock, apart, interleaved, timed
from bench.options import Options
from bench.table import Row, at_least, ratio_at_least

SUMMARY = "leaf hashes, commitments and the log: their share of an ingest; verification"
SHARE_LEFT = 0.75
"""At most a quarter of an ingest's speed may go into integrity."""
VERIFIED = 300_000


def run(options: Options) -> Iterator[Row]:
    """Yield an ingest with integrity beside the same without, and verification of what it made."""
    files = [str(file) for file in simulated(options.work / "integrity-native", options.events, ("native",))]
    sizes = {"small commits": options.events // 20, "usual commits": 120_000}
    for name, rows in sizes.items():
        call = partial(
            apart, "bench.lakes:ingest", files=files, lake=str(options.work / "lake"), flush_rows=rows
        )
        found = interleaved(options.rounds, {"with": call, "without": partial(call, integrity=False)})
        ours, bare = found["with"], found["without"]
        targets = (ratio_at_least(SHARE_LEFT),)
        yield Row(f"integrity, {name}, per CPU second", "/s", ours.per_cpu, bare.per_cpu, "without", targets)
        yield Row(
            f"integrity, {name}, per wall second", "/s", ours.per_wall, bare.per_wall, "without", targets
        )
    stored = [found[name].last["stored"] / found[name].events for name in ("with", "without")]
    yield Row("integrity, stored per event", "B", stored[0], stored[1], "without")
    fill([Path(file) for file in files], options.work / "verified")
    checked = interleaved(
        options.rounds,
        {"ours": partial(apart, "bench.cases.integrity:verified", lake=str(options.work / "verified"))},
    )["ours"]
    yield Row("verify, everything, per CPU second", "/s", checked.per_cpu, targets=(at_least(VERIFIED),))


def verified(lake: str) -> dict[str, Any]:
    """Verify a lake on one core."""
    from store.integrity.verify import Options as VerifyOptions
    from store.integrity.verify import verify
    from store.lake import Lake

    opened, clock = Lake.open(lake), Clock()
    with clock.running():
        report = verify(opened, VerifyOptions())
    if report.faults:
        raise RuntimeError(f"{len(report.faults)} faults, the first: {report.first}")
    return timed(clock, report.covered["events"])
