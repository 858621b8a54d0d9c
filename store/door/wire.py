"""What goes over the door's socket: one question as a line of JSON, back a line of JSON and, of an answer, its rows.

The rows are an Arrow IPC stream. The line before them holds the digest of the rows: what does not arrive whole is no
answer.
"""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import pyarrow as pa

from store.door.answer import Answer, Writing
from store.door.door import Question
from store.door.job import Verdict
from store.errors import TooltrailError, UnreachableError, UsageError

LONGEST = 1 << 18
"""How long a question's line may be, in bytes."""


def question_line(question: Question) -> bytes:
    """Return a question as it is sent."""
    return json.dumps(dataclasses.asdict(question)).encode() + b"\n"


def read_question(line: bytes) -> Question:
    """Return the question of a line; UsageError unless it is one."""
    try:
        return msgspec.json.decode(line, type=Question)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(
            "this is not a question to the door", hint="ask with `tooltrail ask --door`"
        ) from error


def send_answer(sink: IO[bytes], answer: Answer) -> None:
    """Send an answer whose record is durable."""
    head = {
        "digest": answer.digest,
        "cut": answer.cut,
        "versions": answer.versions,
        "access_id": answer.access_id,
    }
    sink.write(json.dumps(head).encode() + b"\n")
    answer.send(sink)
    sink.flush()


def send_error(sink: IO[bytes], error: TooltrailError) -> None:
    """Send what went wrong."""
    sink.write(json.dumps({"verdict": dataclasses.asdict(Verdict.of(error))}).encode() + b"\n")
    sink.flush()


def ask(path: Path, question: Question) -> Answer:
    """Ask the door that listens at `path`; raises what the door raises, UnreachableError when none answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
            with connection.makefile("rwb") as stream:
                stream.write(question_line(question))
                stream.flush()
                return _answer(cast("IO[bytes]", stream), json.loads(stream.readline()))
        except (OSError, ValueError) as error:
            what = error.strerror if isinstance(error, OSError) else "it broke off"
            raise UnreachableError(
                f"the door does not answer: {what}", where=str(path), hint="`tooltrail door serve` opens it"
            ) from error


def _answer(stream: IO[bytes], head: Mapping[str, Any]) -> Answer:
    if "verdict" in head:
        raise Verdict(**head["verdict"]).error()
    writing = Writing()
    try:
        writing.take(stream)
    except (pa.ArrowException, OSError) as error:
        raise UnreachableError("the answer broke off") from error
    answer = writing.answer(cut=head["cut"], versions=head["versions"])
    if answer.digest != head["digest"]:
        raise UnreachableError("the answer did not arrive whole", hint="ask again")
    return dataclasses.replace(answer, access_id=head["access_id"])
