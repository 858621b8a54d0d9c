"""sample_data is what the simulator writes today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.commands.simulate import command
from store.errors import UsageError

SAMPLES = Path(__file__).parents[3] / "sample_data"


def test_the_documented_command_writes_the_sample_data(tmp_path: Path) -> None:
    """The command in sample_data/README.md writes exactly the files that lie there."""
    found = re.search(r"tooltrail simulate sample_data (.+)", (SAMPLES / "README.md").read_text())
    assert found
    arguments = [str(tmp_path / "again"), *found[1].replace("--force", "").split()]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    for file in (tmp_path / "again").rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (SAMPLES / file.relative_to(tmp_path / "again")).read_bytes()


def test_the_sample_data_stays_small() -> None:
    """All of it is under two megabytes."""
    assert sum(file.stat().st_size for file in SAMPLES.rglob("*")) < 2_000_000


def test_a_folder_with_content_is_not_overwritten(tmp_path: Path) -> None:
    """Without --force the command refuses a folder that holds anything, and says what to do."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="--force"):
        CliRunner().invoke(command, [str(tmp_path)], catch_exceptions=False)
    assert CliRunner().invoke(command, [str(tmp_path), "--force", "--events", "500"]).exit_code == 0
    assert (tmp_path / "mine.txt").read_text() == "keep"
