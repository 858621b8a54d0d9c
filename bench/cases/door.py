"""What one question costs through the guarded door, beside the same question by `sql`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.lakes import fill, simulated
from bench.measure import Clock, apart, interleaved, timed
from bench.options import Options
from bench.table import Row

SUMMARY = "one question through the guarded door: its own process, its record made durable, beside plain sql"
QUESTIONS = {
    "a count": "SELECT count(*) AS n FROM denials",
    "tools by user": "SELECT user_id, tool_name, count(*) AS n FROM tool_calls GROUP BY ALL ORDER BY ALL",
}
TIMES = 15


def run(options: Options) -> Iterator[Row]:
    """Yield CPU and wall milliseconds of each question, both ways warm, on one core."""
    files = simulated(options.work / "door-native", options.events, ("native",))
    fill([Path(file) for file in files], options.work / "door-lake")
    for name, statement in QUESTIONS.items():
        call = partial(
            apart, "bench.cases.door:asked", lake=str(options.work / "door-lake"), statement=statement,
            times=3 if options.quick else TIMES,
        )  # fmt: skip
        found = interleaved(
            options.rounds, {"door": partial(call, guarded=True), "sql": partial(call, guarded=False)}
        )
        door, plain = found["door"], found["sql"]
        yield Row(f"door, {name}, CPU", "ms", 1000 / door.per_cpu, 1000 / plain.per_cpu, "sql")
        yield Row(f"door, {name}, p50", "ms", door.last["p50"], plain.last["p50"], "sql")


def asked(lake: str, statement: str, times: int, *, guarded: bool) -> dict[str, Any]:
    """Ask a question so many times, after once that is not counted."""
    question, close = (_through if guarded else _plain)(lake, statement)
    question()
    clock, taken = Clock(), []
    with clock.running():
        for _ in range(times):
            began = time.perf_counter()
            question()
            taken.append((time.perf_counter() - began) * 1000)
        close()  # the process that waits for the next question is one of them
    return timed(clock, times, p50=statistics.median(taken))


_Way = tuple[Callable[[], object], Callable[[], None]]


def _plain(path: str, statement: str) -> _Way:
    from store.lake import Lake

    lake = Lake.open(path)
    return lambda: lake.sql(statement).arrow(), lambda: None


def _through(path: str, statement: str) -> _Way:
    from store.door.door import Caller, Door, Question
    from store.door.policy import Policy, Role
    from store.lake import Lake
    from store.settings import AccessSettings

    policy = Policy({"all": Role("all", ("*",))}, {"*": ("all",)})
    door = Door(Lake.open(path), policy, AccessSettings(), threads=1, ahead=True)
    return lambda: door.ask(Caller.this("bench"), Question(statement, "all", "CASE-1")).arrow(), door.close
