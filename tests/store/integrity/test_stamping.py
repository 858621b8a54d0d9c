"""A time stamp of a real authority over the log's checkpoint: when the log had so many entries, at the latest."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from authorities import TimeStamps, openssl
from lakes import record, take_in

from store.errors import IntegrityError, UnreachableError, UsageError
from store.integrity import evidence, stamping
from store.integrity.log import Log
from store.integrity.stamping import Authority, Failure, Stamped
from store.integrity.verify import Options, verify
from store.keeping.compacting import Target
from store.keeping.status import status
from store.keeping.vacuuming import Ages
from store.lake import Lake

HOUR = timedelta(hours=1)


@pytest.fixture
def log(lake: Lake) -> Log:
    """Return the log of a lake with a few events."""
    take_in(lake, [record(n) for n in range(3)])
    assert lake.log is not None
    return lake.log


def asked(authority: TimeStamps) -> Authority:
    """Return the authority as it is set."""
    return Authority(authority.url, authority.ca)


def faults(lake: Lake, ca: Path) -> list[tuple[str, str]]:
    """Return what verification finds wrong."""
    return [(fault.check, fault.what) for fault in verify(lake, Options(tsa_ca=ca)).faults]


def test_a_stamp_says_by_when_the_log_had_its_entries(lake: Lake, log: Log, authority: TimeStamps) -> None:
    """The size of the checkpoint and a time that is now; OpenSSL accepts the two files too; verification tells them."""
    before = datetime.now(UTC).replace(microsecond=0)
    first = stamping.stamp(log, asked(authority))
    assert before <= first.time <= datetime.now(UTC) + timedelta(seconds=1)  # the authority states a second
    paths = stamping.checkpoint_of(log, first.size), stamping.token_of(log, first.size)
    done = openssl(
        authority.folder, "ts", "-verify", "-data", str(paths[0]), "-in", str(paths[1]), "-CAfile", "ca.pem"
    )
    assert done.returncode == 0, done.stderr
    take_in(lake, [record(n) for n in range(3, 5)], 3)
    second = stamping.stamp(log, asked(authority))
    report = verify(lake, Options(tsa_ca=authority.ca))
    assert (report.faults, report.stamped) == ([], [first, second])
    assert any(
        "made anew as a whole by who holds its key before it was stamped" in t for t in report.uncovered
    )


def test_what_is_said_of_a_lake_names_its_newest_stamp(lake: Lake, log: Log, authority: TimeStamps) -> None:
    """Status tells of the newest stamp that can be read, unchecked, and of a failure since."""
    assert stamping.newest(log) is None
    first = stamping.stamp(log, asked(authority))
    assert stamping.newest(log) == first
    take_in(lake, [record(5)], 3)
    second = stamping.stamp(log, asked(authority))
    assert stamping.newest(log) == second
    stamping.token_of(log, second.size).write_bytes(b"damaged")
    assert stamping.newest(log) == first
    known = status(lake, Target(), Ages()).log
    assert known is not None
    assert (known.stamped, known.failed, known.witnessed) == (first, None, [])
    assert known.entries == second.size


def test_a_stamp_without_certificates_proves_nothing_yet(lake: Lake, log: Log, authority: TimeStamps) -> None:
    """It is said that they are needed: no fault, and no claim."""
    stamping.stamp(log, asked(authority))
    report = verify(lake, Options())
    assert (report.faults, report.stamped) == ([], [])
    assert any("the authority's certificates are needed" in text for text in report.uncovered)


def test_a_stamp_of_an_authority_nobody_trusts(
    lake: Lake, log: Log, authority: TimeStamps, authorities: tuple[Path, Path]
) -> None:
    """It is refused when it comes, and found by whoever verifies with other certificates."""
    stranger = authorities[1] / "ca.pem"
    with pytest.raises(IntegrityError, match="not by an authority of these certificates"):
        stamping.stamp(log, Authority(authority.url, stranger))
    assert stamping.sizes(log) == []
    stamping.stamp(log, asked(authority))
    [(check, what)] = faults(lake, stranger)
    assert (check, "not by an authority of these certificates" in what) == ("timestamp", True)


def test_a_stamp_of_something_else(lake: Lake, log: Log, authority: TimeStamps) -> None:
    """A stamp moved to another checkpoint is named, and so is an answer to another question."""
    first = stamping.stamp(log, asked(authority))
    old = stamping.token_of(log, first.size).read_bytes()
    take_in(lake, [record(9)], 3)
    second = stamping.stamp(log, asked(authority))
    stamping.token_of(log, second.size).write_bytes(old)
    assert faults(lake, authority.ca) == [
        ("timestamp", "the time stamp is of something else than this checkpoint")
    ]
    authority.spoil = lambda _answer: old
    with pytest.raises(IntegrityError, match="something else"):
        stamping.stamp(log, asked(authority))


def test_an_answer_to_an_earlier_question_is_not_taken_again(log: Log, authority: TimeStamps) -> None:
    """The nonce of the question must come back: else a proxy could answer with a stamp of yesterday."""
    first = stamping.stamp(log, asked(authority))
    old = stamping.token_of(log, first.size).read_bytes()
    authority.spoil = lambda _answer: old
    with pytest.raises(IntegrityError, match="Nonce mismatch"):
        stamping.stamp(log, asked(authority))


@pytest.mark.parametrize("at", [-1, 300])
def test_a_damaged_stamp_is_a_fault(lake: Lake, log: Log, authority: TimeStamps, at: int) -> None:
    """One flipped bit of its signature, or of what it says; and one that is cut off."""
    done = stamping.stamp(log, asked(authority))
    token = stamping.token_of(log, done.size)
    whole = token.read_bytes()
    token.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + (whole[at + 1 :] if at != -1 else b""))
    assert [check for check, _ in faults(lake, authority.ca)] == ["timestamp"]
    token.write_bytes(whole[:100])
    [(check, what)] = faults(lake, authority.ca)
    assert (check, what.startswith("this is no time stamp in DER")) == ("timestamp", True)


def test_a_stamp_without_its_checkpoint(lake: Lake, log: Log, authority: TimeStamps) -> None:
    """It says nothing of the log, and that is a fault."""
    done = stamping.stamp(log, asked(authority))
    stamping.checkpoint_of(log, done.size).unlink()
    [(check, what)] = faults(lake, authority.ca)
    assert (check, "checkpoint cannot be read" in what) == ("timestamp", True)


def test_a_log_that_was_made_anew_does_not_begin_as_its_stamp_says(
    lake: Lake, log: Log, authority: TimeStamps, empty_lake: Path, tmp_path: Path
) -> None:
    """Who holds the key can sign another history, but not under a stamp of before."""
    take_in(lake, [record(n) for n in range(3, 6)], 3)
    stamping.stamp(log, asked(authority))
    anew = Lake.open(shutil.copytree(empty_lake, tmp_path / "anew"))
    for number in range(9):
        take_in(anew, [record(100 + number)], number)
    assert verify(anew, Options()).faults == []
    shutil.copytree(log.folder / stamping.FOLDER, anew.path / "log" / stamping.FOLDER)
    [(check, what)] = faults(anew, authority.ca)
    assert (check, "not those it was signed over" in what) == ("checkpoint", True)


def test_an_authority_that_fails_is_written_down_and_asked_again(
    lake: Lake, log: Log, authority: TimeStamps
) -> None:
    """After a pause, until it stamps; verification says that a stamp is missing, which is no fault of the lake."""
    now = datetime.now(UTC).replace(microsecond=0)
    authority.status = 503
    failed = stamping.stamp_due(log, asked(authority), HOUR, now)
    assert isinstance(failed, Failure)
    assert "answered 503" in failed.why
    assert stamping.stamp_due(log, asked(authority), HOUR, now + timedelta(minutes=4)) is None
    report = verify(lake, Options(tsa_ca=authority.ca))
    assert (report.faults, any("answered 503" in text for text in report.uncovered)) == ([], True)
    authority.status = 200
    assert isinstance(stamping.stamp_due(log, asked(authority), HOUR, now + stamping.PAUSE), Stamped)
    assert stamping.failure_of(log) is None


def test_stamps_are_an_hour_apart_and_only_of_what_is_new(
    lake: Lake, log: Log, authority: TimeStamps
) -> None:
    """A log that did not grow is not stamped again, one that did when the last stamp is old enough."""
    now = datetime.now(UTC)
    assert isinstance(stamping.stamp_due(log, asked(authority), HOUR, now), Stamped)
    assert stamping.stamp_due(log, asked(authority), HOUR, now + 2 * HOUR) is None
    take_in(lake, [record(9)], 3)
    assert stamping.stamp_due(log, asked(authority), HOUR, now) is None
    assert isinstance(stamping.stamp_due(log, asked(authority), HOUR, now + 2 * HOUR), Stamped)
    assert authority.asked == 2


def test_a_refusal_is_told_in_the_authoritys_words(log: Log, authority: TimeStamps) -> None:
    """An authority that does not take SHA-256 says so, and an address that is none, or out of reach, is named."""
    config = authority.folder / "tsa.cnf"
    config.write_text(config.read_text().replace("digests = sha256", "digests = sha512"))
    with pytest.raises(UnreachableError, match="not supported"):
        stamping.stamp(log, asked(authority))
    with pytest.raises(UnreachableError, match="cannot be asked"):
        stamping.stamp(log, Authority("http://127.0.0.1:1/", authority.ca))
    with pytest.raises(UsageError, match="no http address"):
        stamping.stamp(log, Authority("ftp://tsa.example/", authority.ca))
    with pytest.raises(UsageError, match="no certificates"):
        stamping.stamp(log, Authority(authority.url, config))
    with pytest.raises(UsageError, match="no password"):
        Authority("https://me:secret@tsa.example/", authority.ca)


def test_an_authority_that_sends_its_chain_out_of_order(
    lake: Lake, log: Log, authority: TimeStamps, authorities: tuple[Path, Path], tmp_path: Path
) -> None:
    """It is refused by name; with its own certificate among those given it sends none, and is checked as well."""
    authority.chain = True
    with pytest.raises(IntegrityError, match=r"no time stamp in DER.*InvalidSetOrdering"):
        stamping.stamp(log, asked(authority))
    with_its_own = tmp_path / "with-its-own.pem"
    with_its_own.write_bytes(authority.ca.read_bytes() + (authority.folder / "tsa.pem").read_bytes())
    done = stamping.stamp(log, Authority(authority.url, with_its_own))
    report = verify(lake, Options(tsa_ca=with_its_own))
    assert (report.faults, report.stamped) == ([], [done])
    stranger = (authorities[1] / "ca.pem").read_bytes()
    with_its_own.write_bytes(stranger + (authority.folder / "tsa.pem").read_bytes())
    for ca in (authority.ca, with_its_own):
        [(check, what)] = faults(lake, ca)
        assert (check, "not by an authority of these certificates" in what) == ("timestamp", True)


def test_a_bundle_carries_the_first_stamp_that_covers_its_events(
    lake: Lake, log: Log, authority: TimeStamps, tmp_path: Path
) -> None:
    """Its checkpoint is the stamped one, so OpenSSL alone says by when they were there; without a stamp, the newest."""
    stamped = stamping.stamp(log, asked(authority))
    take_in(lake, [record(n) for n in range(3, 6)], 3)
    stamping.stamp(log, asked(authority))
    take_in(lake, [record(9)], 6)
    early = evidence.Question("query", "early", "SELECT event_id FROM events WHERE source_offset < 3", {})
    assert evidence.bundle(lake, early, tmp_path / "early").stamped
    folder = tmp_path / "early"
    assert (folder / "checkpoint").read_bytes() == stamping.checkpoint_of(log, stamped.size).read_bytes()
    done = openssl(
        folder, "ts", "-verify", "-data", "checkpoint", "-in", "checkpoint.tsr", "-CAfile", str(authority.ca)
    )
    assert done.returncode == 0, done.stderr
    every = evidence.Question("query", "every", "SELECT event_id FROM events", {})
    assert not evidence.bundle(lake, every, tmp_path / "every").stamped
    assert not (tmp_path / "every" / "checkpoint.tsr").exists()
    for name in ("early", "every"):
        checked = checked_by_itself(tmp_path / name)
        assert "all holds" in checked
        assert ("openssl ts -verify" in checked) == (name == "early")


def checked_by_itself(folder: Path) -> str:
    """Return what the bundle's own program prints."""
    return subprocess.run(
        [sys.executable, "-I", folder / "verify.py"], check=False, capture_output=True, text=True
    ).stdout
