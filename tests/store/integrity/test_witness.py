"""A witness signs that the log goes on from what it saw; whoever has the log's key cannot make that again."""

from __future__ import annotations

import shutil
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from lakes import record, rows_of, take_in

from store.errors import IntegrityError, UnreachableError, UsageError
from store.integrity import merkle, witness
from store.integrity.note import COSIGNATURE, VerifierKey, parse, signature_line, verified_by
from store.integrity.verify import Options, verify
from store.lake import Lake


class Witness(HTTPServer):
    """A witness as c2sp.org/tlog-witness describes it, with a log it knows; `lies` makes it sign with another key."""

    def __init__(self, log_keys: list[VerifierKey]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.private = Ed25519PrivateKey.generate()
        self.key = VerifierKey("witness.example", COSIGNATURE, self.private.public_key().public_bytes_raw())
        self.log_keys = log_keys
        self.seen = (0, b"")
        self.asked: list[int] = []
        self.lies = False

    @property
    def url(self) -> str:
        """Return where it is asked."""
        return f"http://127.0.0.1:{self.server_port}/"

    def answer(self, body: str) -> tuple[int, str]:
        """Return status and body for a checkpoint, by the rules of add-checkpoint."""
        head, _, text = body.partition("\n\n")
        first, *lines = head.split("\n")
        old, note = int(first.removeprefix("old ")), parse(text)
        self.asked.append(old)
        if note.checkpoint.origin != self.log_keys[0].name:
            return 404, ""
        if not verified_by(note, self.log_keys):
            return 403, ""
        if old != self.seen[0]:
            return 409, f"{self.seen[0]}\n"
        size, root = note.checkpoint.size, note.checkpoint.root
        proof = [b64decode(line) for line in lines]
        if old and not merkle.consistent(old, size, self.seen[1], root, proof):
            return 422, ""
        self.seen = (size, root)
        now = int(time.time())
        private = Ed25519PrivateKey.generate() if self.lies else self.private
        signature = private.sign(f"cosignature/v1\ntime {now}\n{note.text}".encode())
        return 200, signature_line(self.key, now.to_bytes(8, "big") + signature)


class Handler(BaseHTTPRequestHandler):
    """The one call a witness has."""

    def do_POST(self) -> None:
        """Answer a checkpoint."""
        assert isinstance(self.server, Witness)
        assert self.path == "/add-checkpoint"
        status, text = self.server.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(lake: Lake) -> Iterator[Witness]:
    """Return a witness that knows the lake's log."""
    assert lake.log is not None
    keys = [VerifierKey.parse(text) for text in next(lake.log.entries())[1]["keys"]]
    running = Witness(keys)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def cosign(lake: Lake, server: Witness) -> int:
    """Ask the witness; returns the size it signed."""
    assert lake.log is not None
    [signed] = witness.cosign(lake.log, server.url, [server.key])
    return signed.size


def test_a_witness_signs_that_the_log_goes_on(lake: Lake, server: Witness) -> None:
    """From nothing, then with a proof from what it saw, asked for the right size at once; verification asks for it."""
    first = cosign(lake, server)
    take_in(lake, [record(n) for n in range(3)])
    second = cosign(lake, server)
    assert (first < second, server.asked, server.seen[0]) == (True, [0, first], second)
    assert lake.log is not None
    [told] = witness.newest(lake.log)
    assert (told.name, told.size, told.time.date()) == ("witness.example", second, datetime.now(UTC).date())
    report = verify(lake, Options(witnesses=[server.key]))
    assert (report.faults, report.covered["witnesses"]) == ([], 1)
    take_in(lake, [record(n) for n in range(3, 5)], 3)
    report = verify(lake, Options(witnesses=[server.key]))
    assert report.faults == []
    assert any(f"entries from {second} on: witness.example signed last" in text for text in report.uncovered)


def test_a_witness_that_saw_more_than_we_remember_tells_how_much(lake: Lake, server: Witness) -> None:
    """What it signed was lost here: it says its size and is given the proof from there."""
    first = cosign(lake, server)
    shutil.rmtree(lake.path / "log" / witness.FOLDER)
    take_in(lake, [record(0)])
    assert cosign(lake, server) > first
    assert server.asked == [0, 0, first]


def test_another_history_is_not_signed_and_what_was_signed_shows_it(
    lake: Lake, server: Witness, tmp_path: Path
) -> None:
    """An old copy of the lake that goes on with the log's own key: the witness refuses, and verification finds it."""
    old = Lake.open(shutil.copytree(lake.path, tmp_path / "old"))
    take_in(lake, [record(0)])
    cosign(lake, server)
    with pytest.raises(IntegrityError, match="its end was cut off"):
        cosign(old, server)
    for number in range(4):
        old.append(
            "events", rows_of({"event_id": f"{number:032x}", "source_topic": "x", "source_offset": number})
        )
    with pytest.raises(IntegrityError, match="another history"):
        cosign(old, server)
    assert verify(old, Options()).faults == []
    shutil.copytree(lake.path / "log" / witness.FOLDER, old.path / "log" / witness.FOLDER)
    assert {fault.check for fault in verify(old, Options()).faults} == {"checkpoint"}


def test_what_no_witness_signed_is_a_fault_when_one_is_asked_for(lake: Lake, server: Witness) -> None:
    """None at all, and one whose signature was changed."""
    report = verify(lake, Options(witnesses=[server.key]))
    assert [fault.check for fault in report.faults] == ["witness"]
    cosign(lake, server)
    [file] = witness.kept(lake.log)  # type: ignore[arg-type]
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:-1], lines[-1].replace(lines[-1][-20:-4], "A" * 16)]))
    assert "witness" in {fault.check for fault in verify(lake, Options(witnesses=[server.key])).faults}


def test_a_signature_of_someone_else_is_not_kept(lake: Lake, server: Witness) -> None:
    """Whatever answers at the address: only the key counts."""
    server.lies = True
    with pytest.raises(IntegrityError, match="no cosignature"):
        cosign(lake, server)
    assert witness.kept(lake.log) == []  # type: ignore[arg-type]


def test_a_witness_that_cannot_be_asked_or_does_not_know_us_is_told_of(
    lake: Lake, server: Witness, tmp_path: Path
) -> None:
    """With what to do; keys that are no witness's are refused before it is asked."""
    other = Lake.create(tmp_path / "other")
    with pytest.raises(UnreachableError, match="does not know this log"):
        cosign(other, server)
    assert lake.log is not None
    with pytest.raises(UnreachableError, match="cannot be asked"):
        witness.cosign(lake.log, "http://127.0.0.1:1", [server.key])
    with pytest.raises(UsageError, match="no http address"):
        witness.cosign(lake.log, "file:///etc/passwd", [server.key])
    with pytest.raises(UsageError, match="of type 4"):
        witness.cosign(lake.log, server.url, server.log_keys[:1])
