"""Take an answer's rows in a way that Ctrl-C and a time limit can stop.

DuckDB holds the calling thread while it works, and a signal is only seen between two of our own steps. So
another thread takes the rows, and this one waits, ready to cancel.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from console.exits import ABANDONABLE, say
from console.options import Place
from console.output import Output, Rows
from store.errors import TooltrailError

if TYPE_CHECKING:
    import pyarrow as pa

    from store.lake import AsOf, Lake

_AHEAD = 2
_TICK = 0.2
_PATIENCE = 2.0


@dataclass(frozen=True)
class Stoppable:
    """Rows that stop when asked to, or `seconds` after they were first asked for (0: never)."""

    rows: Rows
    seconds: float = 0.0

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self.rows.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches another thread takes from the answer."""
        waiting: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(_AHEAD)
        done = threading.Event()
        taker = threading.Thread(target=_take, args=(self.rows, waiting, done), daemon=True, name=ABANDONABLE)
        taker.start()
        deadline = monotonic() + self.seconds if self.seconds else None
        try:
            while (item := _next(waiting, deadline)) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            done.set()
            _cancel(self.rows)
            taker.join(_PATIENCE)


def _take(
    rows: Rows, waiting: queue.Queue[pa.RecordBatch | BaseException | None], done: threading.Event
) -> None:
    last: BaseException | None = None
    try:
        for batch in rows.batches():
            if not _put(waiting, batch, done):
                return
    except BaseException as error:  # noqa: BLE001 - the edge: whatever it is must be reported
        last = error
    if last is not None:
        _put(waiting, last, done)
    _put(waiting, None, done)


def _put(
    waiting: queue.Queue[pa.RecordBatch | BaseException | None], item: object, done: threading.Event
) -> bool:
    while not done.is_set():
        try:
            waiting.put(item, timeout=_TICK)
        except queue.Full:
            continue
        return True
    return False


def _next(
    waiting: queue.Queue[pa.RecordBatch | BaseException | None], deadline: float | None
) -> pa.RecordBatch | BaseException | None:
    while True:
        try:
            return waiting.get(timeout=_TICK)
        except queue.Empty:
            if deadline is not None and monotonic() > deadline:
                raise TooltrailError(
                    "the question took too long and was stopped",
                    hint="query.timeout_seconds sets how long it may take",
                ) from None


def _cancel(rows: Rows) -> None:
    cancel = getattr(rows, "cancel", None)
    if cancel is not None:
        cancel()


def ask(lake: Lake, place: Place, output: Output, question: str, as_of: AsOf) -> int:
    """Answer a question on stdout, say on stderr from which version, and return the number of rows."""
    bounds = place.settings().query
    answer = lake.sql(question, as_of=as_of)
    say(f"answered from events version {answer.version}")
    limit = output.limit if output.limit is not None else bounds.max_rows or None
    return replace(output, limit=limit).write(Stoppable(answer, bounds.timeout_seconds))
