"""Files planted or damaged in the lake's folder: a question of the door fails alone, and reads nothing outside."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import guarded
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from guarded import POLICY

from store import commit as delta
from store.door.door import Caller, Door, Question
from store.errors import TooltrailError
from store.lake import Lake
from store.settings import AccessSettings

pytestmark = pytest.mark.slow

ME = Caller.this("python")
COUNT = Question(
    "SELECT count(tool_name || server_name) AS n, max(args_json) AS x FROM events", "free", "CASE-1"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a lake."""
    return guarded.make(tmp_path_factory.mktemp("made") / "lake", "a").path


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Lake:
    """Return a lake that may be damaged."""
    return Lake.open(shutil.copytree(made, tmp_path / "lake"))


def door(lake: Lake) -> Door:
    """Return a door to a lake."""
    return Door(lake, POLICY, AccessSettings(), threads=1)


def data_file(lake: Lake) -> Path:
    """Return the only data file."""
    [path] = lake.snapshot("events").paths()
    return Path(path)


def outcome(lake: Lake) -> str:
    """Return the outcome of the newest record."""
    answer = lake.sql("SELECT outcome FROM access_log ORDER BY asked_time DESC LIMIT 1").arrow()
    return str(answer["outcome"][0])


def test_a_file_no_commit_names_is_not_read(copy: Lake) -> None:
    """A Parquet file planted beside the data is no data."""
    file = data_file(copy)
    before = door(copy).ask(ME, COUNT).arrow()
    shutil.copy(file, file.with_name("part-planted.parquet"))
    (file.parent / "event_date=2026-01-01").mkdir()
    shutil.copy(file, file.parent / "event_date=2026-01-01" / "part-planted.parquet")
    assert door(copy).ask(ME, COUNT).arrow().equals(before)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 60 + b"PAR1", b"\x00" * 4096])
def test_a_file_that_is_no_parquet_fails_one_question(copy: Lake, content: bytes) -> None:
    """The question fails with an error that tells no path, is recorded, and the door goes on."""
    data_file(copy).write_bytes(content)
    with pytest.raises(TooltrailError) as raised:
        door(copy).ask(ME, COUNT)
    assert str(copy.path) not in str(raised.value)
    assert outcome(copy) == "failed"
    assert door(copy).ask(ME, Question("SELECT 1 AS x", "free", "CASE-1")).rows == 1


@pytest.mark.skipif(not Path("/proc/sys/kernel").exists(), reason="Landlock is Linux's")
def test_a_link_out_of_the_lake_is_not_followed(copy: Lake, tmp_path: Path) -> None:
    """A data file replaced by a link to a file elsewhere is not read, where the kernel has Landlock."""
    file = data_file(copy)
    elsewhere = tmp_path / "elsewhere.parquet"
    shutil.move(file, elsewhere)
    file.symlink_to(elsewhere)
    if not landlock():
        pytest.skip("this kernel has no Landlock")
    with pytest.raises(TooltrailError):
        door(copy).ask(ME, COUNT)


def landlock() -> bool:
    """Tell whether a process can be confined here, by trying it in another one."""
    program = (
        f"import sys; sys.path[:0] = [{str(guarded.HERE.parents[2])!r}]; from store.door import confined; "
    )
    program += "sys.exit(not confined.confine([], []))"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_commit_that_names_a_file_outside_is_not_followed(copy: Lake, tmp_path: Path) -> None:
    """A path with .. in the table's log leads to an error, not to the file."""
    outside = tmp_path / "outside.parquet"
    shutil.copy(data_file(copy), outside)
    log = delta.log_entry(copy.path / "events", 1)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["path"] = "../../outside.parquet"
    log.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    with pytest.raises(TooltrailError):
        door(Lake.open(copy.path)).ask(ME, COUNT)


def test_a_column_of_another_type_fails_one_question(copy: Lake) -> None:
    """A data file with other columns is an error of the question, and not of the process that asks."""
    pq.write_table(pa.table({"tool_name": [1, 2]}), data_file(copy))
    with pytest.raises(TooltrailError):
        door(copy).ask(ME, COUNT)
    assert outcome(copy) == "failed"


@pytest.mark.slow
def test_damaged_files_end_no_more_than_a_question(copy: Lake) -> None:
    """Flipped and cut data files give an answer or an error, recorded, and never take the door along."""
    file, rng = data_file(copy), random.Random(11)  # noqa: S311 - where the damage is
    whole = file.read_bytes()
    for number in range(40):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 30)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        file.write_bytes(bytes(damaged) if number % 4 else bytes(damaged[: rng.randrange(len(damaged))]))
        try:
            door(copy).ask(ME, COUNT)
            expected = "answered"
        except TooltrailError:
            expected = "failed"
        assert outcome(copy) in {expected, "killed"}


def test_a_confined_process_reads_and_reaches_nothing_else(tmp_path: Path) -> None:
    """Where the kernel has Landlock, files elsewhere and the network are closed to the process of a question."""
    if not landlock():
        pytest.skip("this kernel has no Landlock")
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "f").write_text("x")
    (inside / "f").write_text("x")
    program = f"""
import sys, socket
sys.path[:0] = [{str(guarded.HERE.parents[2])!r}]
from store.door import confined
assert confined.confine([{str(inside)!r}], [])
assert open({str(inside / "f")!r}).read() == "x"
for attempt in (lambda: open({str(outside / "f")!r}), lambda: open({str(inside / "g")!r}, "w"),
                lambda: open("/etc/passwd"), lambda: socket.create_connection(("127.0.0.1", 9))):
    try:
        attempt()
    except PermissionError:
        continue
    sys.exit(f"allowed: {{attempt}}")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
