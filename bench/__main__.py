"""Run the benchmarks: python -m bench [NAME...] [--events N] [--quick] [--json FILE]."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

from bench import machine
from bench.options import Options
from bench.table import Row, render

CASES = Path(__file__).with_name("cases")


def cases() -> dict[str, ModuleType]:
    """Return every benchmark by name: the files of bench/cases, each with SUMMARY and run(options)."""
    names = sorted(file.stem for file in CASES.glob("[a-z]*.py"))
    return {name: import_module(f"bench.cases.{name}") for name in names}


def main() -> int:
    """Run what was asked for, show progress on stderr and the table on stdout."""
    found = cases()
    arguments = _parser(found).parse_args()
    unknown = [name for name in arguments.names if name not in found]
    if unknown:
        sys.stderr.write(f"there is no benchmark {unknown[0]!r}; there are {', '.join(found)}\n")
        return 2
    about = machine.describe()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tooltrail-bench-") as work:
        options = _options(arguments, Path(work))
        rows = list(_run({name: found[name] for name in arguments.names or found}, options))
    about["load at the end"] = machine.load()
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    print("\n".join([f"date: {date}", *(f"{name}: {value}" for name, value in about.items())]))
    print(f"took: {time.monotonic() - began:.0f} s\n")
    print(render(rows))
    if arguments.json is not None:
        document = {"date": date, "machine": about, "rows": [row.record() for row in rows]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if any(row.note.startswith("failed") for row in rows) else 0


def _parser(found: dict[str, ModuleType]) -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:14}{module.SUMMARY}" for name, module in found.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"benchmarks (all of them without a name):\n{listed}",
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--events", type=int, metavar="N", help="events to ingest: 200000, quick 20000")
    parser.add_argument(
        "--query-events", type=int, metavar="N", help="events in the lake asked: 20000000, quick 1000000"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each competitor: 3, quick 1")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs, not how fast")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the lake asked is kept between runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    return parser


def _options(arguments: argparse.Namespace, work: Path) -> Options:
    quick = arguments.quick
    return Options(
        events=arguments.events or (20_000 if quick else 200_000),
        query_events=arguments.query_events or (1_000_000 if quick else 20_000_000),
        rounds=arguments.rounds or (1 if quick else 3),
        quick=quick,
        work=work,
        cache=arguments.cache or Path(tempfile.gettempdir()) / "tooltrail-bench-cache",
    )


def _run(chosen: dict[str, ModuleType], options: Options) -> Iterator[Row]:
    for name, module in chosen.items():
        sys.stderr.write(f"{name}: {module.SUMMARY}\n")
        try:
            for row in module.run(options):
                sys.stderr.write("  " + "  ".join(cell for cell in row.cells() if cell) + "\n")
                yield row
        except Exception as error:  # noqa: BLE001 - the others' figures are worth an hour: they are still printed
            traceback.print_exc()
            yield Row(name, "", note=f"failed: {type(error).__name__}")


if __name__ == "__main__":
    sys.exit(main())
