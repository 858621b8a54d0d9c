"""Run the detection benchmark: python -m bench.detect --data DIR [--cache DIR] [--quick] [--held-out]."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.detect import report
from bench.detect.ablations import ABLATIONS
from bench.detect.baselines import BASELINES
from bench.detect.held_out import held_out
from bench.detect.mixed import mixed
from bench.detect.protocol import Trial, splices, trials
from bench.detect.recorded import SETS, Recorded, load, present
from bench.detect.runs import Result, run

ABSENT = """\
there are no recorded runs at {}: the detection benchmark needs them and has measured nothing.
Give their folder: make bench-detect DATA=DIR, with DIR/agentdojo/events.*.ndjson.zst, sessions.* and labels.* in it,
and the same for {}."""


def main() -> int:
    """Judge every suite, progress on stderr and tables on stdout."""
    arguments = _parser().parse_args()
    found = present(arguments.data)
    if not found:
        sys.stderr.write(ABSENT.format(arguments.data, ", ".join(SETS[1:])) + "\n")
        return 3
    began = time.monotonic()
    about = machine.describe()
    sets = {name: load(arguments.data, name, arguments.cache) for name in found}
    results: list[tuple[str, Result]] = []
    planned = _planned(sets)
    for name, trial, mode in planned:
        result = run(trial, mode, BASELINES if _compared(name, mode, arguments.quick) else {}, ABLATIONS)
        sys.stderr.write(
            f"{name} {trial.suite}, mode {mode}: {'judged' if result else 'nothing to compare with'}\n"
        )
        results += [(name, result)] if result else []
    print(f"date: {datetime.now(UTC):%Y-%m-%d %H:%M UTC}")
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    print(f"took: {time.monotonic() - began:.0f} s\n")
    print("\n\n".join(_tables(results, arguments.quick)))
    print(
        "\n" + mixed([(name, trial) for name, trial, mode in planned if mode == "B" and name != "takeover"])
    )
    if arguments.held_out:
        print("\n" + held_out([(name, trial, mode) for name, trial, mode in planned if mode != "A"]))
    return 0


def _compared(name: str, mode: str, quick: bool) -> bool:
    """Say whether the baselines run too."""
    return not quick and (name, mode) in report.COMPARED


def _planned(sets: dict[str, Recorded]) -> list[tuple[str, Trial, str]]:
    """Return every trial with the mode it is run in."""
    planned: list[tuple[str, Trial, str]] = [
        (name, trial, mode)
        for name in ("agentdojo", "agentdyn") if name in sets
        for trial in trials(sets[name]) for mode in "AB"
    ]  # fmt: skip
    hosts = [sets[name] for name in ("agentdojo", "agentdyn", "tau") if name in sets]
    for trial in splices(sets["splices"], hosts) if "splices" in sets and hosts else []:
        other_user = trial.sessions["other_user"].any()
        planned += (
            [("other user", trial, "T")] if other_user else [("takeover", trial, mode) for mode in "AB"]
        )
    return planned


def _tables(results: list[tuple[str, Result]], quick: bool) -> list[str]:
    injected = [(name, result) for name, result in results if name in ("agentdojo", "agentdyn")]
    tables = [report.main_table(results), report.goals(results)]
    if not quick:
        tables.append(
            report.baselines(
                [(name, result) for name, result in results if _compared(name, result.mode, quick)]
            )
        )
    return [*tables, report.ablations(results if quick else injected)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.detect", description="how well taken-over sessions are told from honest ones"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of recorded runs")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", default=Path(tempfile.gettempdir()) / "tooltrail-detect-cache",
        help="where the lake's columns are kept between runs",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="without the baselines")
    parser.add_argument("--held-out", action="store_true", help="also choose weights on all suites but one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
