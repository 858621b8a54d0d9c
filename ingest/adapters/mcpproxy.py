"""mcpproxy-go's activity log: one JSON object for each call, decision or change it recorded.

`success` is proven here: an answer with `isError` has the status `error`. But so have a failing server and a
broken connection, and nothing tells them apart, so `error` is an outcome `unknown` with the warning
error_kind_unknown. `blocked` is a denial by the proxy's policy or quarantine, `rejected` one by its limit on
calls at once; a decision of `warned` let the call through (`observe`).

A client calls through the proxy's own tools call_tool_read, call_tool_write and call_tool_destructive, and such
a call leaves two records with one request_id: a tool_call, and an internal_tool_call that mirrors it. The mirror
is kept as kind `other` with the warning duplicate_pair and counts neither as a call nor as a denial. The proxy
writes who called into the recorded arguments as `_auth_*`: these are taken out, for the client never sent them.
Where no one has to sign in nothing stops a client from sending such names itself, so a user without
`_auth_auth_type` beside it is `self_reported`, and `unknown` where the export left the arguments out. The response
may be cut (warning truncated_json).

A transport session is new at every reconnect; `work_session_id`, which outlives it, is the conversation.
`intent` is what the agent says of itself: it gives operation_class and proves nothing.

To switch it on: it is on by default. Export with `mcpproxy activity export --include-bodies --output audit.jsonl`
or from `GET /api/v1/activity/export?include_bodies=true`; without bodies there are neither arguments nor agents.
Exports may overlap: a record keeps its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, transpose, unknown
from ingest.jsonrpc import NO_RESPONSE, response
from ingest.mcp import without_prefix
from ingest.opened import loosely, merged, open_objects
from ingest.parsed import Parsed
from ingest.wire import mcpproxy as wire

SUMMARY = "mcpproxy-go activity log (JSON lines export)"
SIGNATURES = ({"id": None, "type": None, "status": None, "timestamp": None},)

_STATUSES = frozenset({"success", "error", "blocked", "rejected", "warned", "allowed"})
_MIRROR = "call_tool_"
_CLASSES = {"read": "read", "write": "write", "destructive": "destructive"}
_AUTH = b'"_auth_'
_caller = msgspec.json.Decoder(wire.Caller)
_items = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def parse(records: Sequence[bytes]) -> Parsed:
    """Read activity records, one per record."""
    decoded = decode(records, wire.Record)
    events = decoded.events
    metadata, rest = open_objects([e.metadata for e in events], wire.Metadata, wire.NO_METADATA, "/metadata")
    calls = [_called(e.arguments) for e in events]
    mirrors = [
        e.type == "internal_tool_call" and (m.internal_tool_name or e.tool_name or "").startswith(_MIRROR)
        for e, m in zip(events, metadata, strict=True)
    ]
    columns = {
        "event_time": [e.timestamp or None for e in events],
        "native_event_id": [e.id or None for e in events],
        **_people(events, metadata, calls),
        **_target(events, metadata, mirrors),
        **_judgement(events, metadata, mirrors),
        **_said(events, metadata),
        "arguments": [arguments for _, arguments in calls],
        "result": [e.response or None for e in events],
    }
    apart = {
        "/type": unknown([e.type for e in events], wire.KINDS),
        "/source": unknown([e.source for e in events], {"mcp"}),
        "/status": unknown([e.status for e in events], _STATUSES),
        "/parent_id": [e.parent_id for e in events],
        "/intent": [e.intent for e in events],
        "/max_severity": [e.max_severity for e in events],
        "/metadata/intent": [m.intent for m in metadata],
        "/metadata/sensitive_data_detection": [m.sensitive_data_detection for m in metadata],
        "/metadata/content_trust": [m.content_trust for m in metadata],
    }
    columns["unmapped"] = merged(leftovers(decoded.unmapped, len(events), apart), rest)
    constants = {"source_system": "mcpproxy", "evidence_kind": "audit_event", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _called(arguments: msgspec.Raw) -> tuple[wire.Caller, bytes | None]:
    """Return who called, as the proxy wrote it into the arguments, and the arguments without that."""
    raw = bytes(arguments)
    if raw in (b"", b"null"):
        return wire.NO_CALLER, None
    if _AUTH not in raw:
        return wire.NO_CALLER, raw
    try:
        caller, items = _caller.decode(raw), _items.decode(raw)
    except _BAD:
        return wire.NO_CALLER, raw
    return caller, msgspec.json.encode({k: v for k, v in items.items() if not k.startswith("_auth_")})


def _people(
    events: Sequence[wire.Record],
    metadata: Sequence[wire.Metadata],
    calls: Sequence[tuple[wire.Caller, bytes | None]],
) -> dict[str, Any]:
    callers = [caller for caller, _ in calls]
    ways = [c.auth_type or m.auth_type or None for c, m in zip(callers, metadata, strict=True)]
    agents = [c.agent_name or m.agent_name or None for c, m in zip(callers, metadata, strict=True)]
    ids = [e.user_id or c.user_id or None for e, c in zip(events, callers, strict=True)]
    emails = [e.user_email or c.user_email or None for e, c in zip(events, callers, strict=True)]
    return {
        "user_id": ids,
        "user_email": emails,
        "user_id_kind": ["local_id" if i else "none" for i in ids],
        "user_assurance": [
            _assurance(bool(i or mail), way, arguments is None)
            for i, mail, way, (_, arguments) in zip(ids, emails, ways, calls, strict=True)
        ],
        "client_name": [m.client_name or None for m in metadata],
        "client_version": [m.client_version or None for m in metadata],
        "client_identity_source": ["client_info" if m.client_name else "none" for m in metadata],
        "agent_name": agents,
        "auth_method": ["api_key" if w == "agent" else "unknown" if w else None for w in ways],
        "credential_id": [c.token_prefix or None for c in callers],
        "credential_kind": ["static_key" if w == "agent" else None for w in ways],
        "session_id": [e.session_id or e.work_session_id or None for e in events],
        "session_kind": [
            "mcp" if e.session_id else "work_session" if e.work_session_id else None for e in events
        ],
        "conversation_id": [e.work_session_id or None for e in events],
        "http_request_id": [e.request_id or None for e in events],
    }


def _assurance(named: bool, way: str | None, bare: bool) -> str:
    """Say how sure the user is; `bare` says that the arguments, and with them the proxy's mark, are not there."""
    if not named or (way is None and bare):
        return "unknown"
    return "verified" if way else "self_reported"


def _target(
    events: Sequence[wire.Record], metadata: Sequence[wire.Metadata], mirrors: Sequence[bool]
) -> dict[str, Any]:
    prompts = [e.type == "prompt_get" for e in events]
    servers = [e.server_name or m.target_server or None for e, m in zip(events, metadata, strict=True)]
    names = [
        (m.target_tool if mirror and m.target_tool else e.tool_name or m.internal_tool_name) or None
        for e, m, mirror in zip(events, metadata, mirrors, strict=True)
    ]
    tools = [None if p else n for p, n in zip(prompts, names, strict=True)]
    return {
        "event_kind": [
            "other" if mirror else wire.KINDS.get(e.type, "other")
            for e, mirror in zip(events, mirrors, strict=True)
        ],
        "mcp_method": [_METHODS.get(e.type) for e in events],
        "server_name": servers,
        "tool_name_exposed": [
            None if p else (e.tool_name or m.internal_tool_name or None)
            for p, e, m in zip(prompts, events, metadata, strict=True)
        ],
        "tool_name": [_bare(t, s) for t, s in zip(tools, servers, strict=True)],
        "prompt_name": [n if p else None for p, n in zip(prompts, names, strict=True)],
    }


_METHODS = {"tool_call": "tools/call", "internal_tool_call": "tools/call", "prompt_get": "prompts/get"}


@lru_cache(maxsize=8192)
def _bare(tool: str | None, server: str | None) -> str | None:
    """Return the tool without the `server:` the proxy shows it under."""
    if not tool or not server:
        return tool
    return (
        tool.removeprefix(server + ":") or tool
        if tool.startswith(server + ":")
        else without_prefix(tool, server)
    )


def _judgement(
    events: Sequence[wire.Record], metadata: Sequence[wire.Metadata], mirrors: Sequence[bool]
) -> dict[str, Any]:
    answers = [
        response(msgspec.Raw(msgspec.json.encode(e.response)))
        if e.status == "error" and e.response
        else NO_RESPONSE
        for e in events
    ]
    verdicts = transpose(
        [
            _verdict(e.type, e.status, m.decision, a.outcome if a.outcome != "success" else None)
            for e, m, a in zip(events, metadata, answers, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [
            (m.reason or m.rejection_reason or (e.error_message if d == "deny" else None)) or None
            for e, m, d in zip(events, metadata, verdicts[0], strict=True)
        ],
        "outcome": verdicts[3],
        "event_class": ["client_event" if mirror else None for mirror in mirrors],
        "jsonrpc_error_code": [a.code for a in answers],
        "error_message": [e.error_message or None for e in events],
        "duration_ms": [e.duration_ms for e in events],
        "request_bytes": [e.request_bytes or None for e in events],
        "response_bytes": [e.response_bytes or None for e in events],
        "parse_warnings": [
            [*w, *["duplicate_pair"] * mirror, *["truncated_json"] * bool(e.response_truncated)] or None
            for w, mirror, e in zip(verdicts[4], mirrors, events, strict=True)
        ],
    }


_Verdict = tuple[str, str | None, str | None, str, tuple[str, ...]]


@lru_cache(maxsize=1024)
def _verdict(type_: str, status: str, decision: str | None, failure: str | None) -> _Verdict:
    """Return decision, who decided, basis, outcome and warnings; `failure` is what the answer itself says."""
    warnings = () if type_ in wire.KINDS else ("unknown_event_type",)
    if status == "rejected":
        return "deny", "rate_limit", "explicit", "denied", warnings
    if status == "blocked" or decision == "blocked":
        return "deny", "policy_engine", "explicit", "denied", warnings
    if "warned" in (status, decision):
        return "observe", "policy_engine", "explicit", "unknown", warnings
    if type_ == "policy_decision" and "allowed" in (status, decision):
        return "allow", "policy_engine", "explicit", "unknown", warnings
    if status == "error":
        known = failure is not None
        return (
            "unknown",
            None,
            None,
            failure or "unknown",
            (*warnings, *(() if known else ("error_kind_unknown",))),
        )
    if status != "success":
        return "unknown", None, None, "unknown", (*warnings, "unknown_outcome")
    return "unknown", None, None, "success", warnings


def _said(events: Sequence[wire.Record], metadata: Sequence[wire.Metadata]) -> dict[str, Any]:
    """Return what the agent says of its intent, and what the proxy found in the content."""
    intents = loosely(
        [e.intent if m.intent is ABSENT else m.intent for e, m in zip(events, metadata, strict=True)],
        wire.Intent,
        wire.NO_INTENT,
    )
    variants = [m.tool_variant or e.tool_variant or "" for e, m in zip(events, metadata, strict=True)]
    found = loosely([m.sensitive_data_detection for m in metadata], wire.Detection, wire.NO_DETECTION)
    return {
        "operation_class": [
            _CLASSES.get(i.operation_type or variant.removeprefix(_MIRROR))
            for i, variant in zip(intents, variants, strict=True)
        ],
        "sensitive_categories": [
            f.categories or e.detection_types or None for f, e in zip(found, events, strict=True)
        ],
    }
