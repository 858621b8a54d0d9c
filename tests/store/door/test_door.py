"""Questions through the door, each in a real process: who may ask, what is recorded, what is stopped."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import guarded
import lakes
import pytest
from guarded import BOUND, HOSTILE, POLICY, VIEWS

from store.door import running
from store.door.answer import Writing, canonical
from store.door.door import Caller, Door, Question
from store.door.policy import Limits, Policy, Role
from store.door.record import Access, Recorder, tokenised
from store.errors import DeniedError, StoppedError, TooltrailError, UnreachableError, UsageError
from store.keys import Hmac
from store.lake import Lake
from store.settings import AccessSettings

pytestmark = pytest.mark.slow

ANA = Caller(1001, "ana", "command")
TIGHT = Role(
    "tight", VIEWS, limits=Limits(max_seconds=1.5, max_memory=64 << 20, max_rows=5, max_bytes=1 << 20)
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with rows of two organisations."""
    return guarded.make(tmp_path_factory.mktemp("world") / "lake", "a")


@pytest.fixture(scope="module")
def door(world: Lake) -> Iterator[Door]:
    """Return a door to the lake that keeps a process ready."""
    policy = Policy({**POLICY.roles, "tight": TIGHT}, {"ana": ("bound", "tight"), "uid:1002": ("free",)})
    door = Door(world, policy, AccessSettings(), threads=1, ahead=True)
    yield door
    door.close()


def question(statement: str, role: str = "bound", why: str | None = "CASE-1") -> Question:
    """Return a question."""
    return Question(statement, role, why)


def newest(lake: Lake) -> dict[str, Any]:
    """Return the newest record of the access log."""
    row: dict[str, Any] = lake.sql("FROM access_log ORDER BY asked_time DESC LIMIT 1").arrow().to_pylist()[0]
    return row


def test_an_answer_has_its_record(world: Lake, door: Door) -> None:
    """Who asked what, in which role, why, of which version, with how many rows and which digest, is in the log."""
    answer = door.ask(
        ANA, replace(question("SELECT tool_name, count(*) AS n FROM events GROUP BY ALL"), stated="Ana B.")
    )
    record = newest(world)
    assert answer.arrow().to_pylist() == [{"tool_name": "read_file", "n": 24}]
    expected = {
        "access_id": answer.access_id, "os_user": "ana", "os_uid": 1001, "stated": "Ana B.", "via": "command",
        "role": "bound", "why": "CASE-1", "outcome": "answered", "reason": None, "rows": 1, "versions": '{"events": 1}',
        "events_version": 1, "result_digest": answer.digest,
    }  # fmt: skip
    assert {key: record[key] for key in expected} == expected
    assert record["statement"].startswith("SELECT tool_name , count ( * ) AS [name:")


def test_the_record_is_durable_before_the_answer_is_given(
    world: Lake, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the log cannot be written, there is no answer."""

    def full(*_args: object, **_named: object) -> int:
        raise UnreachableError("cannot be written: no space left", where="access_log")

    monkeypatch.setattr(Lake, "append", full)
    with pytest.raises(UnreachableError, match="no space"):
        door.ask(ANA, question("SELECT 1"))


@pytest.mark.parametrize(
    ("caller", "asked", "reason"),
    [
        (ANA, question("SELECT 1", role="free"), "you do not have this role"),
        (ANA, question("SELECT 1", role="no such"), "you do not have this role"),
        (Caller(1003, "eve", "socket"), question("SELECT 1"), "you do not have this role"),
        (ANA, question("SELECT 1", why=None), "a reason is required"),
        (ANA, question("SELECT 1", why="  "), "a reason is required"),
        (ANA, question("SELECT 1", why="x" * 201), "a reason or name is plain text"),
        (ANA, question("SELECT 1", why="a\x1b[2Jb"), "a reason or name is plain text"),
        (ANA, question("SELECT * FROM read_text('/etc/passwd')"), "this function is not allowed: read_text"),
        (ANA, question("FROM findings"), "the role is not granted this view: findings"),
        (ANA, question('FROM "sk-live-secret"'), "the role is not granted this view"),
        (ANA, question("DROP VIEW events"), "only SELECT is answered"),
    ],
)
def test_denials_are_recorded(world: Lake, door: Door, caller: Caller, asked: Question, reason: str) -> None:
    """What is denied is not answered, and is in the log with the reason in words of ours."""
    with pytest.raises(DeniedError):
        door.ask(caller, asked)
    record = newest(world)
    assert (record["outcome"], record["reason"], record["os_user"]) == ("denied", reason, caller.user)
    assert "sk-live" not in str(record)
    assert "\x1b" not in str(record)


def test_a_role_may_be_held_by_number(door: Door) -> None:
    """uid:NUMBER names a user without a name on this machine."""
    assert door.ask(Caller(1002, "uid:1002", "socket"), question("SELECT 1 AS x", role="free")).rows == 1


def test_a_reason_must_have_the_form_that_is_required(world: Lake) -> None:
    """access.reason_pattern is matched by the whole reason."""
    door = Door(world, POLICY, AccessSettings(reason_pattern=r"CASE-\d+"), threads=1)
    with pytest.raises(DeniedError, match="form"):
        door.ask(ANA, question("SELECT 1", why="CASE-1 or so"))
    assert door.ask(ANA, question("SELECT 1", why="CASE-1")).rows == 1


def test_wrong_questions_are_recorded_without_what_they_quote(world: Lake, door: Door) -> None:
    """DuckDB's message goes to the person; the log keeps the kind of error."""
    with pytest.raises(UsageError, match="sk-live-4"):
        door.ask(ANA, question("SELECT 'sk-live-4'::INTEGER FROM events"))
    record = newest(world)
    assert (record["outcome"], record["reason"]) == ("failed", "ConversionException")
    assert "sk-live" not in str(record)


@pytest.mark.parametrize(
    "statement",
    [HOSTILE["bombs"][0], "SELECT repeat('x', 100000000) || repeat('y', 100000000)", HOSTILE["bombs"][-1]],
)
def test_bombs_are_stopped(world: Lake, door: Door, statement: str) -> None:
    """Time, memory and the size of an answer are bounded; the door goes on."""
    began = time.monotonic()
    with pytest.raises(StoppedError):
        door.ask(ANA, question(statement, role="tight"))
    assert time.monotonic() - began < 15
    assert newest(world)["outcome"] == "killed"
    assert door.ask(ANA, question("SELECT 1")).rows == 1


def test_rows_are_cut_and_that_is_said(world: Lake, door: Door) -> None:
    """An answer has at most the rows of the role; the cut is in the answer and in the log."""
    answer = door.ask(ANA, question("SELECT event_id FROM events ORDER BY ALL", role="tight"))
    assert (answer.rows, answer.cut, answer.arrow().num_rows) == (5, True, 5)
    assert newest(world)["reason"] == "cut at 5 rows"


def test_a_process_that_dies_takes_nothing_with_it(world: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash of the engine is a failure of one question, recorded as such."""
    door = Door(world, POLICY, AccessSettings(), threads=1)
    take = door._workers.take

    def doomed() -> Any:
        process = take()
        os.kill(process.pid, signal.SIGSEGV)
        return process

    monkeypatch.setattr(door._workers, "take", doomed)
    with pytest.raises(TooltrailError, match="SIGSEGV"):
        door.ask(ANA, question("SELECT 1"))
    assert newest(world)["outcome"] == "failed"


@pytest.mark.parametrize(("raised", "outcome"), [(KeyboardInterrupt, "killed"), (OSError, "failed")])
def test_what_is_broken_off_is_recorded(
    world: Lake, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], outcome: str
) -> None:
    """Ctrl-C, or a fault nobody thought of, ends a question; its record is written all the same."""

    def broken(*_args: object) -> None:
        raise raised

    monkeypatch.setattr("store.door.door.run", broken)
    with pytest.raises(raised):
        Door(world, POLICY, AccessSettings()).ask(ANA, question("SELECT 1"))
    assert (newest(world)["outcome"], newest(world)["reason"]) == (outcome, raised.__name__)


def test_text_that_is_none_is_denied(world: Lake, door: Door) -> None:
    """Half a surrogate pair, which no file can hold, is denied and recorded."""
    with pytest.raises(DeniedError):
        door.ask(ANA, question("SELECT '\ud800'"))
    assert newest(world)["outcome"] == "denied"


def test_a_process_gets_no_secrets(world: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment only what Python needs reaches the process of a question."""
    monkeypatch.setenv("TOOLTRAIL_KAFKA_SASL_PASSWORD", "hunter2-hunter2")
    process = running._start()
    try:
        assert process.stderr is not None
        process.stderr.readline()
        assert b"hunter2" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        running._end(process)


def test_no_process_or_file_is_left(world: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a question its spill folder is gone, whether it was answered or killed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    door = Door(world, Policy({"tight": TIGHT}, {"*": ("tight",)}), AccessSettings(), threads=1)
    door.ask(ANA, question("SELECT 1", role="tight"))
    with pytest.raises(StoppedError):
        door.ask(ANA, question(HOSTILE["bombs"][0], role="tight"))
    assert list(tmp_path.iterdir()) == []


def test_an_older_version_can_be_asked(world: Lake, door: Door) -> None:
    """as_of asks the lake as it was, and the record says which version that is."""
    answer = door.ask(ANA, replace(question("SELECT count(*) AS n FROM events"), as_of="0"))
    assert answer.arrow()["n"].to_pylist() == [0]
    assert newest(world)["events_version"] == 0


def test_a_digest_is_of_the_rows_alone(world: Lake, door: Door) -> None:
    """The same rows have the same digest, asked again and however they were cut into batches; others have another."""
    first, again, other = (
        door.ask(ANA, question(f"SELECT event_id, event_time, {x} AS x FROM events ORDER BY ALL"))  # noqa: S608
        for x in (1, 1, 2)
    )
    assert first.digest == again.digest != other.digest
    table = first.arrow()
    parts = table.to_batches(max_chunksize=7)
    assert len(parts) > 1
    assert b"".join(canonical(b) for b in parts) == b"".join(canonical(b) for b in table.to_batches())


def test_a_stream_that_is_none_is_no_answer() -> None:
    """Bytes that are no Arrow stream raise Arrow's error and nothing else."""
    import pyarrow as pa

    for content in (b"", b"x" * 100, b"\xff\xff\xff\xff" + b"\x10\x00\x00\x00" * 8):
        with pytest.raises((pa.ArrowException, OSError)):
            Writing().take(io.BytesIO(content))


def test_questions_at_once_share_commits() -> None:
    """Records that come while one is being made durable go into the next commit together, and each hears of failure."""
    import threading

    batches: list[int] = []
    gate = threading.Event()

    def keep(accesses: Any) -> None:
        gate.wait(5)
        batches.append(len(accesses))

    recorder = Recorder(keep)
    access: Any = object()
    threads = [threading.Thread(target=recorder.record, args=(access,)) for _ in range(8)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    gate.set()
    for thread in threads:
        thread.join(5)
    assert batches == [1, 7]


def test_each_waiting_record_hears_of_a_failure() -> None:
    """A commit that fails is an error for everyone in it."""

    def fail(_accesses: Any) -> None:
        raise UnreachableError("full")

    recorder = Recorder(fail)
    access: Access = object()  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(UnreachableError):
            recorder.record(access)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'sk-live-1' FROM events", 'SELECT 1 AS "sk-live-1"', "SELECT 1 -- sk-live-1", "SELECT $$sk-live-1$$",
        "SELECT $x$sk-live-1$x$", "SELECT E'sk-live-1'", "SELECT x'sk-live-1'", "SELECT sk_live_1 FROM sk_live_1",
        "SELECT 'it''s sk-live-1'", "SELECT 'sk-live-1", "SELECT /* sk-live-1 */ 1", "SELECT #sk-live-1",
        "SELECT @sk_live_1", "SELECT $sk_live_1", "SELECT 1e5sk_live_1",
        "SELECT U&'sk-live-1'", 'SELECT "a""sk-live-1"', "sk-live-1",
        "SELECT {'sk-live-1': 1}", "SELECT b'sk-live-1', r'sk-live-1', n'sk-live-1'",
    ],
)  # fmt: skip
def test_what_was_written_into_a_statement_is_not_kept(statement: str) -> None:
    """Literals, comments and unknown names leave tokens in the log, equal for equal values."""
    key = Hmac(lakes.KEY, "access-log")
    kept = tokenised(statement, key)
    assert "live" not in kept.lower()
    assert kept == tokenised(statement, key)


def test_what_a_statement_did_is_kept() -> None:
    """Views, columns, functions (the refused ones too) and keywords stay readable."""
    key = Hmac(lakes.KEY, "access-log")
    kept = tokenised(
        "SELECT tool_name, read_text('/etc/passwd') FROM events WHERE user_id = 'ana' OR user_name = 'ana'",
        key,
    )
    assert kept.startswith("SELECT tool_name , read_text ( [value:")
    ana = key.digest(b"ana")[:12]
    assert kept.endswith(f"FROM events WHERE user_id = [value:{ana}] OR user_name = [value:{ana}]")


@pytest.mark.slow
def test_every_hostile_statement_is_audited(world: Lake, door: Door) -> None:
    """Through real processes the whole corpus is denied or harmless, with one record each."""
    before = world.sql("SELECT count(*) AS n FROM access_log").arrow()["n"][0].as_py()
    statements = [s.replace("{lake}", str(world.path)) for group in HOSTILE.values() for s in group]
    outcomes: dict[str, list[str]] = {}
    for statement in statements:
        try:
            door.ask(ANA, question(statement)).send(sink := io.BytesIO())
            content = sink.getvalue()
        except TooltrailError as error:
            content = str(error).encode()
        assert b"hidden-a" not in content.replace(statement.encode(), b"")
        outcomes.setdefault(newest(world)["outcome"], []).append(statement)
    after = world.sql("SELECT count(*) AS n FROM access_log").arrow()["n"][0].as_py()
    assert after - before == len(statements)
    assert len(outcomes["denied"]) >= len(HOSTILE["study"]) + len(HOSTILE["denied"])
    assert set(HOSTILE["bombs"]) & set(outcomes["answered"]) == set()
    assert BOUND.limits.max_seconds == 3
