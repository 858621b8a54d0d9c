"""LiteLLM proxy: its StandardLoggingPayload, one JSON object per request, of MCP tool calls and model calls.

A tool call has `mcp_tool_call_metadata` with arguments and result; of several calls or rounds chained in one request
only the first is logged by some releases. Model calls are kept as kind `model_call` without prompts, completions and
settings, which are not taken in at all.

The user is the owner of the virtual key, which is not always who is there: `user_id_kind` is key_owner and the
assurance `inferred`; without one, the `end_user` the caller named is taken, `self_reported`. `user_api_key_hash` is
the credential's id. LiteLLM's trace_id is its own and no W3C trace. A `failure` with 401 or 403 is a denial with strong
basis; a guardrail that intervened is a denial where the request failed, else a modification. Where the result is
there, `isError` overrules a success. Nothing is told of the client application but its user agent.

To switch it on: add a callback that writes `kwargs["standard_logging_object"]` as JSON (the s3_v2, gcs_bucket or
generic_api callbacks do), with message logging on if arguments are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, raws, spare, transpose
from ingest.jsonrpc import NO_RESPONSE, response
from ingest.mcp import without_prefix
from ingest.parsed import Parsed
from ingest.times import of_number
from ingest.wire import litellm as wire

SUMMARY = "LiteLLM StandardLoggingPayload (MCP tool calls and model calls)"
SIGNATURES = ({"call_type": None, "metadata": None, "startTime": None},)

Raw = msgspec.Raw
_KINDS = {"call_mcp_tool": ("tool_call", "tools/call"), "list_mcp_tools": ("tool_list", "tools/list")}
_CONTENT = frozenset({
    "messages", "response", "model_parameters", "hidden_params", "model_map_information", "guardrail_information",
})  # fmt: skip
"""What models were told and answered, and how they were set, which is not taken in."""
_MODEL = ("model_call", None)


def parse(records: Sequence[bytes]) -> Parsed:
    """Read logging payloads, one per record."""
    decoded = decode(records, wire.Payload)
    events = decoded.events
    metas = [e.metadata or wire.NO_METADATA for e in events]
    calls = [m.tool_call or wire.NO_CALL for m in metas]
    kinds = [_KINDS.get(e.call_type, _MODEL) for e in events]
    answered = [NO_RESPONSE if c.result is ABSENT else response(c.result) for c in calls]
    columns: dict[str, Any] = {
        "event_time": [_time(e.started) for e in events],
        "recorded_time": [_time(e.ended) for e in events],
        "native_event_id": [e.id or None for e in events],
        "http_request_id": [e.call_id or e.litellm_call_id or None for e in events],
        "event_kind": [kind for kind, _ in kinds],
        "mcp_method": [method for _, method in kinds],
        **_people(events, metas),
        **_target(events, calls, kinds),
        **_judgement(events, [a.outcome for a in answered]),
        "jsonrpc_error_code": [a.code for a in answered],
        "duration_ms": [_elapsed(e.started, e.ended, e.response_time) for e in events],
        "arguments": raws([c.arguments for c in calls]),
        "result": [a.result for a in answered],
    }
    rest = spare("", events, wire.Payload, without=_CONTENT)
    rest |= spare("/metadata", metas, wire.Metadata)
    rest |= spare(
        "/metadata/mcp_tool_call_metadata", calls, wire.ToolCall, without=("arguments", "result", "logo")
    )
    rest |= {
        "/call_type": [ABSENT if e.call_type in _KINDS else _raw(e.call_type) for e in events],
        "/trace_id": [_raw(e.trace_id) if e.trace_id else ABSENT for e in events],
        "/metadata/user_api_key_team_id": [
            _raw(m.team_id) if m.team_id and m.team_alias else ABSENT for m in metas
        ],
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), rest)
    constants = {
        "source_system": "litellm",
        "evidence_kind": "audit_event",
        "vantage": "gateway",
    }
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _time(value: float | str | None) -> str | None:
    return of_number(value) if isinstance(value, int | float) else value or None


def _elapsed(started: float | str | None, ended: float | str | None, seconds: float | None) -> float | None:
    if isinstance(started, int | float) and isinstance(ended, int | float) and ended >= started > 0:
        return round((ended - started) * 1000, 3)
    return None if seconds is None else seconds * 1000


def _people(events: Sequence[wire.Payload], metas: Sequence[wire.Metadata]) -> dict[str, Any]:
    people = transpose(
        [_person(m.user_id, m.end_user or e.end_user) for e, m in zip(events, metas, strict=True)], 3
    )
    agents = [e.user_agent or m.user_agent or None for e, m in zip(events, metas, strict=True)]
    return {
        "user_id": people[0],
        "user_id_kind": people[1],
        "user_assurance": people[2],
        "user_email": [m.user_email or None for m in metas],
        "user_groups": [[team] if (team := m.team_alias or m.team_id) else None for m in metas],
        "org_id": [m.org_id or None for m in metas],
        "user_agent": agents,
        "client_identity_source": ["user_agent" if a else "none" for a in agents],
        "client_address": [e.address or m.address or None for e, m in zip(events, metas, strict=True)],
        "credential_id": [m.key_hash or None for m in metas],
        "credential_kind": ["static_key" if m.key_hash else None for m in metas],
        "auth_method": ["api_key" if m.key_hash else None for m in metas],
    }


@lru_cache(maxsize=8192)
def _person(owner: str | None, end_user: str | None) -> tuple[str | None, str, str]:
    """Return id, kind and assurance."""
    if owner:
        return owner, "key_owner", "inferred"
    return (end_user, "local_id", "self_reported") if end_user else (None, "none", "unknown")


def _target(
    events: Sequence[wire.Payload], calls: Sequence[wire.ToolCall], kinds: Sequence[tuple[str, str | None]]
) -> dict[str, Any]:
    return {
        "tool_name_exposed": [c.namespaced or c.name or None for c in calls],
        "tool_name": [
            without_prefix(c.name.removeprefix(f"{c.server_name}-"), c.server_name)
            if c.name and c.server_name
            else c.name or None
            for c in calls
        ],
        "server_name": [c.server_name or None for c in calls],
        "session_id": [c.session_id or None for c in calls],
        "session_kind": ["mcp" if c.session_id else None for c in calls],
        "model_name": [
            e.model or None if kind == "model_call" else None
            for e, (kind, _) in zip(events, kinds, strict=True)
        ],
        "model_provider": [
            e.provider or None if kind == "model_call" else None
            for e, (kind, _) in zip(events, kinds, strict=True)
        ],
    }


def _judgement(events: Sequence[wire.Payload], proven: Sequence[str | None]) -> dict[str, Any]:
    failures = [e.failure or wire.NO_FAILURE for e in events]
    guards = [(e.status_fields or wire.NO_STATUS).guardrail_status for e in events]
    statuses = [_status(f.error_code) for f in failures]
    verdicts = transpose(
        [
            _verdict(e.status, s, g, p, e.call_type == "call_mcp_tool")
            for e, s, g, p in zip(events, statuses, guards, proven, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "http_status": statuses,
        "error_message": [
            f.error_message or e.error or f.error_class or None for e, f in zip(events, failures, strict=True)
        ],
        "parse_warnings": [None if w is None else [w] for w in verdicts[4]],
    }


@lru_cache(maxsize=1024)
def _status(code: str | int | None) -> int | None:
    text = str(code) if code is not None else ""
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else None


@lru_cache(maxsize=4096)
def _verdict(
    status: str | None, code: int | None, guard: str | None, proven: str | None, is_call: bool
) -> tuple[str, str | None, str | None, str, str | None]:
    """Return decision, who decided, basis, outcome and a warning."""
    failed = status == "failure"
    if guard == "guardrail_intervened" and failed:
        return "deny", "guardrail", "explicit", "denied", None
    if code in (401, 403) and failed:
        return "deny", "authn" if code == 401 else "unknown", "strong", "denied", None
    if not failed:
        outcome = proven or ("success" if status == "success" else "unknown")
    elif code in (408, 504):
        outcome = "timeout"
    elif code is not None and code >= 500 and not is_call:
        outcome = "transport_error"
    else:
        outcome = "tool_error" if is_call else "protocol_error"
    warning = None if status in ("success", "failure", None) else "unknown_outcome"
    if guard == "guardrail_intervened":
        return "modify", "guardrail", "explicit", outcome, warning
    return "unknown", None, None, outcome, warning


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
