"""Measuring: a function in a process of its own, its CPU and wall seconds, and the least of several rounds.

On a machine with other work the least CPU time is the figure that repeats; wall time says what it took meanwhile.
Competitors take turns round by round, so that a slow minute hits both.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import cores

ROOT = Path(__file__).parent.parent
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass
class Clock:
    """CPU seconds of this process and of those it waited for, and wall seconds, of what ran inside `running`."""

    cpu: float = 0.0
    wall: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time the block takes."""
        cpu, wall = _cpu_seconds(), time.perf_counter()
        try:
            yield
        finally:
            self.cpu += _cpu_seconds() - cpu
            self.wall += time.perf_counter() - wall


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@dataclass
class Samples:
    """The rounds of one competitor over the same number of events."""

    events: int = 0
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    last: Mapping[str, Any] = field(default_factory=dict)

    def add(self, result: Mapping[str, Any]) -> None:
        """Take in a round: the dict a measured function returned."""
        self.events = int(result["events"])
        self.cpu.append(float(result["cpu"]))
        self.wall.append(float(result["wall"]))
        self.last = result

    @property
    def per_cpu(self) -> float:
        """Events per CPU second, by the best round."""
        return self.events / min(self.cpu)

    @property
    def per_wall(self) -> float:
        """Events per second of wall time, by the best round."""
        return self.events / min(self.wall)


def timed(clock: Clock, events: int, **more: Any) -> dict[str, Any]:
    """Return what a measured function hands back."""
    return {"events": events, "cpu": clock.cpu, "wall": clock.wall, **more}


def interleaved(
    rounds: int, competitors: Mapping[str, Callable[[], Mapping[str, Any]]]
) -> dict[str, Samples]:
    """Run every competitor once a round, and the first of a round last in the next."""
    found = {name: Samples() for name in competitors}
    names = list(competitors)
    for _ in range(rounds):
        for name in names:
            found[name].add(competitors[name]())
        names = [*names[1:], names[0]]
    return found


def apart(function: str, *, pinned: bool = True, **arguments: Any) -> dict[str, Any]:
    """Call `module:function` with JSON arguments in a new process; `pinned` gives it one core and one thread."""
    command = [sys.executable, "-m", "bench.measure", function, json.dumps(arguments), "1" if pinned else "0"]
    environment = {**os.environ, **(ONE_THREAD if pinned else {})}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{function} failed with exit code {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def pin() -> None:
    """Keep this process on one core, the last: the first is where a system likes to do its own work."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cores()[-1]})
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


def peak_mib() -> float:
    """Return the most memory this process has held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count the parent's memory at the time of the fork
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _main(arguments: Sequence[str]) -> None:
    function, values, pinned = arguments
    if pinned == "1":
        pin()
    module, name = function.split(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(values))
    print(json.dumps(result))


if __name__ == "__main__":
    _main(sys.argv[1:])
