"""Kuadrant's audit lines, from the router (text or JSON) and from Envoy's access log, as one struct."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.decode import Decoded, decode
from ingest.fields import ABSENT
from ingest.logfmt import pairs
from ingest.parsed import Reject

Raw = msgspec.Raw


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One audited call; the first fields are the router's, those with `mcp_` the access log's."""

    time: str | None = None
    level: Raw = ABSENT
    msg: str | None = None
    audit: bool | str | None = None
    user: str | None = None
    tool: str | None = None
    server: str | None = None
    status: int | str | None = None
    request_id: str | None = None
    session: str | None = None
    timestamp: str | None = None
    method: Raw = ABSENT
    path: Raw = ABSENT
    response_code: int | str | None = None
    traceparent: str | None = None
    mcp_method: str | None = None
    mcp_tool_name: str | None = None
    mcp_server_name: str | None = None
    mcp_session_id: str | None = None
    mcp_user_id: str | None = None
    mcp_agent_id: str | None = None
    mcp_tool_params: str | None = None
    duration_ms: float | str | None = None
    upstream_host: Raw = ABSENT
    bytes_sent: int | str | None = None
    bytes_received: int | str | None = None


_AUDIT = re.compile(rb'(?:^|\s)audit=(?:true|"true")(?:\s|$)')
_encode = msgspec.json.Encoder().encode


def is_audit_text(line: bytes) -> bool:
    """Tell a text line by its level, message and audit=true."""
    return b"level=" in line and b"msg=" in line and _AUDIT.search(line) is not None


def read(records: Sequence[bytes]) -> tuple[Decoded[Line], set[int]]:
    """Decode the lines, text ones by way of JSON, and tell which repeat a field."""
    wrong: dict[int, Reject] = {}
    repeated: set[int] = set()
    lines = list(records)
    for index, line in enumerate(records):
        if line[:1] != b"{" and line.lstrip()[:1] != b"{":
            try:
                values, twice = _from_text(line)
            except ValueError as error:
                wrong[index] = Reject(index, str(error))
                continue
            lines[index] = _encode(values)
            if twice:
                repeated.add(index)
    decoded = decode(lines, Line)
    decoded.rejects = [wrong.get(reject.record, reject) for reject in decoded.rejects]
    return decoded, repeated


def _from_text(line: bytes) -> tuple[dict[str, Any], bool]:
    if not line.strip():
        raise ValueError("empty record")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    return pairs(" " + text)
