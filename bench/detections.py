"""The whole pack of detections over one simulated day: its rate on one core, and how each detection grows.

    python -m bench.detections [--sizes N N...] [--rounds 1] [--memory 4GB] [--cache DIR] [--json FILE]

Each size is a day of a fleet that grows with it (400 events a user), really ingested, with thirty days of hours like it
as history. It is measured in a process of its own on one core with one thread of DuckDB, which may hold `--memory`
before it spills to disk; all times are CPU seconds, the best of `--rounds` processes. The growth is promised for
`--sizes 1000000 2000000 4000000`, the rate for 5000000.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import machine
from bench.lakes import fill, simulated
from bench.measure import Clock, apart, peak_mib, timed
from bench.table import Row, at_least, ratio_at_most, render

RATE, GROWTH = 100_000, 2.3
EVENTS_PER_USER = 400
HISTORY = 30
LEAST_SECONDS = 0.05
"""A detection quicker than this on the smaller day is not judged by its ratio: the clock's own grain is in it."""

_HOURS = """
SELECT * REPLACE (hour - to_days({ago}) AS hour, first_time - to_days({ago}) AS first_time,
                  last_time - to_days({ago}) AS last_time, first_event || '-{ago}' AS first_event,
                  last_event || '-{ago}' AS last_event),
       0 AS revision, (hour - to_days({ago}))::DATE AS activity_date
FROM fresh_activity"""

_SUMMED = "SELECT *, 0 AS revision, (SELECT min(activity_date) FROM hours) AS activity_date FROM ({summed})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.detections", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=[125_000, 250_000],
        metavar="N",
        help="events of each day, each size about double the one before",
    )
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="how often each size is measured")
    parser.add_argument("--memory", default="4GB", help="DuckDB's memory_limit")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the lakes are kept between runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    chosen = parser.parse_args(arguments)
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="tooltrail-bench-") as work:
        found = [_measured(n, chosen, chosen.cache or Path(work)) for n in sorted(chosen.sizes)]
    rows = list(_rows(found))
    about["load at the end"] = machine.load()
    print("\n".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
    print(render(rows))
    if chosen.json is not None:
        chosen.json.write_text(
            json.dumps({"machine": about, "rows": [row.record() for row in rows]}, indent=2) + "\n"
        )
    return 0


def _measured(events: int, chosen: argparse.Namespace, cache: Path) -> dict[str, Any]:
    """Return the figures of one size; its lake is made when it is not there."""
    sys.stderr.write(f"{events:,} events\n")
    lake = cache / f"day-{events}"
    if not (lake / "made").exists():
        apart("bench.detections:make", lake=str(lake), events=events)
    return _best([
        apart("bench.detections:measure", lake=str(lake), memory=chosen.memory) for _ in range(chosen.rounds)
    ])  # fmt: skip


def _best(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the least time of each detection and of building what they see, and the most memory of any round."""
    build = min(one["build"] for one in rounds)
    each = {name: min(one["each"][name] for one in rounds) for name in rounds[0]["each"]}
    peak = max(one["peak"] for one in rounds)
    return {**rounds[0], "build": build, "each": each, "peak": peak, "cpu": build + sum(each.values())}


def make(lake: str, events: int) -> dict[str, Any]:
    """Ingest a simulated day, stitch it, and give it thirty days of hours like its own as history."""
    from analytics.detecting import catalog, history, job
    from analytics.stitching import job as stitching

    clock, place = Clock(), Path(lake)
    users = max(10, events // EVENTS_PER_USER)
    files = simulated(place.with_name(f"{place.name}-logs"), events, days=1, users=users)
    filled = fill(files, place)
    with clock.running():
        stitching.update(filled)
    window = _day(filled)
    connection = job.open_world(filled, catalog.load().values(), window, {"threads": 1})
    for ago in range(1, HISTORY + 1):
        hours = connection.sql(_HOURS.format(ago=ago)).to_arrow_table()
        connection.register("hours", hours)
        _keep(filled, "activity", hours)
        for name in history.SUMMARIES:
            summed = _SUMMED.format(summed=history.summed(name, "hours"))
            _keep(filled, name, connection.sql(summed).to_arrow_table())
    (place / "made").write_text(str(clock.cpu))
    return timed(clock, filled.snapshot("events").rows)


def _keep(lake: Any, name: str, rows: Any) -> None:
    from store.tables import TABLES

    schema = TABLES[name].schema
    lake.append(name, rows.select(schema.names).cast(schema))


def measure(lake: str, memory: str) -> dict[str, Any]:
    """Return CPU seconds of building the world, of each detection, of stitching, and in the kernel; and memory held.

    The kernel finds pages for what is held: on a virtual machine that may be a third of the time, and grow faster.
    """
    from analytics.detecting import catalog, job
    from analytics.detecting.evaluate import evaluate
    from store.lake import Lake

    opened, pack = Lake.open(Path(lake)), catalog.load()
    window = _day(opened)
    build, whole = Clock(), Clock()
    before = os.times().system
    each: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="tooltrail-spill-") as spill:
        settings: Mapping[str, str | int] = {"threads": 1, "memory_limit": memory, "temp_directory": spill}
        with build.running():
            connection = job.open_world(opened, pack.values(), window, settings)
        for name, detection in pack.items():
            one = Clock()
            with one.running():
                evaluate(connection, detection, window)
            each[name] = one.cpu
    kernel = os.times().system - before
    whole.cpu, whole.wall = build.cpu + sum(each.values()), build.wall
    stitched = float((Path(lake) / "made").read_text())
    events = opened.snapshot("events").rows
    return timed(
        whole, events, build=build.cpu, each=each, kernel=kernel, stitching=stitched, peak=peak_mib()
    )


def _day(lake: Any) -> tuple[datetime, datetime]:
    """Return the bounds of the busiest day of a lake."""
    file = max(lake.snapshot("events").files, key=lambda file: file.rows)
    start = datetime(file.day.year, file.day.month, file.day.day, tzinfo=UTC)
    return start, start + timedelta(days=1) - timedelta(microseconds=1)


def _rows(found: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    largest = found[-1]
    n = largest["events"]
    label = f"{n:,} events"
    yield Row(f"pack, {label}, per core", "/s", n / largest["cpu"], targets=(at_least(RATE),))
    yield Row("of it the world", "/s", n / largest["build"])
    yield Row("of it the detections", "/s", n / sum(largest["each"].values()))
    yield Row("stitching and anomaly before it", "/s", n / largest["stitching"])
    smallest = f"with {found[0]['events']:,}"
    yield Row("in the kernel, finding memory", "s", largest["kernel"], found[0]["kernel"], smallest)
    yield Row("most memory held", "MiB", largest["peak"], found[0]["peak"], smallest)
    for smaller, larger in pairwise(found):
        twice = f"with {smaller['events']:,}"
        for name in ("build", "stitching"):
            yield Row(name, "s", larger[name], smaller[name], twice, (ratio_at_most(GROWTH),))
        for name, seconds in larger["each"].items():
            before = smaller["each"][name]
            judged = (ratio_at_most(GROWTH),) if before >= LEAST_SECONDS else ()
            yield Row(name, "s", seconds, before, twice, judged)


if __name__ == "__main__":
    sys.exit(main())
