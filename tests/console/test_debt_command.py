"""`tooltrail debt` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lakes import rows_of
from story import Run

from store.lake import Lake


def test_it_prints_rows_and_says_what_they_rest_on(run: Run, lake: Lake) -> None:
    """Data on stdout; the sum, the forecast and what was assumed on stderr."""
    answer = run("debt", "--output", "json", "--lake", str(lake.path))
    assert answer.returncode == 0, answer.stderr
    [key] = json.loads(answer.stdout)
    assert (key["credential_id"], key["issued"], key["ended"], key["debt"]) == (
        "key-7",
        "first seen",
        "not known",
        0,
    )
    assert "privileged idle key-days owed by 1 standing credentials" in answer.stderr
    assert "1 credentials without an issue date count from when they were first seen" in answer.stderr


@pytest.mark.slow
def test_every_view_prints_for_a_person(run: Run, lake: Lake) -> None:
    """By owner and server, by week and in the order to pay, hostile names made harmless."""
    for view in (("--by", "credential"), ("--by", "owner"), ("--by", "server", "--weeks"), ("--pay-first",)):
        shown = run("debt", *view, "--output", "table", "--lake", str(lake.path))
        assert (shown.returncode, "Traceback" in shown.stderr, "\x1b" in shown.stdout) == (0, False, False)
    assert "github" in run("debt", "--by", "server", "--output", "csv", "--lake", str(lake.path)).stdout


@pytest.mark.slow
def test_an_orphan_is_named_so(run: Run, tmp_path: Path) -> None:
    """Whose key it is nobody knows: the table says so."""
    own = Lake.create(tmp_path / "orphans")
    own.append("events", rows_of({"credential_id": "k", "credential_kind": "static_key"}))
    assert "(orphan)" in run("debt", "--output", "table", "--lake", str(own.path)).stdout
    assert "1 credentials are orphans" in run("debt", "--lake", str(own.path)).stderr


def test_an_empty_lake_says_so(run: Run, tmp_path: Path) -> None:
    """No events is not a debt of zero."""
    own = Lake.create(tmp_path / "empty")
    answer = run("debt", "--lake", str(own.path))
    assert (answer.returncode, answer.stdout) == (0, "")
    assert "no events in this period: nothing is known of what is owed" in answer.stderr


def test_settings_say_what_a_use_covers(run: Run, lake: Lake, tmp_path: Path) -> None:
    """A life per server is read from the file, and a wrong one names its line."""
    file = tmp_path / "own.toml"
    file.write_text('[debt]\nshort_lives = { github = "30m" }\n')
    assert run("debt", "--config", str(file), "--lake", str(lake.path)).returncode == 0
    file.write_text("[debt]\nshort_lives = { github = -1 }\n")
    wrong = run("debt", "--config", str(file), "--lake", str(lake.path))
    assert (wrong.returncode, f"{file}:2" in wrong.stderr) == (2, True)
