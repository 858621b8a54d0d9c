"""The guarded door: one way to ask the lake for those who may not read its files.

A question is checked against who asks, in which role and why; run in a process of its own over the role's views; and
recorded. No byte of an answer is given out before the record of the question is durable.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from store import keys
from store.door import record
from store.door.following import Rules
from store.door.job import Job
from store.door.running import Ended, Workers, run
from store.errors import DeniedError, StoppedError
from store.sql import freeze_all

if TYPE_CHECKING:
    from store.door.answer import Answer
    from store.door.policy import Policy, Role
    from store.lake import Lake
    from store.settings import AccessSettings
    from store.snapshot import Snapshot

_LONGEST = 200


@dataclass(frozen=True)
class Caller:
    """Who asks: the user the operating system names, and by which way they came."""

    uid: int
    user: str
    via: str

    @classmethod
    def of(cls, uid: int, via: str) -> Caller:
        """Return the caller with this user id."""
        try:
            return cls(uid, pwd.getpwuid(uid).pw_name, via)
        except KeyError:
            return cls(uid, f"uid:{uid}", via)

    @classmethod
    def this(cls, via: str) -> Caller:
        """Return the user of this process."""
        return cls.of(os.getuid(), via)


@dataclass(frozen=True)
class Question:
    """What is asked, in which role, why (a case or a reason), and by whom as the caller says."""

    statement: str
    role: str
    why: str | None = None
    stated: str | None = None
    as_of: str | None = None


class Door:
    """Answers questions of callers by a policy. Safe to share between threads."""

    def __init__(
        self,
        lake: Lake,
        policy: Policy,
        settings: AccessSettings,
        *,
        threads: int = 0,
        ahead: bool = False,
        clean: Callable[[str], str] = str,
        rules: Callable[[], Rules] | None = None,
    ) -> None:
        """Open the door to a lake. `rules`, where given, are asked before each question, and count instead.

        `ahead` keeps a process waiting for the next question; `clean` takes secrets out of what people give as
        reasons.
        """
        self._lake = lake
        self._rules = rules or (lambda: Rules(policy, settings))
        self._threads = threads
        self._clean = clean
        self._tokens = keys.Hmac(lake.site_key, "access-log")
        self._recorder = record.Recorder(lambda accesses: record.keep(lake, accesses))
        self._workers = Workers(ahead=ahead)

    def close(self) -> None:
        """End what waits."""
        self._workers.close()

    def ask(self, caller: Caller, question: Question) -> Answer:
        """Return the answer, whose record is durable.

        Raises DeniedError for what is not allowed, StoppedError at a limit, UsageError for a question that is wrong,
        and UnreachableError when the lake cannot be read or the question not be recorded. However it ends it is
        recorded, or there is no answer.
        """
        asked, began = datetime.now(UTC), time.monotonic()
        rules = self._rules()
        said = self._said(caller, question, asked, rules)
        answer: Answer | None = None
        failure: BaseException | None = None
        version: int | None = None
        try:
            role = _admit(caller, question, rules)
            snapshots = freeze_all(self._lake, question.as_of)
            version = snapshots["events"].version
            answer = run(self._workers, self._job(question, role, snapshots))
        except BaseException as error:  # noqa: BLE001 - however it ends, it is recorded and raised again
            failure = error
        access = _concluded(said, answer, failure, version, time.monotonic() - began)
        self._recorder.record(access)
        if answer is None:
            assert failure is not None
            raise failure
        return replace(answer, access_id=access.access_id)

    def _job(self, question: Question, role: Role, snapshots: dict[str, Snapshot]) -> Job:
        return Job(
            question.statement, role, snapshots, {name: self._lake.template(name) for name in snapshots},
            keys.derive(self._lake.site_key, "mask"), keys.derive(self._lake.site_key, "key-index"), "", self._threads,
        )  # fmt: skip

    def _said(self, caller: Caller, question: Question, asked: datetime, rules: Rules) -> record.Access:
        """Return the record of a question as it was asked, its outcome not known yet."""
        role = question.role if question.role in rules.policy.roles else "[unknown]"
        return record.Access(
            secrets.token_hex(16), asked, caller.user, caller.uid, self._text(question.stated), caller.via,
            role, self._text(question.why), record.tokenised(question.statement, self._tokens),
            self._tokens.digest(question.statement.encode(errors="replace")),
            "failed", None, None, None, None, None, 0,
        )  # fmt: skip

    def _text(self, text: str | None) -> str | None:
        """Return what a person wrote as it may be kept."""
        if text is None:
            return None
        return self._clean("".join(c if c.isprintable() else "�" for c in text))[:_LONGEST]


def _admit(caller: Caller, question: Question, rules: Rules) -> Role:
    role = rules.policy.role_of(caller.uid, caller.user, question.role)
    why = (question.why or "").strip()
    if not why and rules.access.require_reason:
        raise DeniedError("a reason is required", hint="name the case, or say why you ask: --why")
    pattern = rules.access.reason_pattern
    if pattern is not None and re.fullmatch(pattern, why) is None:
        raise DeniedError("the reason is not of the form that is required", hint=f"it must match {pattern}")
    for text in (question.why or "", question.stated or ""):
        if len(text) > _LONGEST or not text.isprintable():
            raise DeniedError("a reason or name is plain text", hint=f"of at most {_LONGEST} characters")
    return role


def _concluded(
    said: record.Access,
    answer: Answer | None,
    failure: BaseException | None,
    version: int | None,
    seconds: float,
) -> record.Access:
    outcome = "answered" if failure is None else _outcome(failure)
    return replace(
        said, outcome=outcome, reason=_reason(answer, failure), events_version=version,
        versions=None if answer is None else json.dumps(answer.versions), rows=None if answer is None else answer.rows,
        result_digest=None if answer is None else answer.digest, duration_ms=round(seconds * 1000),
    )  # fmt: skip


def _outcome(failure: BaseException) -> str:
    if isinstance(failure, DeniedError):
        return "denied"
    return "killed" if isinstance(failure, StoppedError | KeyboardInterrupt) else "failed"


def _reason(answer: Answer | None, failure: BaseException | None) -> str | None:
    """Return why, in words of ours alone: messages may quote what was asked or what is stored."""
    if failure is None:
        return f"cut at {answer.rows} rows" if answer is not None and answer.cut else None
    if isinstance(failure, DeniedError):
        known = failure.name is not None and failure.name in record.ordinary()
        return f"{failure.reason}: {failure.name}" if known else failure.reason
    if isinstance(failure, StoppedError) and not isinstance(failure.__cause__, Ended):
        return failure.message
    return str(failure.__cause__) if isinstance(failure.__cause__, Ended) else type(failure).__name__
