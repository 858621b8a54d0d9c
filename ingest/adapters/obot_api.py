"""Obot's HTTP API audit log: one JSON object for each request, run together without line ends.

It tells which user asked which path and what status came back, also of the requests that Obot's audit log of
MCP calls leaves out: a 403 while connecting to an MCP server is here and not there. The path `/mcp-connect/ID`
names the server. It tells nothing of MCP methods, tools, arguments, sessions or clients beyond the User-Agent;
method, path and host have no column and stay in `unmapped`. Each row is an HTTP request and never a tool call:
calls are counted from the `obot` format. The IP address is the one the request claims to come from.

A file has all its objects on one line: each becomes a record of its own, at its own offset, and an object cut
short at the end is a dead letter and harms no other. So do the objects of one line of a longer file, and of one
message. With the format named, the objects of a line or message all become rows of that record, or none if one of
them is broken, and the reason counts which.

To switch it on: start Obot with `OBOT_SERVER_AUDIT_LOGS_MODE=disk` or `s3` (off by default). It writes a file
every two minutes, compressed with gzip unless told otherwise; the files are read as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ingest.decode import Decoded, decode
from ingest.fields import filled, leftovers, transpose, unless
from ingest.framing import objects_in
from ingest.mcp import client_source, host_of
from ingest.parsed import Parsed, Reject
from ingest.wire import obot_api as wire

SUMMARY = "Obot HTTP API audit log (JSON objects run together)"
SIGNATURES = ({"time": None, "userID": None, "path": None, "responseCode": None},)

_CONNECT = "/mcp-connect/"
_CONSTANTS = {
    "source_system": "obot",
    "evidence_kind": "access_log",
    "vantage": "gateway",
    "event_kind": "http_request",
}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read entries, one or several per record."""
    decoded = _decode(records)
    entries = decoded.events
    people = transpose([_person(e.user) for e in entries], 3)
    verdicts = transpose([_verdict(e.response_code) for e in entries], 5)
    servers = [_server(e.path) if e.path else None for e in entries]
    columns: dict[str, Any] = {
        "event_time": [e.time or None for e in entries],
        "user_id": people[0],
        "user_id_kind": people[1],
        "user_assurance": people[2],
        "user_agent": [e.user_agent or None for e in entries],
        "client_identity_source": [client_source(None, e.user_agent) for e in entries],
        "client_address": [host_of(e.address) if e.address else None for e in entries],
        "server_id": servers,
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "http_status": verdicts[4],
    }
    rest = {
        "/method": [e.method for e in entries],
        "/path": unless([e.path for e in entries], [None] * len(entries)),
        "/host": [e.host for e in entries],
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(entries), rest)
    return Parsed(filled(columns), _CONSTANTS, decoded.record, decoded.rejects, len(entries))


def _decode(records: Sequence[bytes]) -> Decoded[wire.Entry]:
    """Decode every object of every record; a record is rejected whole when one of its objects is broken."""
    pieces: list[bytes] = []
    owners: list[int] = []
    for index, record in enumerate(records):
        found = objects_in(record) if record.count(b"}") > 1 else [record]
        pieces += found
        owners += [index] * len(found)
    decoded = decode(pieces, wire.Entry)
    if len(pieces) == len(records):
        return decoded
    places = range(len(pieces)) if decoded.record is None else decoded.record
    rejects: dict[int, Reject] = {}
    for reject in decoded.rejects:
        owner = owners[reject.record]
        rejects.setdefault(owner, _rejected(reject, owner, owners))
    rows = [row for row, piece in enumerate(places) if owners[piece] not in rejects]
    return Decoded(
        [decoded.events[row] for row in rows],
        [owners[places[row]] for row in rows],
        None if decoded.unmapped is None else [decoded.unmapped[row] for row in rows],
        None,
        list(rejects.values()),
    )


def _rejected(reject: Reject, owner: int, owners: list[int]) -> Reject:
    objects = owners.count(owner)
    if objects == 1:
        return Reject(owner, reject.reason)
    return Reject(owner, f"object {reject.record - owners.index(owner) + 1} of {objects}: {reject.reason}")


@lru_cache(maxsize=8192)
def _person(user: str | None) -> tuple[str | None, str, str]:
    """Return id, kind and assurance."""
    if user == "anonymous":
        return None, "anonymous", "anonymous"
    return (user, "local_id", "verified") if user else (None, "none", "unknown")


def _server(path: str) -> str | None:
    return path.removeprefix(_CONNECT).split("/")[0] or None if path.startswith(_CONNECT) else None


@lru_cache(maxsize=1024)
def _verdict(status: int) -> tuple[str, str | None, str | None, str, int | None]:
    """Return decision, who decided, basis, outcome and the status, which is 0 where none was written."""
    if status in _DENIERS:
        return "deny", _DENIERS[status], "strong", "denied", status
    if status in (408, 504):
        outcome = "timeout"
    elif status >= 400:
        outcome = "transport_error" if status >= 500 else "protocol_error"
    else:
        outcome = "success" if status >= 100 else "unknown"
    return "unknown", None, None, outcome, status or None


_DENIERS = {401: "authn", 403: "acl", 429: "rate_limit"}
