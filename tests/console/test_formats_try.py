"""`formats try` says what a file is, why, what it nearly is, and how to begin a mapping for it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import zstandard
from story import Run

from console import trial
from ingest.catalog import load_adapters

SECRET = "ghp_" + "a1B2" * 9
RECORD = {
    "ts": 1_790_000_000_123, "svc": "acme", "tool": "github__create_issue", "verdict": "ok", "took_us": 1500,
    "http": {"status": 200}, "params": {"title": SECRET}, "user": {"sub": "ann"}, "session": "s-1", "x.y": 1,
}  # fmt: skip
LOG = [json.dumps(RECORD | {"verdict": verdict}).encode() for verdict in ("ok", "blocked")]
LINE = {"scope": "request", "time": "2026-08-21T10:00:00Z", "src.addr": "192.0.2.7:1", "jwt.team": "blue"}


def page(records: list[bytes], folder: Path | None = None) -> str:
    """Return what is printed of records."""
    adapters = load_adapters([folder] if folder else [])
    trials = trial.attempt(records, adapters)
    lines = [*trial.pages(trials, 120), *trial.remarks(records, trials, adapters)]
    return click.unstyle("\n".join(lines))


def test_a_record_of_no_format_gets_the_nearest() -> None:
    """By the keys it shares with a format, and those that are missing or have another value."""
    out = page([json.dumps(LINE | {"scope": "other"}).encode()])
    assert "record 1: not recognised" in out
    assert 'nearest: agentgateway (has time, src.addr; lacks scope="request")' in out
    assert "--skeleton" in out


def test_the_runner_up_is_named_once() -> None:
    """Which format came next, and what the record would need to be of it; not again for each record."""
    record = json.dumps(LINE | {"event_time": "2026-08-21T10:00:00Z"}).encode()
    out = page([record, record])
    assert out.count("next nearest: native (has event_time; lacks event_kind)") == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_packed_files_are_tried(tmp_path: Path, pack: Any) -> None:
    """Plain, gzip or zstd, by what the file's head says; from stdin too."""
    file = tmp_path / "acme.log"
    file.write_bytes(pack(b"\n".join(LOG) + b"\n"))
    assert trial.first_records(file, 5) == LOG
    command = [sys.executable, "-m", "console.cli", "formats", "try", "-"]
    done = subprocess.run(command, input=file.read_bytes(), capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == 2


def test_a_document_is_cut_into_its_records(tmp_path: Path) -> None:
    """An array over several lines is tried element by element, as it is taken in."""
    file = tmp_path / "all.json"
    file.write_text(json.dumps([RECORD, RECORD], indent=1))
    assert [json.loads(raw) for raw in trial.first_records(file, 5)] == [RECORD, RECORD]


def test_a_skeleton_reads_the_records_it_was_written_from(tmp_path: Path) -> None:
    """It loads as it is, guesses columns, units and words by name, names what is left, and shows no secret."""
    text = trial.written(LOG, load_adapters(), None)
    (tmp_path / "acme.toml").write_text(text)
    assert SECRET not in text
    assert "[REDACTED:github_token:" in text
    assert "# COLUMN = '\"x.y\"'  # 1" in text
    trials = trial.attempt(LOG, load_adapters([tmp_path]))
    assert [(t.format, t.rejected, t.unmapped) for t in trials] == [("acme", None, ["/svc", "/x.y"])] * 2
    [allowed], [denied] = (t.rows for t in trials)
    assert allowed["duration_ms"] == 1.5
    assert allowed["event_time"].year == 2026
    assert (allowed["decision"], allowed["tool_name"], allowed["user_id"]) == (
        "allow",
        "github__create_issue",
        "ann",
    )
    assert (denied["decision"], denied["decision_basis"], denied["event_class"]) == (
        "deny",
        "explicit",
        "denial",
    )


def test_a_skeleton_of_known_records_extends_their_format(tmp_path: Path) -> None:
    """Fields the format has no column for are listed, to be given one; guesses stay comments."""
    text = trial.written([json.dumps(LINE | {"duration": "soon"}).encode()], load_adapters(), None)
    assert 'extends = "agentgateway"' in text
    assert '# COLUMN = \'"jwt.team"\'  # "blue"' in text
    (tmp_path / "edge.toml").write_text(text.replace("# COLUMN", "user_groups"))
    [tried] = trial.attempt([json.dumps(LINE).encode()], load_adapters([tmp_path]))
    assert (tried.format, tried.rows[0]["user_groups"]) == ("edge", ["blue"])


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    """Quotes forgotten around a name with a dot, and a field the extended format reads itself, are said."""
    (tmp_path / "edge.toml").write_text(
        'summary = "x"\nextends = "agentgateway"\n[columns]\norg_id = "jwt.teem"\nclient_address = \'"src.addr"\'\n'
    )
    out = page([json.dumps(LINE).encode()], tmp_path)
    assert 'edge: no record tried has jwt.teem; did you mean "jwt.team"?' in out
    assert 'edge: "src.addr" is read by agentgateway itself' in out


def test_a_hostile_record_writes_a_harmless_skeleton() -> None:
    """Names and values chosen by an attacker end no string and no comment, and move no cursor."""
    record = {'a"]\n[columns]\ndecision': "\x1b[2J\nx = 1", "verdict": 'no"\n\u202e', "e\u0301'\"": 1}
    text = trial.written([json.dumps(record).encode()], load_adapters(), None)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert set(tomllib.loads(text)) == {"summary", "recognise", "columns"}


@pytest.mark.slow
def test_the_commands_of_the_page_work(run: Run, tmp_path: Path) -> None:
    """Skeleton, try, ingest: a log of one's own is in the lake in three commands."""
    (tmp_path / "your.log").write_bytes(b"\n".join(LOG) + b"\n")
    (tmp_path / "mappings").mkdir()
    out = run("formats", "try", "your.log", "--skeleton").stdout
    (tmp_path / "mappings/acme.toml").write_text(out)
    tried = run("formats", "try", "your.log", "--adapters", "mappings").stdout
    assert [json.loads(line)["format"] for line in tried.splitlines()] == ["acme", "acme"]
    assert "Acme" not in run("formats", "show", "acme", "--adapters", "mappings").stderr
    assert 'took_us", unit = "us"' in run("formats", "show", "acme", "--adapters", "mappings").stdout
    run("init", "lake")
    done = run("ingest", "file", "your.log", "--adapters", "mappings", "--lake", "lake", "--output", "json")
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 2, done.stderr
    (tmp_path / "mappings/acme.toml").write_text(out.replace("tool_name", "tool_nam"))
    wrong = run("formats", "try", "your.log", "--adapters", "mappings")
    assert (wrong.returncode, "did you mean tool_name?" in wrong.stderr) == (2, True)
