"""Obot's normalised AuditLogEvent, one JSON object per line, as its export writes them.

The status is Obot's own conclusion: 401 and 403 are `denied`, and a request that was never matched with an
answer stays `unknown`. A webhook that rejected the message, or could not be asked, denies; one that changed
it modifies. Where the body of the answer is there it overrules `success`, for a result with `isError`
counts as success there.

Only `actor` is established by the server. What a local agent reports of user, device and environment is
self-reported and names a person only where no user was established; a device or a credential is no person.
With payloadRedacted the bodies are withheld, which is not the same as there having been none. A 403 while
connecting is not in Obot's log.

What ties a call to its other witnesses is the `traceparent` in the body's `_meta` or in the request's headers, so have
clients send it and export with an account that is shown them; of a local agent's call it is the agent's own tool use
id. Without these a person's call stays alone: sessionID and requestID are those between client and Obot, which
neither coding agents nor the servers behind it report, and the rung of same person, tool and arguments needs one name
for the person, while Obot has numbers of its own and exports no address with them.

To switch it on: send the audit log export, one-shot or scheduled, to S3, GCS or Azure, and fetch it from there: one
JSON object a line. Bodies are there for whom Obot shows them to. Obot deletes its own log after 90 days by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, transpose
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Request, Response, request, response
from ingest.mcp import METHOD_KINDS, host_of, split_client_name
from ingest.parsed import Parsed
from ingest.wire import obot as wire
from ingest.wire.obot_rest import apart, unnamed

SUMMARY = "Obot audit log events (JSON lines export)"
SIGNATURES = ({"eventType": None, "actor": None, "outcome": None},)

_webhooks = msgspec.json.Decoder(list[wire.Webhook])


def parse(records: Sequence[bytes]) -> Parsed:
    """Read audit events, one per record."""
    decoded = decode(records, wire.Event)
    events = decoded.events
    details = [e.details or wire.NO_DETAILS for e in events]
    asked = [_asked(e.event_type, d.request) for e, d in zip(events, details, strict=True)]
    answered = [_answered(e.event_type, d.response) for e, d in zip(events, details, strict=True)]
    columns = {
        **_envelope(events),
        **_people(events, details),
        **_client(events, details, asked),
        **_correlation(events, details, asked),
        **_target(events),
        **_judgement(events, details, asked, answered),
        "arguments": [a.arguments for a in asked],
        "result": [a.result for a in answered],
    }
    rest = {**unnamed(events, columns), **apart(details)}
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), rest)
    constants = {"source_system": "obot", "evidence_kind": "audit_event"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _asked(event_type: str, payload: wire.Payload | None) -> Request:
    """Read a request's body: a message or its params, of a local agent the tool's input itself."""
    if payload is None or payload.body is ABSENT:
        return NO_REQUEST
    return Request(arguments=bytes(payload.body)) if event_type == wire.LOCAL_CALL else request(payload.body)


def _answered(event_type: str, payload: wire.Payload | None) -> Response:
    if payload is None or payload.body is ABSENT:
        return NO_RESPONSE
    return Response(result=bytes(payload.body)) if event_type == wire.LOCAL_CALL else response(payload.body)


def _envelope(events: Sequence[wire.Event]) -> dict[str, Any]:
    times = [e.timestamp or wire.NO_TIMESTAMP for e in events]
    return {
        "event_time": [t.occurred_at or t.recorded_at or None for t in times],
        "recorded_time": [t.recorded_at or None for t in times],
        "native_event_id": [str(e.id) if e.id not in (None, "") else None for e in events],
        "vantage": ["client" if e.event_type == wire.LOCAL_CALL else "gateway" for e in events],
    }


def _people(events: Sequence[wire.Event], details: Sequence[wire.Details]) -> dict[str, Any]:
    devices = [d.device or wire.NO_DEVICE for d in details]
    places = [d.environment or wire.NO_ENVIRONMENT for d in details]
    people = transpose(
        [
            _person(e.actor.actor_type, e.actor.id, d.local_username, p.reported_user_email)
            for e, d, p in zip(events, devices, places, strict=True)
        ],
        4,
    )
    keys = [
        e.actor.credential or (e.actor.id if e.actor.actor_type == "credential" else None) or None
        for e in events
    ]
    return {
        "user_id": people[0],
        "user_email": people[1],
        "user_id_kind": people[2],
        "user_assurance": people[3],
        "credential_id": keys,
        "credential_kind": ["static_key" if key else None for key in keys],
        "auth_method": ["api_key" if key else None for key in keys],
    }


@lru_cache(maxsize=8192)
def _person(
    actor: str, id_: str | None, os_user: str | None, email: str | None
) -> tuple[str | None, str | None, str, str]:
    """Return id, e-mail, kind and assurance; what is only reported counts where no user is established."""
    if actor == "user" and id_:
        return id_, None, "local_id", "verified"
    if actor in ("device", "unknown") and (os_user or email):
        return os_user or None, email or None, "os_user" if os_user else "none", "self_reported"
    return None, None, "none", "unknown"


def _client(
    events: Sequence[wire.Event], details: Sequence[wire.Details], asked: Sequence[Request]
) -> dict[str, Any]:
    clients = [d.client or wire.NO_CLIENT for d in details]
    agents = [d.agent or wire.NO_AGENT for d in details]
    names = [
        c.name or e.client or a.cli_name or r.client_name or None
        for c, e, a, r in zip(clients, events, agents, asked, strict=True)
    ]
    return {
        "client_name": names,
        "client_version": [
            c.version or a.cli_version or r.client_version or None
            for c, a, r in zip(clients, agents, asked, strict=True)
        ],
        "client_identity_source": [
            ("product" if e.event_type == wire.LOCAL_CALL else "client_info")
            if n
            else ("user_agent" if c.user_agent else "none")
            for n, e, c in zip(names, events, clients, strict=True)
        ],
        "user_agent": [c.user_agent or None for c in clients],
        "client_address": [
            host_of(d.network.address) if d.network and d.network.address else None for d in details
        ],
        "agent_name": [a.provider or None for a in agents],
        "model_name": [a.model_id or a.model or None for a in agents],
    }


def _correlation(
    events: Sequence[wire.Event], details: Sequence[wire.Details], asked: Sequence[Request]
) -> dict[str, Any]:
    traces = [d.trace or wire.NO_TRACE for d in details]
    spans = [
        (a.trace_id, a.span_id) if a.trace_id else wire.trace_of(d.request)
        for a, d in zip(asked, details, strict=True)
    ]
    return {
        "session_id": [t.session or None for t in traces],
        "session_kind": [
            ("app_session" if e.event_type == wire.LOCAL_CALL else "mcp") if t.session else None
            for t, e in zip(traces, events, strict=True)
        ],
        "jsonrpc_id": [t.request or a.jsonrpc_id for t, a in zip(traces, asked, strict=True)],
        "tool_call_id": [t.tool_use or None for t in traces],
        "conversation_id": [t.turn or None for t in traces],
        "trace_id": [trace for trace, _ in spans],
        "span_id": [span for _, span in spans],
        "protocol_version": [a.protocol_version for a in asked],
    }


def _target(events: Sequence[wire.Event]) -> dict[str, Any]:
    actions = [e.action or wire.NO_ACTION for e in events]
    methods = [
        (a.operation or None) if e.event_type == wire.MCP_CALL and a.operation not in wire.STREAMS else None
        for a, e in zip(actions, events, strict=True)
    ]
    targets = [e.target or wire.NO_TARGET for e in events]
    servers = [t if t.target_type == "mcp_server" else t.parent or wire.NO_PARENT for t in targets]
    tools = [
        (t.name or a.name or None)
        if t.target_type in ("mcp_tool", "local_tool") or m == "tools/call"
        else None
        for t, a, m in zip(targets, actions, methods, strict=True)
    ]
    split = [split_client_name(tool) if tool else (None, None) for tool in tools]
    return {
        "event_kind": [_kind(e.event_type, a.operation) for e, a in zip(events, actions, strict=True)],
        "mcp_method": methods,
        "tool_name_exposed": tools,
        "tool_name": [bare for _, bare in split],
        "server_id": [s.id or None for s in servers],
        "server_name": [s.name or prefix for s, (prefix, _) in zip(servers, split, strict=True)],
        "resource_uri": [
            t.name or t.id or None if t.target_type == "mcp_resource" else None for t in targets
        ],
        "prompt_name": [t.name or None if t.target_type == "mcp_prompt" else None for t in targets],
    }


@lru_cache(maxsize=1024)
def _kind(event_type: str, operation: str | None) -> str:
    if event_type == wire.LOCAL_CALL:
        return "tool_call"
    if operation in wire.STREAMS:
        return wire.STREAMS[operation]
    method = operation or ""
    return METHOD_KINDS.get(method, "notification" if method.startswith("notifications/") else "other")


def _judgement(
    events: Sequence[wire.Event],
    details: Sequence[wire.Details],
    asked: Sequence[Request],
    answered: Sequence[Response],
) -> dict[str, Any]:
    hooks = [_hooks(d) for d in details]
    verdicts = transpose(
        [
            _verdict(e.event_type, e.outcome.status, e.outcome.http_status, passed, a.outcome)
            for e, (passed, _), a in zip(events, hooks, answered, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [
            (e.outcome.reason or said or None) if v == "deny" else said
            for e, (_, said), v in zip(events, hooks, verdicts[0], strict=True)
        ],
        "outcome": verdicts[3],
        "http_status": [e.outcome.http_status for e in events],
        "jsonrpc_error_code": [a.code for a in answered],
        "error_message": [
            e.outcome.error or a.message or None for e, a in zip(events, answered, strict=True)
        ],
        "duration_ms": [e.outcome.duration_ms for e in events],
        "parse_warnings": [
            [*w, *_warnings(e, d, r.cut or a.cut)] or None
            for w, e, d, r, a in zip(verdicts[4], events, details, asked, answered, strict=True)
        ],
    }


def _hooks(details: wire.Details) -> tuple[str | None, str | None]:
    """Return what the webhooks made of it (ok, mutated, rejected, unreadable; None without any), and why."""
    mutated = bool(
        (details.request and details.request.mutated) or (details.response and details.response.mutated)
    )
    if details.webhooks is ABSENT:
        return ("mutated" if mutated else None), None
    try:
        hooks = _webhooks.decode(details.webhooks)
    except msgspec.MsgspecError:
        return "unreadable", None
    for hook in hooks:
        status = hook.status.lower() if hook.status else None
        if status not in wire.PASSED and not (status or "").startswith("2"):
            return "rejected", hook.message or hook.name or None
        mutated = mutated or status == "mutated"
    return ("mutated" if mutated else "ok" if hooks else None), None


@lru_cache(maxsize=4096)
def _verdict(
    event_type: str, status: str, http_status: int | None, hooks: str | None, proven: str | None
) -> tuple[str, str | None, str | None, str, tuple[str, ...]]:
    """Return decision, who decided, basis, outcome and warnings."""
    warnings = (
        *(() if event_type in wire.TYPES else ("unknown_event_type",)),
        *(() if status in wire.STATUSES else ("unknown_outcome",)),
        *(("bad_webhook_statuses",) if hooks == "unreadable" else ()),
    )
    if hooks == "rejected":
        return "deny", "webhook", "explicit", "denied", warnings
    if status == "denied":
        return "deny", wire.DENIERS.get(http_status or 0, "unknown"), "strong", "denied", warnings
    outcome = _ending(event_type, status, http_status, proven)
    if hooks in ("mutated", "ok"):
        return "modify" if hooks == "mutated" else "allow", "webhook", "explicit", outcome, warnings
    return "unknown", None, None, outcome, warnings


def _ending(event_type: str, status: str, http_status: int | None, proven: str | None) -> str:
    if status == "success":
        return proven or "success"
    if status != "failure":
        return "timeout" if status == "timeout" else "unknown"
    if proven in ("tool_error", "protocol_error"):
        return proven
    if event_type == wire.LOCAL_CALL:
        return "tool_error"
    return "transport_error" if http_status is not None and http_status >= 500 else "protocol_error"


def _warnings(event: wire.Event, details: wire.Details, cut: bool) -> list[str]:
    words = ["payload_redacted"] if details.payload_redacted else []
    if cut:
        words.append("truncated_json")
    if event.timestamp is not None and event.timestamp.source == "client_reported":
        words.append("client_reported_time")
    return words
