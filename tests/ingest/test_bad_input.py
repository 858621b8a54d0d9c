"""Everything that can be wrong with what comes in, or with where it goes, in one table.

Each line of the table says what is broken and what must be said about it. The good records around it are rows all
the same, at once or when the fault is gone, and the counts close.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from lakes import ask, event_ids, letters, record

from ingest import unpack
from ingest.files import ingest_files
from ingest.kafka_client import KafkaOptions, connect
from ingest.loop import IngestOptions, Pipeline
from store.errors import DurabilityError, TooltrailError, UnreachableError
from store.lake import Lake

LIMIT = 256 << 10
DEEP = b"[" * 100_000 + b"]" * 100_000
Patch = pytest.MonkeyPatch


def odd(change: bytes) -> bytes:
    """Return a good record with something put into it: the last member of its object."""
    return record(1)[:-1] + b", " + change + b"}"


@dataclass(frozen=True)
class Letter:
    """A record that becomes a dead letter: its phase, and what its error says."""

    raw: bytes
    phase: str
    error: str


@dataclass(frozen=True)
class Row:
    """A record that is odd and a row all the same: a question about it, and the answer."""

    raw: bytes
    column: str
    value: Any


@dataclass(frozen=True)
class Broken:
    """A file that cannot be read: how to make it, and what is reported of it."""

    make: Callable[[Path, Patch], None]
    error: str | None
    hint: str = ""


@dataclass(frozen=True)
class Fault:
    """Something around us that fails: how to break it, the error, and what the error says."""

    fail: Callable[[Lake, Patch], None]
    kind: type[TooltrailError]
    error: str
    hint: str = field(default="")


def unreadable(path: Path, patch: Patch) -> None:
    """Let one file refuse to be opened."""
    path.write_bytes(record(1))
    real = Path.open

    def refuse(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return real(self, *arguments, **named)

    patch.setattr(Path, "open", refuse)


def bomb(path: Path, patch: Patch) -> None:
    """Make a file of some kilobytes that expands to megabytes."""
    patch.setattr(unpack, "RATIO_FLOOR", 1 << 20)
    path.write_bytes(gzip.compress(bytes(8 << 20)))


def cut_gzip(path: Path, patch: Patch) -> None:
    """Make a packed file of blank lines that breaks off."""
    path.write_bytes(gzip.compress(bytes(b" \n"[b & 1] for b in os.urandom(9999)))[:-99])


def cut_document(path: Path, patch: Patch) -> None:
    """Make an array that breaks off."""
    path.write_bytes(b'[{"a": 1},')


def empty(path: Path, patch: Patch) -> None:
    """Make an empty file."""
    path.touch()


def folder(path: Path, patch: Patch) -> None:
    """Make a folder."""
    path.mkdir()


def refusing(number: int) -> Callable[[Lake, Patch], None]:
    """Let no file be made."""

    def fail(lake: Lake, patch: Patch) -> None:
        real = os.open

        def refuse(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            if flags & os.O_CREAT:
                raise OSError(number, os.strerror(number))
            return real(path, flags, *rest, **named)

        patch.setattr(os, "open", refuse)

    return fail


def full_on_fsync(lake: Lake, patch: Patch) -> None:
    """Let the disk be full only when the bytes are forced onto it."""

    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr(os, "fsync", refuse)


def newer(lake: Lake, patch: Patch) -> None:
    """Let the lake be one of a later version."""
    real = Path.read_text

    def read(self: Path, *arguments: Any, **named: Any) -> str:
        text = real(self, *arguments, **named)
        return json.dumps({**json.loads(text), "layout": 99}) if self.name == "lake.json" else text

    patch.setattr(Path, "read_text", read)


def no_broker(lake: Lake, patch: Patch) -> None:
    """Ask a port nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        connect(KafkaOptions(topics=("calls",), bootstrap_servers=(address,), connect_timeout=0.5))


TABLE: dict[str, Letter | Row | Broken | Fault] = {
    "invalid UTF-8": Letter(odd(b'"x": "\xff"'), "decode", "not UTF-8 at byte"),
    "UTF-16": Letter(record(1).decode().encode("utf-16")[:200].replace(b"\n", b""), "decode", "not UTF-8 at byte 0"),
    "truncated JSON": Letter(record(1)[:-9], "detect", "not JSON: Input data was truncated"),
    "a record run into a cut one": Letter(record(1)[:-9] + record(2), "detect", "not JSON"),
    "a line too long": Letter(odd(b'"x": "' + b"a" * LIMIT + b'"'), "framing", "(ingest.max_record_bytes)"),
    "depth 100,000": Letter(odd(b'"arguments": ' + DEEP), "detect", "nested 100001 levels deep, more than 64"),
    "unclosed depth": Letter(b'{"a":' * 50_000, "detect", "nested 50000 levels deep"),
    "NaN": Letter(odd(b'"duration_ms": NaN'), "detect", "not JSON"),
    "Infinity in arguments": Letter(odd(b'"arguments": {"x": -Infinity}'), "detect", "not JSON"),
    "2^63 in a number column": Letter(odd(b'"response_bytes": 9223372036854775808'), "validate", "response_bytes"),
    "10^400 in a number column": Letter(odd(b'"duration_ms": 1' + b"0" * 400), "parse", "duration_ms"),
    "2^63 - 1": Row(odd(b'"response_bytes": 9223372036854775807'), "response_bytes", 2**63 - 1),
    "10^400 in arguments": Row(odd(b'"arguments": {"x": 1' + b"0" * 400 + b"}"), "args_json[1:8]", '{"x": 10'),
    "2^64 in an unknown field": Row(odd(b'"x": 18446744073709551616'), "unmapped", '{"/x":18446744073709551616}'),
    "duplicate keys": Row(odd(b'"tool_name": "last"'), "{'last': tool_name, 'said': parse_warnings}",
                          {"last": "last", "said": ["duplicate_keys"]}),
    "duplicate keys, one escaped": Row(odd(b'"tool\\u005fname": "last"'), "parse_warnings", ["duplicate_keys"]),
    "duplicate keys in arguments": Row(odd(b'"arguments": {"to": [{"a": 1, "a": 1}]}'), "parse_warnings",
                                       ["duplicate_keys"]),
    "a NUL byte": Letter(odd(b'"x": "a\x00b"'), "detect", "not JSON"),
    "an escaped NUL": Row(odd(b'"tool_name": "a\\u0000b"'), "tool_name", "a\0b"),
    "half a surrogate pair": Letter(odd(b'"tool_name": "\\ud800"'), "detect", "not JSON"),
    "a wrong type": Letter(odd(b'"user_id": ["ana"]'), "parse", "Expected `str | null`, got `array` - at `$.user_id`"),
    "a wrong type inside": Letter(odd(b'"scopes": ["a", 1]'), "parse", "at `$.scopes[1]`"),
    "an array for a record": Letter(b'["event_time"]', "detect", "not a JSON object"),
    "null for a record": Letter(b"null", "detect", "not a JSON object"),
    "nulls for values": Row(odd(b'"user_name": null, "x": null'), "unmapped", '{"/x":null}'),
    "a field of the future": Row(odd(b'"x": {"y": [1]}'), "unmapped", '{"/x":{"y": [1]}}'),
    "a word of the future": Letter(odd(b'"outcome": "sucess"'), "validate", "did you mean 'success'?"),
    "a time that is none": Letter(odd(b'"event_time": "2026-02-30T00:00:00Z"'), "validate", "event_time: not an RFC"),
    "5,000 keys": Row(odd(b'"arguments": {' + b",".join(b'"k%d":1' % n for n in range(5000)) + b"}"),
                      "len(args_keys)", 5000),
    "an empty file": Broken(empty, None),
    "an unreadable file": Broken(unreadable, "cannot be read: Permission denied", "check its permissions"),
    "a folder for a file": Broken(folder, "cannot be read: Is a directory"),
    "a packed file cut short": Broken(cut_gzip, "the compressed data is damaged", "before the damage was taken in"),
    "a gzip bomb": Broken(bomb, "expands more than 250-fold", "decompress it first"),
    "a document cut short": Broken(cut_document, "is not: Input data was truncated",
                                   "one record a line"),
    "no broker": Fault(no_broker, UnreachableError, "127.0.0.1:"),
    "a full disk": Fault(refusing(errno.ENOSPC), UnreachableError, "No space left on device", "free space"),
    "a full disk at fsync": Fault(full_on_fsync, DurabilityError, "fsync failed: No space", "start again"),
    "a read-only lake": Fault(refusing(errno.EROFS), UnreachableError, "Read-only file system", "folder writable"),
    "a newer lake": Fault(newer, UnreachableError, "made by a newer version", "upgrade tooltrail"),
}  # fmt: skip


def ingest(lake: Lake, *paths: Path) -> tuple[Pipeline, list[TooltrailError]]:
    """Take files in; return the pipeline and what was reported."""
    pipeline = Pipeline(Lake.open(lake.path), IngestOptions())
    report = ingest_files(lake, pipeline, list(paths), LIMIT, lambda flushed: flushed.counts.check(), Event())
    return pipeline, report.failed


def spoilt(case: Fault, lake: Lake, patch: Patch, path: Path) -> None:
    """Take a file in while something around us is broken."""
    case.fail(lake, patch)
    ingest(lake, path)


@pytest.mark.parametrize("name", TABLE)
def test_bad_input(lake: Lake, tmp_path: Path, monkeypatch: Patch, name: str) -> None:
    """What is bad is named, with its place and what to do; what is good goes in; nothing is lost, nothing stops."""
    case = TABLE[name]
    good, bad = tmp_path / "good.log", tmp_path / "bad.log"
    middle = [case.raw] if isinstance(case, Letter | Row) else []
    good.write_bytes(b"\n".join([record(10), *middle, record(20)]) + b"\n")
    if isinstance(case, Fault):
        with monkeypatch.context() as broken, pytest.raises(case.kind) as caught:
            spoilt(case, lake, broken, good)
        assert case.error in str(caught.value)
        assert case.hint in str(caught.value.hint)
        assert event_ids(lake) == []
    with monkeypatch.context() as broken:
        if isinstance(case, Broken):
            case.make(bad, broken)
        pipeline, failed = ingest(lake, *([bad] if isinstance(case, Broken) else []), good)
    counts = pipeline.counts
    assert (counts.records, counts.rows, counts.dead) == (
        2 + len(middle), 2 + isinstance(case, Row), int(isinstance(case, Letter)),
    )  # fmt: skip
    assert len(event_ids(lake)) == counts.rows
    if isinstance(case, Letter):
        [letter] = letters(lake)
        assert (letter["phase"], letter["place"]) == (case.phase, f"{good}:2")
        assert case.error in letter["error"]
    if isinstance(case, Row):
        query = f"SELECT {case.column} FROM events WHERE source_offset = ?"  # noqa: S608
        assert ask(lake, query, len(record(10)) + 1) == [(case.value,)]
    reported = [(str(e.where), e.message, str(e.hint)) for e in failed]
    if isinstance(case, Broken) and case.error is not None:
        [(where, message, hint)] = reported
        assert (where, case.error in message, case.hint in hint) == (str(bad), True, True), reported
    else:
        assert reported == []


def peak(lake: Lake, log: Path) -> int:
    """Take a file in with the command, and return the most memory it held, in bytes."""
    command = [
        sys.executable,
        "-m",
        "console.cli",
        "ingest",
        "file",
        str(log),
        "--lake",
        str(lake.path),
        "--output",
        "json",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def test_a_line_of_100_mb_costs_no_memory(lake: Lake, tmp_path: Path) -> None:
    """A real line of 100 MB is a letter with its size; memory stays near what any file takes."""
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_bytes(record(0) + b"\n")
    with large.open("wb") as file:
        file.write(record(1) + b'\n{"x":"')
        for _ in range(100):
            file.write(b"a" * 1_000_000)
        file.write(b'"}\n' + record(2) + b"\n")
    usual = peak(lake, small)
    assert peak(lake, large) - usual < 80_000_000
    [letter] = letters(lake)
    assert (letter["place"], len(event_ids(lake))) == (f"{large}:2", 3)
    assert "a line of 100000008 bytes" in letter["error"]
