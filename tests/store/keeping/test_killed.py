"""Killed at any durable step, every kind of upkeep leaves the old rows or the new ones, and the next run finishes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lakes import ask, one, record, rows_of, take_in

from store.integrity.verify import Options, verify
from store.keeping.doctor import examine
from store.lake import Lake

TESTS = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from pathlib import Path
from store.keeping import backing_up, compacting, doctor, expiring, maintaining, restoring
from store.keeping.vacuuming import Ages
from store.lake import Lake
from store.locks import alone

job, path, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def dying(real):
    def step(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*arguments, **named)
    return step

lake = Lake.open(path) if job not in ("repair", "restore") else None
os.link, os.fsync, Path.unlink, Path.rename = map(dying, (os.link, os.fsync, Path.unlink, Path.rename))
if job == "compact":
    compacting.compact(lake, ["events"])
elif job == "expire":
    with alone(lake, "keeping"):
        expiring.expire_held(lake, expiring.Periods(30 * 86400.0))
elif job == "maintain":
    maintaining.maintain(lake, maintaining.Upkeep(expiring.Periods(30 * 86400.0), ages=Ages(-1.0)))
elif job == "repair":
    doctor.repair(path)
elif job == "backup":
    backing_up.back_up(lake, path.parent / "backup", with_keys=True)
elif job == "restore":
    restoring.restore(path.parent / "backup", path.parent / "back")
"""


def killed(job: str, lake: Path, steps: int) -> int:
    """Run a job in a process that dies at a step; returns its exit code: 9, or 0 when the job was done before."""
    command = [sys.executable, "-c", PROGRAM, job, str(lake), str(steps)]
    done = subprocess.run(command, check=False, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"})  # fmt: skip
    assert done.returncode in (0, 9), done.stderr
    return done.returncode


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Return a lake of three small files, and one of which half is over."""
    for part in range(3):
        take_in(lake, [record(part * 4 + n) for n in range(4)], first=part * 4)
    old = datetime.now(UTC) - timedelta(days=50)
    over = {"event_time": old, "ingest_time": old, "event_date": old.date()}
    lake.append("events", rows_of(*[{"event_id": f"{n:032x}", "source_topic": "old", "source_offset": n,
                                     **over, **({"ingest_time": datetime.now(UTC)} if n % 2 else {})}
                                    for n in range(4)]))  # fmt: skip
    return lake


STEPS = range(0, 90, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("job", "left"), [("compact", 16), ("expire", 14), ("maintain", 14)])
def test_upkeep_is_killed_and_goes_on(filled: Lake, job: str, left: int) -> None:
    """After each kill the lake opens with the rows of before or of after; then the job is run to its end."""
    kills = 0
    for step in STEPS:
        code = killed(job, filled.path, step)
        kills += code == 9
        assert Lake.open(filled.path).snapshot("events").rows in (16, left)
        if code == 0:
            break
    assert kills >= 3
    killed(job, filled.path, 100_000)
    again = Lake.open(filled.path)
    assert (
        one(again, "SELECT count(*) FROM events"),
        one(again, "SELECT count(DISTINCT event_id) FROM events"),
    ) == (left,) * 2
    assert again.position("events", "calls-0")[0] == 11
    again.append("gaps", _no_gaps())
    assert verify(again, Options()).faults == []
    assert [fault for fault in examine(filled.path) if fault.grave] == []


def _no_gaps() -> object:
    from store.tables.letters import GAPS

    return GAPS.schema.empty_table()


def test_a_repair_is_killed_and_goes_on(filled: Lake) -> None:
    """Given up, stepped back and set aside: killed between them, the next repair ends it, and no row is doubled."""
    Path(filled.snapshot("events").paths()[-1]).unlink()
    for step in (1, 4, 100_000):
        killed("repair", filled.path, step)
    again = Lake.open(filled.path)
    assert examine(filled.path) == []
    take_in(again, [record(n) for n in range(12)], first=0)
    after = Lake.open(filled.path)
    assert [
        i
        for (i,) in ask(
            after, "SELECT native_event_id FROM events WHERE source_topic = 'calls' ORDER BY source_offset"
        )
    ] == [f"n-{n}" for n in range(12)]


@pytest.mark.slow
def test_a_backup_is_killed_and_goes_on(filled: Lake) -> None:
    """A backup counts once its list is there; what was copied before a kill is not copied again."""
    folder = filled.path.parent / "backup"
    for step in (5, 40):
        assert killed("backup", filled.path, step) == 9
        assert not list(folder.glob("backup-*.json"))
    assert killed("backup", filled.path, 100_000) == 0
    for step in (5, 60):
        assert killed("restore", filled.path, step) == 9
    assert killed("restore", filled.path, 100_000) == 0
    back = Lake.open(filled.path.parent / "back")
    assert one(back, "SELECT count(*) FROM events") == 16
    shutil.rmtree(folder)
