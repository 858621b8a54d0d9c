"""Exports as a person asks for them: whole files, one version, nothing overwritten, nothing a spreadsheet runs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from story import Run

from store.lake import Lake


@pytest.mark.slow
def test_each_format_is_written_whole(run: Run, lake: Lake, tmp_path: Path) -> None:
    """A file has every event, the version is said, and nothing else is left in the folder."""
    for name in ("ocsf", "timesketch", "csv", "parquet"):
        done = run("export", name, "-o", f"out.{name}", "--lake", str(lake.path))
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(f"exporting from events version {lake.snapshot('events').version}\n")
        assert "6 events to out." in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [
        "out.csv",
        "out.ocsf",
        "out.parquet",
        "out.timesketch",
    ]
    assert len((tmp_path / "out.ocsf").read_text().splitlines()) == 6
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.num_rows == 6
    assert table.schema.metadata[b"tooltrail.version"] == str(lake.snapshot("events").version).encode()
    assert table.select(table.column_names).schema.names == lake.sql("FROM events").schema.names


def test_the_same_question_gives_the_same_bytes(run: Run, lake: Lake) -> None:
    """Order is that of time and then of id, whatever the files."""
    first, second = (run("export", "ocsf", "--lake", str(lake.path)).stdout for _ in range(2))
    assert first == second != ""
    times = [json.loads(line)["time"] for line in first.splitlines()]
    assert times == sorted(times)


@pytest.mark.slow
def test_only_what_is_asked_for(run: Run, lake: Lake) -> None:
    """A condition, a SELECT and a time choose; a condition and a SELECT cannot go together."""
    here = ("--lake", str(lake.path))
    denied = run("export", "ocsf", "--where", "decision = 'deny'", *here).stdout.splitlines()
    asked = run(
        "export", "ocsf", "--query", "SELECT event_id FROM events WHERE decision = 'deny'", *here
    ).stdout.splitlines()
    assert denied == asked != []
    assert all(json.loads(line)["action_id"] == 2 for line in denied)
    assert run("export", "csv", "--from", "2999-01-01", *here).stdout.count("\n") == 1
    assert run("export", "csv", "--where", "true", "--query", "SELECT 1", *here).returncode == 2
    assert run("export", "csv", "--from", "yesterday", *here).returncode == 2


@pytest.mark.parametrize(
    "options", [("--where", "nobody = 1"), ("--query", "DROP TABLE events"), ("--as-of", "999")]
)
def test_a_wrong_question_leaves_no_file(
    run: Run, lake: Lake, tmp_path: Path, options: tuple[str, str]
) -> None:
    """Exit code 2, one message, and neither the file nor a draft of it."""
    done = run("export", "ocsf", "-o", "out.ndjson", *options, "--lake", str(lake.path))
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert [p for p in tmp_path.iterdir() if p.is_file()] == []


def test_a_file_is_not_overwritten(run: Run, lake: Lake, tmp_path: Path) -> None:
    """What is there stays, unless --force says otherwise."""
    (tmp_path / "out.csv").write_text("mine")
    here = ("-o", "out.csv", "--lake", str(lake.path))
    refused = run("export", "csv", *here)
    assert (refused.returncode, (tmp_path / "out.csv").read_text()) == (2, "mine")
    assert run("export", "csv", "--force", *here).returncode == 0
    assert (tmp_path / "out.csv").read_text().startswith("event_id,")


def test_a_spreadsheet_runs_nothing(run: Run, lake: Lake) -> None:
    """A formula in a user name reaches a spreadsheet as text."""
    out = run("export", "csv", "--where", "user_id LIKE '=%'", "--lake", str(lake.path)).stdout
    assert "'=cmd" in out
    assert ",=cmd" not in out
