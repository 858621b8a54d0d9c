"""Run one question in a process of its own, and take its answer only whole and within the role's limits."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from typing import IO

import pyarrow as pa

from store import spilling
from store.door.answer import Answer, Writing
from store.door.job import Job, Verdict
from store.errors import StoppedError, TooltrailError

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")
"""Variables a process gets: the others may hold secrets."""


class Workers:
    """Processes for questions. With `ahead`, the next one is started early, so that no question waits for Python."""

    def __init__(self, *, ahead: bool = False) -> None:
        self._lock = threading.Lock()
        self._ahead = ahead
        self._spare = _start() if ahead else None

    def take(self) -> subprocess.Popen[bytes]:
        """Return a process that waits for its job."""
        with self._lock:
            taken = self._spare
            self._spare = _start() if self._ahead else None
        if taken is not None and taken.poll() is not None:
            _end(taken)
            taken = None
        return taken or _start()

    def close(self) -> None:
        """End the process that waits."""
        with self._lock:
            spare, self._spare, self._ahead = self._spare, None, False
        if spare is not None:
            _end(spare)


def run(workers: Workers, job: Job) -> Answer:
    """Return the whole answer of a job; raises what its verdict says, StoppedError at a limit."""
    process = workers.take()
    spill = tempfile.mkdtemp(prefix=spilling.PREFIX)
    try:
        return _answer(process, replace(job, spill=spill))
    finally:
        _end(process)
        shutil.rmtree(spill, ignore_errors=True)


def _answer(process: subprocess.Popen[bytes], job: Job) -> Answer:
    limits = job.role.limits
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stderr.readline()  # it is ready: the clock starts
    late = threading.Event()
    clock = threading.Timer(limits.max_seconds, _stop, (process, late))
    clock.start()
    try:
        writing = Writing()
        failure = _take(process.stdin, process.stdout, job, writing)
        if isinstance(failure, StoppedError):
            raise failure
        verdict = _verdict(process.stderr)
        process.wait()
    finally:
        clock.cancel()
    if late.is_set():
        raise StoppedError(f"the question took longer than the {limits.max_seconds:g} s of its role")
    if verdict is None:
        raise _died(process.returncode)
    if verdict.kind != "done":
        error = verdict.error()
        error.__cause__ = Ended(verdict.reason)
        raise error
    if failure is not None:
        raise TooltrailError("the answer of the query process cannot be read") from failure
    versions = {name: job.snapshots[name].version for name in verdict.tables}
    return writing.answer(cut=verdict.cut, versions=versions)


class Ended(Exception):  # noqa: N818 - not raised: it stands as the cause, in words that may be kept
    """What may be kept of how a question ended in its process."""


def _take(stdin: IO[bytes], stdout: IO[bytes], job: Job, writing: Writing) -> Exception | None:
    try:
        pickle.dump(job, stdin)
        stdin.flush()
        writing.take(_Counted(stdout, job.role.limits.max_bytes))
    except (pa.ArrowException, OSError, StoppedError) as error:
        return error
    return None


class _Counted:
    """A stream of which no more than `most` bytes are read, and none asked for beyond them."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._left = self._most = most
        self.closed = False

    def read(self, count: int = -1) -> bytes:
        self._left -= max(count, 0)
        if self._left < 0:
            raise StoppedError(f"the answer is larger than the {self._most:,} bytes of its role")
        return self._stream.read(count)


def _verdict(stderr: IO[bytes]) -> Verdict | None:
    lines = [line for line in stderr.read().splitlines() if line.startswith(b'{"kind"')]
    return Verdict(**json.loads(lines[-1])) if lines else None


def _died(code: int) -> TooltrailError:
    if -code == signal.SIGXCPU:
        return StoppedError("the question took more processor time than its role has")
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return TooltrailError(
        f"the query process died: {how}", hint="the door goes on; `tooltrail verify` checks the lake"
    )


def _start() -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "store.door.worker"], env=environment, cwd="/", start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe is not None
        try:
            pipe.close()
        except BrokenPipeError:
            continue
