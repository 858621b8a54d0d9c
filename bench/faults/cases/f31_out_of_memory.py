"""Memory runs out in the middle of the work: no more is given to a writer at a moment drawn by chance."""

from __future__ import annotations

import random
import resource
import subprocess
import time
from pathlib import Path

from bench.faults.fault import Fault, Tally, Trial, settled

ROOM = 24 << 20
"""Bytes a writer may still get at most: a commit of the lake or of the library takes about that much."""
PATIENCE = 20.0
"""Seconds until a writer that does with what it has is ended."""


def run(trial: Trial) -> Tally:
    """Take the memory of a writer at work, again and again, and count; it must have died of it some time."""
    chance = random.Random(trial.seed)  # noqa: S311 - not a secret
    trial.store.make(trial.folder)
    acknowledged, died = -1, 0
    for _ in range(trial.count):
        with trial.store.writer(trial.folder, 10_000) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.5))
            _take(writer.pid, chance.randrange(ROOM))
            died += _ends(writer)
            said = [int(n) for n in writer.stdout.read().split() if n.isdecimal()]
        acknowledged = max([acknowledged, *said])
    told, held = settled(trial.store, trial.folder, acknowledged)
    tally = Tally()
    tally.add(f"{told}; {died} of {trial.count} writers died of it", held and died > 0)
    tally.trials = trial.count
    return tally


def _take(process: int, room: int) -> None:
    """Let a process have so much more memory and then none: an allocation beyond it fails."""
    kilobytes = next(
        int(line.split()[1])
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("VmData")
    )
    most = (kilobytes << 10) + room
    resource.prlimit(process, resource.RLIMIT_DATA, (most, most))


def _ends(writer: subprocess.Popen[str]) -> bool:
    """Wait for a writer to end by itself; say whether it did."""
    try:
        writer.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        writer.kill()
        writer.wait()
        return False
    return writer.returncode != 0


FAULT = Fault(
    31, "out of memory", f"prlimit of a writer at work: up to {ROOM >> 20} MiB more, then none",
    "nothing lost, nothing doubled", 4, 60, run,
)  # fmt: skip
