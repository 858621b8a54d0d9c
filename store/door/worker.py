"""The process of one question: it reads a job, answers it, and ends. Whatever the question does, it does here.

stdin: a pickled Job from the door, which is trusted; that it is closed means that nobody waits any more. stdout: the
answer as an Arrow stream. stderr: "ready", and at the end a Verdict in JSON.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pickle
import resource
import sys
import threading
from typing import BinaryIO

import duckdb
import pyarrow as pa
import sqlglot

from store import spilling
from store.door import confined, statement
from store.door.job import Job, Verdict
from store.door.policy import EVERY, relations
from store.door.restricted import empty_rows, file_rows, furnish, standing_on
from store.errors import StoppedError, TooltrailError, UnreachableError, UsageError
from store.snapshot import KeyIndexes
from store.sql import Planner, lock_down
from store.tables import TABLES

ROWS = 8192
READY = b"ready\n"
_ROOM = 1 << 30
"""Memory beyond that of DuckDB which a process may have: Python, libraries, threads, a batch on its way."""


def main() -> None:
    """Answer one job."""
    logging.getLogger(sqlglot.__name__).setLevel(logging.CRITICAL)  # it would print the statement
    _say(READY)
    job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the door itself
    threading.Thread(target=_end_with_the_door, daemon=True).start()
    try:
        _bound(job)
        verdict = answer(job, sys.stdout.buffer)
    except TooltrailError as error:
        verdict = Verdict.of(error)
    except MemoryError:
        verdict = Verdict(
            "stopped", message="the question needs more memory than its role has", reason="memory"
        )
    except Exception as error:  # noqa: BLE001 - the edge: the door must be told, and not the error's text
        verdict = Verdict("failed", message="the query process failed", reason=type(error).__name__)
    _say(json.dumps(dataclasses.asdict(verdict)).encode() + b"\n")
    os._exit(0)


def answer(job: Job, sink: BinaryIO) -> Verdict:
    """Write the answer; return what is to be said of it."""
    with _Told(job), duckdb.connect(config=_settings(job)) as database:
        spilling.bound(database, f"{job.role.limits.max_memory}B")
        database.execute("SET GLOBAL TimeZone = 'UTC'")
        granted = relations() if EVERY in job.role.views else frozenset(job.role.views)
        ask = statement.prepare(database, job.statement, granted)
        files = {name: _files(job, name, ask) for name in standing_on(ask.asks) & TABLES.keys()}
        furnish(database, file_rows(files), job.role, job.mask_key, ask.asks)
        lock_down(database, [snapshot.root for snapshot in job.snapshots.values()])
        cut = _write(database, ask.text, job.role.limits.max_rows, sink)
        sink.flush()
        return Verdict("done", cut=cut, tables=tuple(files))


def _settings(job: Job) -> dict[str, str | bool | int | float | list[str]]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{job.role.limits.max_memory}B", "temp_directory": job.spill,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False, "autoload_known_extensions": False,
    }  # fmt: skip
    return settings | ({"threads": job.threads} if job.threads else {})


def _files(job: Job, name: str, ask: statement.Prepared) -> list[str]:
    """Return the files of a table the question needs, at least one: those of events as DuckDB's own plan says."""
    snapshot = job.snapshots[name]
    if name != "events" or len(snapshot.files) <= 1:
        return snapshot.paths() or [job.templates[name]]
    planner = Planner(lambda plan: furnish(plan, empty_rows(plan), job.role, job.mask_key, ask.asks))
    needs = planner.needs(ask.text, None)
    indexes = KeyIndexes(job.index_key)
    found = (
        {path for need in needs for path in snapshot.paths(need, indexes)} if needs else set(snapshot.paths())
    )
    return sorted(found) or [job.templates[name]]


def _write(database: duckdb.DuckDBPyConnection, text: str, most: int, sink: BinaryIO) -> bool:
    """Write at most so many rows; return whether there were more."""
    reader = database.sql(text).to_arrow_reader(ROWS)
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            stream.write_batch(batch.slice(0, most))
            if batch.num_rows > most:
                return True
            most -= batch.num_rows
    return False


class _Told:
    """Turn DuckDB's errors into ours; none of them tells where the lake is."""

    def __init__(self, job: Job) -> None:
        self._places = {str(snapshot.root.parent) for snapshot in job.snapshots.values()}

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        lines = str(error).split("\n\nLINE")[0].split("\nLINE")[0].splitlines()[:3]
        text = " ".join(line.strip() for line in lines if line.strip())
        spilt = isinstance(error, duckdb.IOException) and "temporary" in text.lower()
        buffered = isinstance(error, OSError) and text.startswith("Out of Memory")  # by way of Arrow's stream
        if isinstance(error, duckdb.OutOfMemoryException) or spilt or buffered:
            raise StoppedError("the question needs more memory than its role has") from error
        if isinstance(error, duckdb.Error) and any(place in str(error) for place in self._places):
            raise UnreachableError("a data file of the lake cannot be read") from error
        if isinstance(error, (duckdb.IOException, duckdb.InternalException, duckdb.FatalException)):
            raise UnreachableError(f"the lake cannot be read: {type(error).__name__}") from error
        if isinstance(error, duckdb.Error):
            raise UsageError(text, hint="`tooltrail schema` lists views, macros and columns") from error


def _bound(job: Job) -> None:
    """Bound what the process may take, beside what DuckDB bounds itself, and what it may open."""
    limits = job.role.limits
    memory = limits.max_memory + _ROOM
    seconds = int(limits.max_seconds * (job.threads or os.cpu_count() or 1)) + 5
    bounds = {
        resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: seconds, resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: memory,
    }  # fmt: skip
    for kind, most in bounds.items():
        _soft, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)  # noqa: PLW2901 - the lesser of both
        resource.setrlimit(kind, (most, most))
    confined.confine(reads=[s.root for s in job.snapshots.values()], writes=[job.spill])


def _end_with_the_door() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def _say(line: bytes) -> None:
    os.write(2, line)


if __name__ == "__main__":
    main()
