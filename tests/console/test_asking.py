"""An answer can be stopped: by a time limit, by Ctrl-C, by a reader who has had enough."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from console.asking import Stoppable
from store.errors import TooltrailError, UsageError
from store.lake import Lake

SLOW = "SELECT count(*) FROM range(300000) a, range(300000) b WHERE a.range * b.range % 7 = 3"


class Fake:
    """Rows of a question that works until it is cancelled."""

    schema = pa.schema([("n", pa.int64())])

    def __init__(self, *, stuck: bool) -> None:
        self.cancelled = threading.Event()
        self._stuck = stuck

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield two batches, and between them work for long."""
        yield pa.record_batch([[1]], self.schema)
        if self._stuck:
            self.cancelled.wait(30)
            raise UsageError("interrupted")
        yield pa.record_batch([[2]], self.schema)

    def cancel(self) -> None:
        """Stop working."""
        self.cancelled.set()


def test_rows_come_through_in_order() -> None:
    """The other thread changes nothing about the rows."""
    assert [b["n"].to_pylist() for b in Stoppable(Fake(stuck=False)).batches()] == [[1], [2]]


def test_a_time_limit_stops_the_question() -> None:
    """The limit is told as such, and the work is cancelled."""
    rows = Fake(stuck=True)
    with pytest.raises(TooltrailError, match="took too long"):
        list(Stoppable(rows, 0.3).batches())
    assert rows.cancelled.is_set()


def test_a_reader_who_leaves_stops_the_question() -> None:
    """No thread goes on working for nobody."""
    rows = Fake(stuck=True)
    batches = iter(Stoppable(rows).batches())
    next(batches)
    batches.close()
    assert rows.cancelled.is_set()


def test_an_error_of_the_question_is_raised_here() -> None:
    """A fault in the other thread is the caller's to report."""
    rows = Fake(stuck=True)
    rows.cancel()
    with pytest.raises(UsageError, match="interrupted"):
        list(Stoppable(rows).batches())


def ask(lake: Lake, question: str, **environ: str) -> subprocess.Popen[str]:
    """Start a question in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "console.cli", "sql", question, "--lake", str(lake.path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**_clean(), **environ},
    )  # fmt: skip


def _clean() -> dict[str, str]:
    import os

    return {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")}


def test_timeout_ends_the_command(lake: Lake) -> None:
    """query.timeout_seconds bounds even a question that yields nothing, and the end is clean."""
    began = time.monotonic()
    with ask(lake, SLOW, TOOLTRAIL_QUERY_TIMEOUT_SECONDS="1s") as process:
        _, talk = process.communicate(timeout=60)
    assert process.returncode == 1
    assert talk.splitlines()[1] == "error: the question took too long and was stopped"
    assert len(talk.splitlines()) == 3
    assert time.monotonic() - began < 30


def test_ctrl_c_ends_the_command(lake: Lake) -> None:
    """A question that works inside DuckDB is stopped with exit code 130."""
    with ask(lake, SLOW) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("answered from")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert (process.returncode, talk.strip()) == (130, "stopped")


def test_a_closed_pipe_ends_a_long_answer_quietly(lake: Lake, tmp_path: Path) -> None:
    """`tooltrail sql ... | head -1` stops at once without a word."""
    with ask(lake, "FROM range(100000000)") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == '{"range":0}\n'
        process.stdout.close()
        talk = process.stderr.read()
        assert process.wait(60) == 0
    assert len(talk.splitlines()) == 1
