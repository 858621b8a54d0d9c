"""Locks: who waits is served when the other is done, and is told who holds on for too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakes import one, record, take_in

from store import locks
from store.errors import BusyError
from store.integrity.log import FOLDER, LOCK
from store.lake import Lake
from store.locks import in_turn

RECORDS = [record(number) for number in range(3)]
HOLD = """
import sys
from pathlib import Path
from store.locks import in_turn

with in_turn(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(lake: Lake) -> Iterator[subprocess.Popen[str]]:
    """Return a process that holds the lake's log, as one that was stopped in the middle of an entry does."""
    command = [sys.executable, "-c", HOLD, str(lake.path / FOLDER / LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGSTOP)
        yield process
        process.kill()


def test_a_writer_behind_a_stopped_one_ends_loudly(
    lake: Lake, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not hang: it names the process that holds the log, and once that is gone the rows are there once."""
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    with pytest.raises(BusyError, match=f"process {holder.pid} has held it"):
        take_in(lake, RECORDS)
    holder.kill()
    holder.wait()
    take_in(lake, RECORDS)
    assert one(lake, "SELECT count(*) FROM events") == len(RECORDS)


def test_who_waits_is_served_when_the_other_is_done(tmp_path: Path) -> None:
    """One after the other, never two at once."""
    file, order = tmp_path / "lock", []

    def hold(name: str) -> None:
        with in_turn(file):
            order.append(f"{name} in")
            time.sleep(0.05)
            order.append(f"{name} out")

    threads = [threading.Thread(target=hold, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [(a[0], b[0]) for a, b in zip(order[::2], order[1::2], strict=True) if a[0] != b[0]] == []
    assert len(order) == 6
