"""The bench of session reports runs the commands a user runs."""

import pytest

from bench.session_report import main


@pytest.mark.slow
def test_each_command_is_timed(capsys):
    """A row per command, with CPU and wall seconds; a command that fails fails the bench."""
    assert main(["--events", "40", "--rounds", "1"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[1] for row in rows] == ["report", "story", "timeline"]
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in rows)
