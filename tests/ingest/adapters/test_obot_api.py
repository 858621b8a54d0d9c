"""What an entry of Obot's HTTP API audit log says, and how entries are told apart."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from reading import ADAPTERS, parse, picked, row, unmapped

from ingest.catalog import Detector
from ingest.framing import cut_document, is_document
from ingest.unpack import open_file

JUDGED = ("decision", "decision_basis", "decision_source", "outcome")


def entry(**changes: Any) -> dict[str, Any]:
    """Return a request, with changes."""
    return {
        "time": "2026-10-05T09:00:00.123456789Z",
        "userID": "3",
        "method": "POST",
        "path": "/mcp-connect/ms1abc",
        "userAgent": "claude-code/2.1",
        "sourceIP": "203.0.113.9",
        "responseCode": 200,
        "host": "obot.acme.example",
    } | changes


def together(*entries: dict[str, Any]) -> bytes:
    """Return entries as Obot writes them, with nothing between."""
    return b"".join(json.dumps(e, separators=(",", ":")).encode() for e in entries)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, ("deny", "strong", "authn", "denied")),
        (403, ("deny", "strong", "acl", "denied")),
        (429, ("deny", "strong", "rate_limit", "denied")),
        (404, ("unknown", None, None, "protocol_error")),
        (502, ("unknown", None, None, "transport_error")),
        (504, ("unknown", None, None, "timeout")),
        (200, ("unknown", None, None, "success")),
        (0, ("unknown", None, None, "unknown")),
    ],
)
def test_status_becomes_decision_and_outcome(status: int, expected: tuple[str | None, ...]) -> None:
    """A refusal is implied by the status, with a strong basis."""
    assert picked(row("obot_api", entry(responseCode=status)), *JUDGED) == expected


def test_a_refused_connection_names_its_server() -> None:
    """The 403 while connecting, which the log of MCP calls leaves out, is a denial at that server."""
    found = row("obot_api", entry(responseCode=403))
    assert picked(found, "event_kind", "server_id", "user_id") == ("http_request", "ms1abc", "3")
    assert unmapped(found)["/path"] == "/mcp-connect/ms1abc"
    assert row("obot_api", entry(path="/api/me")).get("server_id") is None


def test_nobody_signed_in_is_anonymous() -> None:
    """Obot writes a name for those without one."""
    found = row("obot_api", entry(userID="anonymous"))
    assert picked(found, "user_id", "user_assurance") == (None, "anonymous")


@pytest.mark.parametrize("between", [b"", b" ", b"\n"])
def test_objects_run_together_become_a_row_each(between: bytes) -> None:
    """Several objects in one record are as many rows of it, and a brace in a text divides nothing."""
    objects = [together(entry(userID=str(i), userAgent="}{")) for i in range(3)]
    parsed = parse("obot_api", entry(userID="first"), between.join(objects), entry(userID="last"))
    assert parsed.rejects == []
    assert parsed.record == [0, 1, 1, 1, 2]
    assert list(parsed.columns["user_id"]) == ["first", "0", "1", "2", "last"]


def test_a_broken_object_rejects_its_record_and_no_other() -> None:
    """A record is never half read: the reason counts the object, and its neighbours are untouched."""
    broken = together(entry(), entry(responseCode="x"), entry())
    parsed = parse("obot_api", entry(), broken, together(entry(), entry()))
    assert parsed.record == [0, 2, 2]
    assert [(r.record, r.reason[:14], "$.responseCode" in r.reason) for r in parsed.rejects] == [
        (1, "object 2 of 3:", True)
    ]


def test_a_file_of_objects_run_together_is_cut(tmp_path: Path) -> None:
    """Obot's file, packed as it is, gives each object at its offset, each recognised."""
    entries = [entry(userID=str(i), userAgent='}{ " {', time=f"2026-10-05T09:00:{i:02}Z") for i in range(40)]
    file = tmp_path / "audit.log.gz"
    file.write_bytes(gzip.compress(together(*entries)))
    with open_file(file) as opened:
        content = opened.read(1 << 20)
    assert is_document(content[:4096])
    pieces = list(cut_document(content))
    assert [json.loads(raw) for _, raw in pieces] == entries
    assert all(content[at : at + len(raw)] == raw for at, raw in pieces)
    assert set(Detector(ADAPTERS).formats([raw for _, raw in pieces])) == {"obot_api"}


def test_an_object_cut_short_harms_only_itself() -> None:
    """What a crash left at the end is a record of its own; those before it are whole."""
    content = together(entry(userID="1"), entry(userID="2"), entry(userID="3"))[:-20]
    pieces = [raw for _, raw in cut_document(content)]
    parsed = ADAPTERS["obot_api"].parse(pieces)
    assert (parsed.record, [r.record for r in parsed.rejects]) == ([0, 1], [2])


def test_a_missing_status_is_rejected_by_name() -> None:
    """Without a status nothing is known of what came of it."""
    parsed = parse("obot_api", {k: v for k, v in entry().items() if k != "responseCode"})
    assert "`responseCode`" in parsed.rejects[0].reason
