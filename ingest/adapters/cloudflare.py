"""Cloudflare MCP server portals: the Logpush dataset mcp_portal_logs, one JSON object per request.

A line says who (as Cloudflare Access verified them), which portal, server and tool, whether it succeeded and with
what error text. It tells nothing of arguments, results, the client application, or of a denial and its reason: an
error text that speaks of authorisation is a denial with weak basis, any other leaves the decision unknown. The kind of
another error is inferred from its text too (warning error_kind_inferred). `ServerID` stands for the server's name, for
a line has no other.

`Datetime` may be RFC 3339 text or a whole number of seconds, milliseconds, microseconds or nanoseconds, by the job's
timestamp_format: its size tells which. An empty text stands for nothing.

To switch it on: create a Logpush job for the account dataset mcp_portal_logs (to R2, S3, or an HTTP endpoint) with all
fields and timestamp_format rfc3339.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, transpose
from ingest.mcp import METHOD_KINDS, without_prefix
from ingest.parsed import Parsed
from ingest.times import of_number
from ingest.wire import cloudflare as wire

SUMMARY = "Cloudflare MCP server portals (Logpush dataset mcp_portal_logs)"
SIGNATURES = ({"PortalID": None, "Method": None, "Datetime": None},)

Raw = msgspec.Raw
_REFUSED = re.compile(
    r"\b(?:forbidden|unauthori[sz]ed|not authori[sz]ed|access denied|denied|not allowed|permission|401|403)\b",
    re.IGNORECASE,
)
_LATE = re.compile(r"\btime(?:d )?[- ]?out\b|\bdeadline\b", re.IGNORECASE)
_BROKEN = re.compile(
    r"\b(?:connect|connection|unreachable|unavailable|upstream|50[0-9]|52[0-9]|dns)\b", re.IGNORECASE
)
_TOLD = 1024
"""Characters of an error text that tell its kind; longer ones are not worth remembering."""


def parse(records: Sequence[bytes]) -> Parsed:
    """Read portal log lines, one per record."""
    decoded = decode(records, wire.Line)
    events = decoded.events
    verdicts = transpose([_verdict(e.success, (e.error or "")[:_TOLD], e.method) for e in events], 5)
    tools = [e.tool or None for e in events]
    times = [_time(e.datetime) for e in events]
    columns: dict[str, Any] = {
        "event_time": [t or None for t in times],
        "event_kind": [_kind(e.method) for e in events],
        "mcp_method": [e.method or None for e in events],
        "user_id": [e.user_id or None for e in events],
        "user_email": [e.user_email or None for e in events],
        "user_id_kind": ["local_id" if e.user_id else "none" for e in events],
        "user_assurance": ["verified" if e.user_id or e.user_email else "unknown" for e in events],
        "client_address": [e.client_address or None for e in events],
        "session_id": [e.session_id or None for e in events],
        "session_kind": ["mcp" if e.session_id else None for e in events],
        "gateway_name": [e.portal_id or None for e in events],
        "server_name": [e.server_id or None for e in events],
        "server_id": [e.server_id or None for e in events],
        "tool_name_exposed": tools,
        "tool_name": [
            without_prefix(t, e.server_id) if t and e.server_id else t
            for t, e in zip(tools, events, strict=True)
        ],
        "prompt_name": [e.prompt or None for e in events],
        "resource_uri": [e.resource or None for e in events],
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "error_message": [e.error or None for e in events],
        "duration_ms": [e.duration for e in events],
        "parse_warnings": [
            [*w, *["bad_time"] * (t is None)] or None for w, t in zip(verdicts[4], times, strict=True)
        ],
    }
    rest = {
        "/Datetime": [
            ABSENT if t is not None else _raw(e.datetime) for e, t in zip(events, times, strict=True)
        ],
        "/ServerURL": [e.server_url for e in events],
        "/ClientCountry": [e.client_country for e in events],
        "/ColoCode": [e.colo_code for e in events],
        "/PortalAUD": [e.portal_audience for e in events],
        "/ServerAUD": [e.server_audience for e in events],
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), rest)
    constants = {
        "source_system": "cloudflare",
        "evidence_kind": "access_log",
        "vantage": "gateway",
        "client_identity_source": "none",
    }
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _time(value: float | str) -> str | None:
    if isinstance(value, str):
        return of_number(int(value)) if value.isascii() and value.isdigit() and len(value) < 20 else value
    return of_number(value)


@lru_cache(maxsize=256)
def _kind(method: str | None) -> str:
    if not method:
        return "http_request"
    return METHOD_KINDS.get(method, "notification" if method.startswith("notifications/") else "other")


@lru_cache(maxsize=4096)
def _verdict(
    success: bool | None, text: str, method: str | None
) -> tuple[str, str | None, str | None, str, tuple[str, ...]]:
    """Return decision, who decided, basis, outcome and warnings."""
    if success is not False:
        return "unknown", None, None, "success" if success else "unknown", ()
    if _REFUSED.search(text):
        return "deny", "unknown", "weak", "denied", ()
    if _LATE.search(text):
        ending = "timeout"
    elif _BROKEN.search(text):
        ending = "transport_error"
    else:
        ending = "tool_error" if method == "tools/call" else "protocol_error"
    return "unknown", None, None, ending, ("error_kind_inferred",)


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
