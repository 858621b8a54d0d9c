"""A lake is kept from the command line: what is asked is done once, and what needs two people waits for both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lakes import record
from story import Run

from store.commit import log_entry
from store.lake import Lake


@pytest.fixture
def made(run: Run, tmp_path: Path) -> Path:
    """Return a lake with one log taken in three times as it grew."""
    assert run("init", "lake").returncode == 0
    for part in range(3):
        with (tmp_path / "gateway.log").open("ab") as log:
            log.write(b"".join(record(part * 3 + n, user_id=f"u-{n}-person") + b"\n" for n in range(3)))
        assert run("ingest", "file", "gateway.log").returncode == 0
    return tmp_path / "lake"


def rows(text: str) -> list[dict[str, object]]:
    """Return the rows of an answer in NDJSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_compact_maintain_and_status(run: Run, made: Path) -> None:
    """What was done are rows, and status counts files before and after."""
    before = {r["table"]: r for r in rows(run("lake", "status").stdout)}
    assert (before["events"]["rows"], before["events"]["small_files"]) == (9, 3)
    [done] = rows(run("lake", "compact", "events").stdout)
    assert (done["operation"], done["files_before"], done["files_after"]) == ("compact", 3, 1)
    after = {r["table"]: r for r in rows(run("lake", "status").stdout)}
    assert (after["events"]["files"], after["events"]["unneeded_files"]) == (1, 3)
    assert [r["operation"] for r in rows(run("lake", "maintain", TOOLTRAIL_KEEPING_GRACE="1ms").stdout)] == [
        "vacuum"
    ]
    wrong = run("lake", "compact", "evnts")
    assert (wrong.returncode, "there is no table 'evnts'" in wrong.stderr) == (2, True)


def test_expire_says_what_would_go(run: Run, made: Path) -> None:
    """A dry run changes nothing; a class there is none of is refused with the known ones."""
    periods = {"TOOLTRAIL_RETENTION_EVENTS": "1ms"}
    found = rows(run("lake", "expire", "--dry-run", **periods).stdout)
    assert [(r["over"], r["held"], r["drop_whole"]) for r in found] == [(3, 0, True)] * 3
    assert Lake.open(made).snapshot("events").rows == 9
    [done] = rows(run("lake", "expire", **periods).stdout)
    assert (done["rows_before"], done["rows_after"]) == (9, 0)
    wrong = run("lake", "expire", TOOLTRAIL_RETENTION_CLASSES="denials=3d")
    assert (wrong.returncode, "known are tool_call, denial, client_event" in wrong.stderr) == (2, True)


@pytest.mark.slow
def test_two_people_erase_and_a_hold_comes_first(run: Run, made: Path) -> None:
    """Proposed, refused to its proposer, restricted by a hold, done with its release; the exit codes say so."""
    hold = run(
        "lake", "hold", "set", "--subject", "u-1-person", "--reason", "case", "--by", "cleo"
    ).stdout.strip()
    told = run("lake", "erase", "--subject", "u-1-person", "--reason", "request", "--by", "cleo")
    assert rows(told.stdout) == [
        {"table": "events", "rows": 3, "held": 3},
        {"table": "hold_states", "rows": 1, "held": 1},
    ]
    listed = run("lake", "requests")
    [request] = rows(listed.stdout)
    assert (request["action"], request["state"], "u-1-person" in str(request)) == ("erase", "proposed", False)
    assert f"{request['request_id']} erases u-1-person" in listed.stderr
    own = run("lake", "approve", str(request["request_id"]), "--by", "Cleo")
    assert (own.returncode, "another person must approve" in own.stderr) == (2, True)
    second = run("lake", "approve", str(request["request_id"]), "--by", "ben")
    [held] = rows(second.stdout)
    assert (held["state"], "erases u-1-person" in second.stderr) == ("restricted", True)
    release = run("lake", "hold", "release", hold, "--reason", "settled", "--by", "cleo").stdout.strip()
    [erased] = rows(run("lake", "approve", release, "--by", "ben").stdout)
    assert (erased["state"], erased["residue"]) == ("erased", [])
    assert rows(run("sql", "SELECT count(*) AS n, count(user_id) AS users FROM events").stdout) == [
        {"n": 9, "users": 6}
    ]
    assert run("verify").returncode == 0
    assert "1 erased: request" in run("lake", "status").stderr


def test_what_is_refused_is_not_done(run: Run, made: Path) -> None:
    """A refusal ends a request, and the note that named the person is gone."""
    run("lake", "erase", "--subject", "u-1-person", "--reason", "request", "--by", "cleo")
    [request] = rows(run("lake", "requests").stdout)
    assert run("lake", "refuse", str(request["request_id"]), "--by", "ben").returncode == 0
    assert run("lake", "approve", str(request["request_id"]), "--by", "ben").returncode == 2
    assert list((made / "erasing").iterdir()) == []


def test_two_people_replace_the_key(run: Run, made: Path) -> None:
    """The log is signed by a new key only once another person approved it."""
    before = run("keys", "show").stdout
    request = run("keys", "rotate", "--reason", "yearly", "--by", "cleo").stdout.strip()
    assert run("keys", "show").stdout == before
    assert run("lake", "approve", request, "--by", "ben").returncode == 0
    assert len(run("keys", "show").stdout) > len(before)
    assert run("verify").returncode == 0


def test_doctor_looks_then_mends(run: Run, made: Path) -> None:
    """Exit 4 while a fault remains, and nothing is changed unless told; ingest then brings the rows again."""
    entry = log_entry(made / "events", 3)
    entry.write_bytes(b"")
    looked = run("doctor")
    assert (looked.returncode, [r["kind"] for r in rows(looked.stdout)]) == (4, ["torn_commit"])
    assert entry.exists()
    mended = run("doctor", "--repair")
    assert (mended.returncode, "torn_commit" in mended.stderr) == (0, True)
    assert run("ingest", "file", "gateway.log").returncode == 0
    assert rows(run("sql", "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events").stdout) == [
        {"n": 9, "ids": 9}
    ]
    assert run("doctor").returncode == 0
    assert run("doctor", "--step-back").returncode == 2


@pytest.mark.slow
def test_back_up_and_restore(run: Run, made: Path) -> None:
    """A backup is checked and put back by itself; damage is exit code 4."""
    assert run("lake", "backup", "copy", "--with-keys").returncode == 0
    assert run("lake", "backup", "copy", "--check").returncode == 0
    assert run("lake", "restore", "copy", "--lake", "again").returncode == 0
    assert rows(run("sql", "SELECT count(*) AS n FROM events", "--lake", "again").stdout) == [{"n": 9}]
    victim = max((made.parent / "copy" / "objects").rglob("*"), key=lambda p: p.stat().st_size)
    victim.write_bytes(b"")
    assert run("lake", "backup", "copy", "--check").returncode == 4
    assert run("lake", "restore", "copy", "--lake", "third").returncode == 4
