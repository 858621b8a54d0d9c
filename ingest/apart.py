"""A pipeline in a process of its own: a source reads on while what it gave is worked on.

Both sides are Python, so two threads would take turns. Calls go over a socket and are answered in order; `add` alone
is not waited for, but at most CREDIT batches are under way. What was added and not flushed dies with either process,
which loses nothing: the table knows how far each stream is, and a commit that a dying process still makes is one that
its successor finds there, or is fenced by.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from queue import Queue
from types import TracebackType
from typing import Any, Self

from ingest.delivery import Batch, Stream
from ingest.loop import Flushed, IngestOptions, Pipeline
from ingest.pending import Counts
from store import errors
from store.errors import TooltrailError
from store.lake import Lake

CREDIT = 2
"""Batches that may be under way: one worked on and one waiting, so that neither side waits for the other."""
_LEAVE_SECONDS = 60.0
"""What a process gets to finish a commit that has begun."""

_State = tuple[bool, bool]
"""Whether the pipeline is full, and whether it is time to flush."""


class PipelineApart:
    """The pipeline as a source sees it, worked in another process. One thread at a time uses it.

    What is wrong with the lake or the options is raised by the first call.
    """

    def __init__(self, lake: Lake, options: IngestOptions) -> None:
        self.counts = Counts()
        self._under_way = 0
        self._state: _State = (False, False)
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ingest.apart", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self._line = Connection(ours.detach())
        self._begun = False
        self._line.send(("open", (lake.path, options)))  # answered while the source still connects

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process. What is not flushed is dropped."""
        self._line.close()
        try:
            self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def resume(self, stream: Stream) -> int | None:
        """Return the next position by the table, read afresh; None when it has never seen the stream."""
        position: int | None = self._call("resume", stream)
        return position

    def add(self, batch: Batch) -> None:
        """Hand a batch over; an error it causes is raised by one of the next calls."""
        while self._line.poll(None if self._under_way >= CREDIT else 0):
            self._take_answer()
        self._send("add", batch)
        self._under_way += 1

    def should_flush(self) -> bool:
        """Say whether what is buffered is large or old enough to be made durable."""
        self._take_answers()
        return self._state[1] if self._under_way else bool(self._call("should_flush"))

    def is_full(self) -> bool:
        """Say whether the buffer had reached its bound when last heard of."""
        self._take_answers()
        return self._state[0]

    def flush(self) -> Flushed:
        """Make everything added durable, or raise what the pipeline raises."""
        flushed: Flushed = self._call("flush")
        self._state = (False, False)
        self.counts.add(flushed.counts)
        return flushed

    def drop(self, streams: Iterable[Stream]) -> None:
        """Forget what is buffered of streams."""
        self._call("drop", list(streams))
        self._state = (False, False)

    def record_gap(self, stream: Stream, first: int, last: int) -> None:
        """Note positions lost upstream; durable with the next flush."""
        self._call("record_gap", stream, first, last)

    def _call(self, name: str, *values: Any) -> Any:
        self._send(name, *values)
        return self._done()

    def _done(self) -> Any:
        while True:
            word, value = self._take_answer()
            if word == "done":
                return value

    def _send(self, name: str, *values: Any) -> None:
        if not self._begun:
            self._done()
            self._begun = True
        try:
            self._line.send((name, values))
        except OSError as error:
            raise _gone() from error

    def _take_answers(self) -> None:
        while self._under_way and self._line.poll():
            self._take_answer()

    def _take_answer(self) -> tuple[str, Any]:
        try:
            word, value = self._line.recv()
        except (EOFError, OSError) as error:
            raise _gone() from error
        if word == "added":
            self._under_way -= 1
            self._state = value
        elif word == "failed":
            raise _raised(*value)
        return word, value


def _gone() -> TooltrailError:
    return TooltrailError(
        "the process that writes the lake ended", hint="start again: nothing is lost, the lake knows the rest"
    )


def _described(error: BaseException) -> tuple[str, str, str | None, str | None]:
    if isinstance(error, TooltrailError):
        return type(error).__name__, error.message, error.where, error.hint
    return "TooltrailError", f"{type(error).__name__}: {error}", None, "please report this"


def _raised(kind: str, message: str, where: str | None, hint: str | None) -> TooltrailError:
    made: TooltrailError = getattr(errors, kind)(message, where=where, hint=hint)
    return made


# --- the other side ---------------------------------------------------------------------------------------------


def serve(line: Connection) -> None:
    """Work calls in their order until the other side is gone. Signals are its business: it drains, and leaves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    calls: Queue[tuple[str, tuple[Any, ...]] | None] = Queue(CREDIT + 1)
    threading.Thread(target=_receive, args=(line, calls), daemon=True).start()
    worker = _Worker()
    with contextlib.suppress(OSError):  # nobody is left to hear the answer
        while (call := calls.get()) is not None:
            line.send(worker.answer(*call))


class _Worker:
    """Works calls on a pipeline. After a batch that failed nothing more is done: what follows it would be a gap."""

    def __init__(self) -> None:
        self._pipeline: Pipeline | None = None
        self._failed: tuple[str, Any] | None = None

    def answer(self, name: str, values: Sequence[Any]) -> tuple[str, Any]:
        """Return what became of a call."""
        if self._failed is not None:
            return self._failed
        try:
            return self._answer(name, values)
        except Exception as error:  # the edge: whatever it is, the other side must hear of it  # noqa: BLE001
            failed = ("failed", _described(error))
            self._failed = failed if name == "add" else None
            return failed

    def _answer(self, name: str, values: Sequence[Any]) -> tuple[str, Any]:
        if name == "open":
            path, options = values
            self._pipeline = Pipeline(Lake.open(path), options)
            return "done", None
        assert self._pipeline is not None
        answer = getattr(self._pipeline, name)(*values)
        if name == "add":
            return "added", (self._pipeline.is_full(), self._pipeline.should_flush())
        return "done", answer


def _receive(line: Connection, calls: Queue[tuple[str, tuple[Any, ...]] | None]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            calls.put(line.recv())
    calls.put(None)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
