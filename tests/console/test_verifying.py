"""Verification, keys and evidence from the command line: what is printed, and the exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from authorities import TimeStamps
from story import Run

from store.integrity.note import COSIGNATURE, VerifierKey
from store.lake import Lake


@pytest.fixture
def own(lake: Lake, tmp_path: Path) -> Path:
    """Return a lake of one's own in ./lake, where the commands look."""
    return Path(shutil.copytree(lake.path, tmp_path / "lake"))


def test_a_whole_lake_is_verified(run: Run, own: Path) -> None:
    """What was checked, what was not, and that there is no fault, on stdout; a program gets one object."""
    done = run("verify")
    assert done.returncode == 0
    assert done.stdout.endswith("no fault found\n")
    assert "not covered" in done.stdout
    found = json.loads(run("verify", "--since", "last", "--jobs", "2", "--output", "json").stdout)
    assert (found["verified"], found["faults"], found["first"]) == (True, [], None)
    assert found["since"] == found["checkpoint"]["size"] > 0


def test_faults_are_listed_and_the_exit_code_says_so(run: Run, own: Path) -> None:
    """All of them with their places, the first divergence last; exit code 4."""
    for file in (own / "events").glob("event_date=*/*.parquet"):
        file.write_bytes(b"")
    done = run("verify")
    assert done.returncode == 4
    assert done.stdout.count("FAULT") > 2
    assert "the first divergence: file at " in done.stdout
    found = json.loads(run("verify", "--output", "json").stdout)
    assert not found["verified"]
    assert found["first"] == found["faults"][0]


@pytest.mark.parametrize(
    ("since", "code"), [("0", 0), ("2026-01-01", 0), ("2999-01-01T00:00:00Z", 0), ("soon", 2)]
)
def test_since_takes_an_entry_a_time_or_last(run: Run, own: Path, since: str, code: int) -> None:
    """Anything else is refused, with what it takes."""
    done = run("verify", "--since", since)
    assert done.returncode == code
    assert ("--since takes" in done.stderr) == (code == 2)


def test_a_checkpoint_kept_elsewhere_is_compared(run: Run, own: Path, tmp_path: Path) -> None:
    """It holds as long as the log goes on from it, whatever key signs it now."""
    shutil.copy(own / "log" / "checkpoint", tmp_path / "kept")
    before = run("keys", "show").stdout.splitlines()
    assert [line.split("+", 1)[0].split("/")[0] for line in before] == ["tooltrail", "tooltrail"]
    Lake.open(own).log.rotate()  # type: ignore[union-attr]
    assert run("keys", "show").stdout.splitlines()[:2] == before
    done = run("verify", "--checkpoint", "kept")
    assert (done.returncode, "--checkpoint" in done.stdout) == (0, False)
    (tmp_path / "kept").write_text("nonsense")
    assert run("verify", "--checkpoint", "kept").returncode == 4
    assert run("verify", "--checkpoint", "nowhere").returncode == 2


def test_a_lake_without_a_log_says_so(run: Run) -> None:
    """It was made so, and nothing of it can be proven."""
    assert run("init", "bare", "--no-integrity").returncode == 0
    for command in (("verify",), ("keys", "show")):
        done = run(*command, "--lake", "bare")
        assert done.returncode == 2
        assert "without a transparency log" in done.stderr


def test_a_witness_that_cannot_be_asked(run: Run, own: Path) -> None:
    """What is no key is a mistake of the command; no answer is a witness out of reach; none that signed is a fault."""
    assert run("witness", "http://127.0.0.1:1", "--key", "junk").returncode == 2
    key = str(VerifierKey("witness.example", COSIGNATURE, bytes(32)))
    done = run("witness", "http://127.0.0.1:1", "--key", key)
    assert (done.returncode, "cannot be asked" in done.stderr) == (3, True)
    done = run("verify", "--witness", key)
    assert (done.returncode, "no checkpoint that it signed" in done.stdout) == (4, True)


@pytest.mark.slow
def test_evidence_of_a_session_a_query_and_a_finding(run: Run, own: Path, tmp_path: Path) -> None:
    """Each as a bundle that its own program accepts; a name that is nothing makes none."""
    answer = run(
        "sql", "SELECT session_key FROM events WHERE session_key IS NOT NULL LIMIT 1", "--output", "ndjson"
    )
    session = json.loads(answer.stdout)["session_key"]
    done = run("evidence", session, "--out", "session")
    assert done.returncode == 0, done.stderr
    assert "python session/verify.py" in done.stderr
    assert run("evidence", "SELECT event_id FROM denials", "--out", "denials.zip").returncode == 0
    with zipfile.ZipFile(tmp_path / "denials.zip") as archive:
        archive.extractall(tmp_path / "denials")
    for name in ("session", "denials"):
        checked = subprocess.run(
            [sys.executable, "-I", tmp_path / name / "verify.py"], check=False, capture_output=True
        )
        assert checked.returncode == 0, checked.stdout
    assert run("evidence", session, "--out", "session").returncode == 2
    for wrong in (("nobody",), ("no", "--kind", "finding"), ("DROP TABLE events",), ("SELECT 1 AS n",)):
        assert run("evidence", *wrong, "--out", "x").returncode == 2
    assert not (tmp_path / "x").exists()


def test_stamps_from_the_command_line(
    run: Run, own: Path, authority: TimeStamps, authorities: tuple[Path, Path]
) -> None:
    """On demand and by upkeep; a wrong authority is a fault, half a setting refused, one that is down stops nothing."""
    ca = {"TOOLTRAIL_INTEGRITY_TSA_CA": str(authority.ca)}
    on = {"TOOLTRAIL_INTEGRITY_TSA": authority.url} | ca
    assert run("stamp").returncode == 2
    assert run("stamp", TOOLTRAIL_INTEGRITY_TSA=authority.url).returncode == 2
    done = run("stamp", **on)
    assert (done.returncode, "entries were there before" in done.stderr) == (0, True)
    done = run("verify", **ca)
    assert (done.returncode, "stamped     the log had at least" in done.stdout) == (0, True)
    found = json.loads(run("verify", "--tsa-ca", str(authority.ca), "--output", "json").stdout)
    assert [one["size"] for one in found["stamped"]] == [found["checkpoint"]["size"]]
    assert run("verify", "--tsa-ca", str(authorities[1] / "ca.pem")).returncode == 4
    Lake.open(own).log.append("hold", {})  # type: ignore[union-attr]
    every = {"TOOLTRAIL_INTEGRITY_STAMP_EVERY": "1ms"}
    down = run("lake", "maintain", **on | every | {"TOOLTRAIL_INTEGRITY_TSA": "http://127.0.0.1:1"})
    assert (down.returncode, "not stamped, the next run tries again" in down.stderr) == (0, True)
    (own / "log" / "timestamps" / "failed.json").unlink()
    assert "entries were there before" in run("lake", "maintain", **on, **every).stderr


def test_the_log_by_the_hour(run: Run, own: Path) -> None:
    """The hour that runs is not told yet; what was printed is what verification takes."""
    done = run("digest", "--output", "ndjson")
    assert (done.returncode, "is over yet" in done.stderr) == (0, done.stdout == "")
    (own.parent / "hours.ndjson").write_text(done.stdout)
    assert run("verify", "--digest", "hours.ndjson").returncode == 0
    (own.parent / "hours.ndjson").write_text("nonsense\n")
    done = run("verify", "--digest", "hours.ndjson")
    assert (done.returncode, "digest: this is no line of" in done.stdout) == (4, True)
