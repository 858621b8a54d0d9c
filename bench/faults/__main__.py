"""Inject the faults: python -m bench.faults [NUMBER ...] [--full] [--seed N] [--write FILE]."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.faults.catalog import elsewhere, injected
from bench.faults.fault import Fault, Trial
from bench.faults.stores import STORES

HEAD = """\
# Faults survived

What was done to a store, and what became of it: with Delta tables as the `deltalake` library ships them, and with the
lake. After each fault the operator does what comes with the store (`tooltrail doctor --repair`; nothing with the
library), a writer goes on, and all rows are counted: what was acknowledged must be there once.

    make faults                       # everything, at full size; some faults need root, strace or ext4
    python -m bench.faults 9 14       # some, small

`tests/store/test_lake_machine.py` composes them: random lives of a lake, in which processes die and power fails at
any durable step of ingest, compaction, expiry, erasure, holds, backups and restores, on a disk that keeps no more than
POSIX promises.

"""


def main() -> int:
    """Run, print the page, and write it if told; the exit code is 1 when the lake broke an invariant."""
    arguments = _parser().parse_args()
    began, about = time.monotonic(), machine.describe()
    broken = 0
    lines = []
    for fault in injected():
        if not arguments.numbers or fault.number in arguments.numbers:
            line, held = _row(fault, arguments.seed, full=arguments.full)
            lines.append(line)
            broken += not held
            sys.stderr.write(f"{line}\n")
    page = _page(lines, about, arguments, time.monotonic() - began)
    sys.stdout.write(page)
    if arguments.write:
        arguments.write.write_text(page, "utf-8")
    return 1 if broken else 0


def _row(fault: Fault, seed: int, *, full: bool) -> tuple[str, bool]:
    """Return a line of the table, and whether the lake held."""
    head = f"| {fault.number} | {fault.name} | {fault.injector} | {fault.invariant} |"
    if (why := fault.needs()) is not None:
        return f"{head} | not run: {why} | not run: {why} |", True
    found = {}
    for name, store in STORES.items():
        folder = Path(tempfile.mkdtemp(prefix=f"tooltrail-fault-{fault.number}-"))
        try:
            found[name] = fault.run(Trial(store, folder, seed, fault.full if full else fault.small))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    shipped, ours = found["shipped"], found["ours"]
    mark = "" if ours.failed == 0 else "**broken**: "
    return f"{head} {ours.trials} | {shipped} | {mark}{ours} |", ours.failed == 0


def _page(lines: list[str], about: dict[str, str], arguments: argparse.Namespace, seconds: float) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout
    facts = {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}", "commit": commit.strip() or "unknown",
             "seed": str(arguments.seed), "size": "full" if arguments.full else "small",
             "file system": _file_system(tempfile.gettempdir()), **about,
             "took": f"{seconds:.0f} s"}  # fmt: skip
    told = "\n".join(f"{name}: {value}" for name, value in facts.items())
    table = ["| # | fault | injected by | invariant | trials | as the library ships | with us |",
             "|---|---|---|---|---|---|---|", *lines]  # fmt: skip
    others = ["| # | fault | where |", "|---|---|---|"]
    others += [
        f"| {one.number} | {one.name} | {f'`{one.test}`' if one.test else f'not run: {one.why}'} |"
        for one in elsewhere()
    ]
    return (f"{HEAD}## The run\n\n```\n{told}\n```\n\n" + "\n".join(table)
            + "\n\n## Injected by the test suite, or not at all\n\n" + "\n".join(others) + "\n")  # fmt: skip


def _file_system(folder: str) -> str:
    told = subprocess.run(
        ["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False
    ).stdout
    return told.strip() or "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description="what a store survives")
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="only these faults")
    parser.add_argument("--full", action="store_true", help="as many trials as each fault says, not a few")
    parser.add_argument("--seed", type=int, default=7, help="of everything drawn by chance")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
