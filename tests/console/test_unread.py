"""A log in no known format: the user is told what to do next, not only that it failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from story import STORY, Run

from ingest.catalog import UNREAD


@pytest.mark.slow
def test_a_log_in_no_format_says_what_to_do_next(run: Run, tmp_path: Path) -> None:
    """Each letter and the summary name the formats, a way to try them, to force one, and to add one."""
    assert run("init", "lake").returncode == 0
    (tmp_path / "odd.log").write_text('{"colour": "blue"}\nGET /index.html 200\n' + '{"colour": "red"}\n' * 3)
    told = run("ingest", "file", "odd.log", "--lake", "lake").stderr
    assert "5 of them are in no format that is read, the first at odd.log:1" in told
    for step in (
        "formats list",
        "formats try FILE",
        "--skeleton",
        "--format ID",
        "docs/gateways.md",
        "deadletters replay",
    ):
        assert step in told, step
    listed = run("deadletters", "list", "--lake", "lake", "--output", "ndjson").stdout.splitlines()
    assert [json.loads(line)["error"].endswith(UNREAD) for line in listed] == [True] * 5


@pytest.mark.slow
def test_only_records_in_no_format_bring_the_advice(run: Run, tmp_path: Path) -> None:
    """A broken record of a known format, and letters of an earlier run, are not of that kind."""
    assert run("init", "lake").returncode == 0
    (tmp_path / "odd.log").write_text('{"colour": "blue"}\n')
    assert "no format that is read" in run("ingest", "file", "odd.log", "--lake", "lake").stderr
    (tmp_path / "cut.log").write_bytes(STORY[0] + b"\n" + STORY[1][:-20] + b"\n")
    told = run("ingest", "file", "cut.log", "--lake", "lake").stderr
    assert "1 records became dead letters" in told
    assert "no format that is read" not in told


@pytest.mark.slow
def test_letters_are_taken_in_once_a_mapping_reads_them(run: Run, tmp_path: Path) -> None:
    """The way out of the advice: write a mapping, replay with its folder, and nothing is dead any more."""
    run("init")
    log, maps = tmp_path / "mine.ndjson", tmp_path / "maps"
    log.write_text(
        "".join(json.dumps({"at": n, "verb": f"tool-{n}", "desk": "seven"}) + "\n" for n in range(3))
    )
    run("ingest", "file", str(log))
    maps.mkdir()
    (maps / "desk.toml").write_text(
        'summary = "a desk"\n[recognise]\nkeys = ["at", "verb", "desk"]\n[columns]\ntool_name = "verb"\n'
        'event_kind = { value = "tool_call" }\n'
    )
    assert json.loads(run("deadletters", "replay").stdout)["rows"] == 0
    replayed = json.loads(run("deadletters", "replay", "--adapters", str(maps)).stdout)
    assert (replayed["rows"], replayed["still_dead"]) == (3, 0)
