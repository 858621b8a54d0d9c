"""kill -9 at any moment loses nothing that was committed and doubles nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
from lakes import one

from store.lake import Lake

KILLS = 10
WRITER = """
import sys
from datetime import UTC, datetime
import pyarrow as pa
from store.commit import Advance
from store.events import arrow_schema
from store.lake import Lake

SCHEMA = arrow_schema()
NOW = datetime.now(UTC)
FILLED = {pa.string(): "x", pa.int64(): 1, pa.timestamp("us", tz="UTC"): NOW, pa.date32(): NOW.date()}
ROW = {f.name: FILLED[f.type] for f in SCHEMA if not f.nullable}
lake = Lake.open(sys.argv[1])
last, _ = lake.position("events", "s")
while True:
    first = 0 if last is None else last + 1
    rows = [ROW | {"event_id": f"{n:032x}", "source_offset": n} for n in range(first, first + 5)]
    lake.append("events", pa.Table.from_pylist(rows, SCHEMA), [Advance("s", last, first + 4)])
    last = first + 4
    print("alive", flush=True)
"""


@pytest.mark.slow
def test_killed_writers_leave_every_row_once(lake: Lake) -> None:
    """Rows = position + 1 after every kill, and the next writer goes on by itself."""
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - not a secret
    command = [sys.executable, "-c", WRITER, str(lake.path)]
    for kill in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"alive\n"
            time.sleep(chance.uniform(0, 0.15))
            writer.kill()
        again = Lake.open(lake.path)
        last, _ = again.position("events", "s")
        rows = 0 if last is None else last + 1
        assert (again.snapshot("events").rows, kill, seed) == (rows, kill, seed)
    assert one(lake, "SELECT count(DISTINCT event_id) FROM events") == rows
    assert rows > 0
