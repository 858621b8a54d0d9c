"""The door from the command line: what is printed, what the exit codes say, and who may read what is written."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from story import Run

from console.output import FORMATS, Output
from store.door.connection import open_door
from store.door.door import Caller, Question
from store.lake import Lake

ROLES = """
[roles.all]
views = ["*"]

[roles.some]
views = ["tool_calls"]
max_rows = 1

[roles.some.masks."*"]
user_id = "constant"

[people]
"*" = ["all", "some"]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return a configuration with roles."""
    file = tmp_path / "roles.toml"
    file.write_text(ROLES)
    return str(file)


def test_output_is_that_of_sql(run: Run, lake: Lake, config: str, tmp_path: Path) -> None:
    """An unrestricted role gets byte for byte what `tooltrail sql` prints, in every format."""
    query = "SELECT event_time, tool_name, args_leaves, duration_ms FROM events ORDER BY event_id"
    place = ["--lake", str(lake.path), "--config", config, "--output", "csv"]
    asked = run("ask", "--role", "all", "--why", "CASE-1", query, *place)
    assert "answered from events version" in asked.stderr
    assert asked.stdout == run("sql", query, *place).stdout != ""
    answer = open_door(lake, Path(config)).ask(Caller.this("test"), Question(query, "all", "CASE-1"))
    for name in FORMATS:
        one, other = tmp_path / f"one.{name}", tmp_path / f"other.{name}"
        assert Output(name, one).write(answer) == Output(name, other).write(lake.sql(query))
        assert one.read_bytes() == other.read_bytes() != b""


def test_denials_and_cuts_are_said(run: Run, lake: Lake, config: str) -> None:
    """A denial exits with 2 and says why; rows beyond the role's are left out and that is said on stderr."""
    place = ["--lake", str(lake.path), "--config", config, "--output", "json"]
    denied = run("ask", "--role", "some", "--why", "CASE-1", "FROM events", *place)
    assert (denied.returncode, denied.stdout) == (2, "")
    assert "the role is not granted this view: events" in denied.stderr
    cut = run("ask", "--role", "some", "--why", "CASE-1", "SELECT user_id FROM tool_calls ORDER BY 1", *place)
    assert cut.stdout == '[\n{"user_id":"[masked]"}\n]\n'
    assert "cut at 1 rows" in cut.stderr


def test_the_door_is_served_until_stopped(run: Run, lake: Lake, config: str) -> None:
    """`door serve` answers over its socket, and on SIGTERM leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="door-"))
    path = folder / "s"
    served = subprocess.Popen(
        [sys.executable, "-m", "console.cli", "door", "serve", "--lake", str(lake.path), "--config", config,
         "--socket", str(path)], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert served.stderr is not None
    assert served.stderr.readline().startswith(f"the door is open at {path}")
    asked = run(
        "ask", "--door", str(path), "--role", "all", "--why", "C", "SELECT 1 AS x", "--output", "json"
    )
    served.send_signal(signal.SIGTERM)
    with served.stderr:
        assert served.wait(20) == 130
    assert asked.stdout == '[\n{"x":1}\n]\n'
    assert not path.exists()
    folder.rmdir()


def test_a_role_that_cannot_work_keeps_the_door_shut(run: Run, lake: Lake, tmp_path: Path) -> None:
    """A filter that is wrong is told at start, with its line, and not to the first who asks."""
    file = tmp_path / "roles.toml"
    file.write_text('[roles.a]\nviews = ["events"]\n[roles.a.filter]\nevents = "no_such = 1"\n')
    refused = run("door", "serve", "--lake", str(lake.path), "--config", str(file))
    assert refused.returncode == 2
    assert f"at {file}:4" in refused.stderr


def test_roles_are_shown(run: Run, lake: Lake, config: str) -> None:
    """`config show` prints roles and people with the line they are written on."""
    shown = run("config", "show", "--lake", str(lake.path), "--config", config, "--output", "csv")
    assert (
        '"roles.some.masks.*.user_id"' in shown.stdout
        or "roles.some.masks.*.user_id,constant" in shown.stdout
    )
    assert "people.*" in shown.stdout


@pytest.mark.slow
def test_what_is_written_is_for_its_user_alone(run: Run, story: Path, tmp_path: Path) -> None:
    """Whatever the umask, no file or folder the command line makes can be read by anyone else."""
    before = set(tmp_path.rglob("*"))
    mask = os.umask(0)
    try:
        for arguments in (
            ["init", "lake"], ["ingest", "file", str(story)], ["sessions"], ["detect"],
            ["sql", "FROM events", "--output", "csv", "--to", "events.csv"], ["export", "parquet", "-o", "out.parquet"],
            ["timeline", "62cd8fdd-63aa-4ebd-a6c4-2401969fa388", "--html", "page.html"],
        ):  # fmt: skip
            done = run(*arguments)
            assert done.returncode == 0 or arguments[0] == "timeline", done.stderr
    finally:
        os.umask(mask)
    made = [path for path in tmp_path.rglob("*") if path not in before]
    assert len(made) > 50
    assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
