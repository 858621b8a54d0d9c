"""Codex's own telemetry: OTLP log events of the coding agent, as JSON.

It is the client's side: `codex.tool_decision` says what the user, the configuration or an automated reviewer decided
of a call, `codex.tool_result` what came of it. Arguments and output are there as they were, not cut and not redacted
by Codex. Numbers and booleans come as text.

An approval of any scope (approved, approved for the session, with an amended policy) is `allow`; denied, abort and a
review that timed out are `deny`. An approved call's outcome is in another record, with the same `tool_call_id`. A call
that needed no question has its decision too, with the source `config`. A conversation is what Codex has for a
session; it shares no id with a gateway's. The server of a tool is in `mcp_server` or in the tool's name
(`mcp__server__tool`); a built-in tool has none. `user.account_id` and `user.email` are what the signed-in account says
of itself. Spans are kept as kind `other`: they repeat what the events say.

To switch it on: in ~/.codex/config.toml give `[otel]` an exporter, `otlp-http` or `otlp-grpc`, with the endpoint of a
collector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ingest.agent_events import opened
from ingest.attributes import Attributes
from ingest.fields import transpose
from ingest.genai import leftover
from ingest.mcp import split_client_name
from ingest.otlp import Telemetry, read_all
from ingest.parsed import Parsed
from ingest.wire import codex as wire

SUMMARY = "OpenAI Codex telemetry (OTLP log events)"
OTLP_NAMES = ("codex.", "codex_")


def parse(records: Sequence[bytes]) -> Parsed:
    """Read export requests and flattened records; one record may make many rows."""
    return read_all(records, read)


def read(items: Sequence[Telemetry]) -> Parsed:
    """Read events and spans, one row each."""
    at, names, found = opened(items, "codex.", wire.TEXTS)
    found |= _target(names, at) | _judgement(names, at)
    found |= _people(found, at)
    leftover(items, at, found, [n in wire.TOLD for n in names], names)
    return Parsed(found, {"source_system": "codex", "vantage": "client"}, rows=len(items))


def _people(found: Mapping[str, Any], at: Attributes) -> dict[str, Any]:
    methods = [m.lower() if m else None for m in at.texts("auth_mode")]
    at.keep_unless("auth_mode", methods, wire.AUTH_METHODS)
    return {
        "client_name": [c or "codex" for c in found["client_name"]],
        "client_identity_source": ["product"] * len(methods),
        "conversation_id": found["session_id"],
        "session_kind": ["conversation" if s else None for s in found["session_id"]],
        "user_id_kind": ["local_id" if i else "none" for i in found["user_id"]],
        "user_assurance": [
            "self_reported" if i or e else "unknown"
            for i, e in zip(found["user_id"], found["user_email"], strict=True)
        ],
        "auth_method": [wire.AUTH_METHODS.get(m, "unknown") if m else None for m in methods],
    }


def _target(names: Sequence[str], at: Attributes) -> dict[str, Any]:
    tools, servers = at.texts("tool_name"), at.texts("mcp_server")
    split = [split_client_name(t) if t else (None, None) for t in tools]
    servers = [s or prefix for s, (prefix, _) in zip(servers, split, strict=True)]
    return {
        "event_kind": [wire.KINDS.get(n, "other") for n in names],
        "tool_name_exposed": tools,
        "tool_name": [bare for _, bare in split],
        "server_name": servers,
        "mcp_method": ["tools/call" if s and t else None for s, t in zip(servers, tools, strict=True)],
    }


def _judgement(names: Sequence[str], at: Attributes) -> dict[str, Any]:
    said, sources, done = at.texts("decision"), at.texts("source"), at.texts("success")
    at.keep_unless("success", done, ("true", "false"))
    statuses = at.integers("http.response.status_code")
    errors = at.first("error.message")
    facts = zip(names, said, sources, done, statuses, errors, strict=True)
    verdicts = transpose(
        [_verdict(n, d, s, ok, status, e is not None) for n, d, s, ok, status, e in facts], 4
    )
    for row, (text, decision) in enumerate(zip(said, verdicts[0], strict=True)):
        if text is not None and decision not in ("allow", "deny"):
            at.keep(row, "decision", text)
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [f"{d} by {s}" if d and s else d or s for d, s in zip(said, sources, strict=True)],
        "outcome": verdicts[3],
        "http_status": statuses,
        "error_message": errors,
        "parse_warnings": [None] * len(names),
    }


@lru_cache(maxsize=4096)
def _verdict(
    name: str, said: str | None, source: str | None, ok: str | None, status: int | None, failed: bool
) -> tuple[str, str | None, str | None, str]:
    """Return decision, who decided, basis and outcome."""
    if name == "tool_decision" and said is not None:
        who = wire.SOURCES.get((source or "").lower(), "unknown")
        if said.startswith("approved"):
            return "allow", who, "explicit", "unknown"
        if said in wire.DENIALS:
            return "deny", who, "explicit", "denied"
    if name == "tool_result":
        return "unknown", None, None, {"true": "success", "false": "tool_error"}.get(ok or "", "unknown")
    if name == "tool_decision":
        return "unknown", None, None, "unknown"
    if failed or (status is not None and status >= 400):
        return "not_evaluated", None, None, "timeout" if status in (408, 504) else "transport_error"
    done = name in wire.TOLD or (status is not None and status < 400)
    return "not_evaluated", None, None, "success" if done else "unknown"
