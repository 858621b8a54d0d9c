"""Gemini CLI's own telemetry: OTLP log events of the coding agent, as JSON.

It is the client's side. `gemini_cli.tool_call` is one record of a call's decision and outcome both: accept and
auto_accept are `allow` (by the user, or by settings), modify is `modify`, and reject is `deny`, whatever `success`
says then. `error_type` policy_violation is a denial by the CLI's policy engine. Arguments are there as JSON text;
results never are, only their length (`content_length`).

`installation.id` is a random id of the installation and no person; `user.email` is there only for a Google account.
A tool of an MCP server has `tool_type` mcp and its server's name; its own name may begin with the server's, which is
taken off. Sessions are the CLI's own and share no id with a gateway's. The file that `telemetry.outfile` writes is
not read: its records stand over many lines and are no OTLP. Spans are kept as kind `other`.

To switch it on: in .gemini/settings.json set `telemetry` to {"enabled": true, "target": "local", "otlpEndpoint": ...}
with the endpoint of a collector; `logPrompts: false` keeps prompts out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ingest.agent_events import opened
from ingest.attributes import Attributes
from ingest.fields import transpose
from ingest.genai import leftover
from ingest.mcp import without_prefix
from ingest.otlp import Telemetry, read_all
from ingest.parsed import Parsed
from ingest.wire import gemini_cli as wire

SUMMARY = "Gemini CLI telemetry (OTLP log events)"
OTLP_NAMES = ("gemini_cli.", "gemini-cli")


def parse(records: Sequence[bytes]) -> Parsed:
    """Read export requests and flattened records; one record may make many rows."""
    return read_all(records, read)


def read(items: Sequence[Telemetry]) -> Parsed:
    """Read events and spans, one row each."""
    at, names, found = opened(items, "gemini_cli.", wire.TEXTS)
    found |= _target(names, at) | _judgement(names, at)
    found |= _people(found, at)
    leftover(items, at, found, [n in wire.TOLD for n in names], names)
    constants = {"source_system": "gemini_cli", "vantage": "client", "client_name": "gemini-cli"}
    return Parsed(found, constants, rows=len(items))


def _people(found: Mapping[str, Any], at: Attributes) -> dict[str, Any]:
    methods = at.texts("auth_type")
    at.keep_unless("auth_type", methods, wire.AUTH_METHODS)
    return {
        "client_identity_source": ["product"] * len(methods),
        "session_kind": ["app_session" if s else None for s in found["session_id"]],
        "user_id_kind": ["install_id" if i else "none" for i in found["user_id"]],
        "user_assurance": ["self_reported" if e else "unknown" for e in found["user_email"]],
        "auth_method": [wire.AUTH_METHODS.get(m, "unknown") if m else None for m in methods],
    }


def _target(names: Sequence[str], at: Attributes) -> dict[str, Any]:
    tools, servers = at.first("function_name"), at.texts("mcp_server_name")
    types = at.texts("tool_type")
    at.keep_unless("tool_type", types, ("native", "mcp"))
    return {
        "event_kind": [wire.KINDS.get(n, "other") for n in names],
        "tool_name_exposed": tools,
        "tool_name": [
            without_prefix(without_prefix(t, f"mcp_{s}"), s) if t and s else t
            for t, s in zip(tools, servers, strict=True)
        ],
        "server_name": servers,
        "mcp_method": [
            "tools/call" if n == "tool_call" and (s or kind == "mcp") else None
            for n, s, kind in zip(names, servers, types, strict=True)
        ],
        "response_bytes": at.integers("content_length"),
    }


def _judgement(names: Sequence[str], at: Attributes) -> dict[str, Any]:
    said, done, errors = at.texts("decision"), at.texts("success"), at.peek("error_type")
    at.keep_unless("decision", said, wire.DECISIONS)
    at.keep_unless("success", done, ("true", "false"))
    statuses = at.integers("status_code")
    facts = zip(names, said, done, errors, statuses, strict=True)
    verdicts = transpose([_verdict(n, d, ok, e, status) for n, d, ok, e, status in facts], 4)
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [
            d or (e if v == "deny" else None) for d, e, v in zip(said, errors, verdicts[0], strict=True)
        ],
        "outcome": verdicts[3],
        "http_status": statuses,
        "parse_warnings": [None] * len(names),
    }


@lru_cache(maxsize=4096)
def _verdict(
    name: str, said: str | None, ok: str | None, error: str | None, status: int | None
) -> tuple[str, str | None, str | None, str]:
    """Return decision, who decided, basis and outcome."""
    if name == "tool_call":
        if error == "policy_violation":
            return "deny", "policy_engine", "explicit", "denied"
        decision, who = wire.DECISIONS.get(said or "", ("unknown", None))
        basis = "explicit" if who else None
        if decision == "deny":
            return decision, who, basis, "denied"
        return decision, who, basis, {"true": "success", "false": "tool_error"}.get(ok or "", "unknown")
    if name == "api_error":
        return "not_evaluated", None, None, "timeout" if status in (408, 504) else "transport_error"
    return "not_evaluated", None, None, "success" if name in wire.DONE else "unknown"
