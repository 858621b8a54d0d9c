"""Ingest, compaction, vacuum and questions in one process for minutes: nothing that is taken may go on growing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from bench.faults.fault import Fault, Tally, Trial
from bench.faults.stores import ROOT

GROWTH = 1.15
"""How much larger the memory of the last third may be than that of the second: allocators keep some, leaks go on."""
HANDLES = 4


def run(trial: Trial) -> Tally:
    """Let a process work; `count` is in seconds. The first third is for warming up."""
    spill = trial.folder / "temporary"
    spill.mkdir(parents=True)
    trial.store.make(trial.folder)
    command = [
        sys.executable,
        "-m",
        "bench.faults.soaker",
        trial.store.name,
        str(trial.folder),
        str(trial.count),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(spill)},
        capture_output=True,
        text=True,
        check=False,
    )
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    tally = Tally()
    if done.returncode or len(samples) < 3:
        last = done.stderr.strip().splitlines()[-1:] or ["it did nothing"]
        tally.add(f"ended after {len(samples)} rounds: {last[0][:80]}", held=False)
    else:
        tally.add(*_judged(samples))
    tally.trials = trial.count
    return tally


def _judged(samples: Sequence[dict[str, int]]) -> tuple[str, bool]:
    third = len(samples) // 3
    early, late = (_most(part) for part in (samples[third : 2 * third], samples[2 * third :]))
    wrong = [sample for sample in samples if sample["rows"] != sample["written"]]
    told = (
        f"{len(samples)} rounds, {samples[-1]['rows']:,} rows; memory {early['memory'] >> 20} -> "
        f"{late['memory'] >> 20} MiB, handles {early['handles']} -> {late['handles']}, "
        f"temporary files {late['temporary']} bytes"
    )
    if wrong:
        told = f"{wrong[0]['rows']} rows of {wrong[0]['written']}; {told}"
    flat = late["memory"] <= GROWTH * early["memory"] and late["handles"] <= early["handles"] + HANDLES
    return told, flat and not wrong and not late["temporary"]


def _most(samples: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: max(sample[name] for sample in samples) for name in samples[0]}


FAULT = Fault(
    41, "a soak: ingest, compaction, vacuum, questions in one process", "nothing: it works as many seconds as trials",
    "rows exact; memory, handles and temporary files do not grow", 30, 600, run,
)  # fmt: skip
