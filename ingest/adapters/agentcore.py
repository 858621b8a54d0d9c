"""AWS Bedrock AgentCore Gateway: CloudTrail events, vended log lines, and spans (OTLP).

CloudTrail, one event a line or a delivered file's {"Records": [...]}: a data event (InvokeGateway, once InvokeMcp) is
an MCP request with its answer. Arguments and results are REDACTED there and count as absent (warning
payload_redacted). `userIdentity` says `anonymous` of every caller with a JWT: the human is the token's `sub` with its
issuer, verified by the gateway. Management events are entity changes; other services' events in a file are kept as
kind `other`. A file is rejected whole where an event in it cannot be read.

Vended logs tell a call in two lines or more with one request_id. Their bodies are Java's text of a map, {a=b, c={d=e}},
where nothing is quoted: what is read back is a likeness, all of it text (warning java_map_body). The line with the
request is the event, and takes outcome and result from the line with the answer where that is in the same piece of
some hundred lines; the others are kept as kind `other`. They name no user.

Spans: the gateway's own (kind server) is the event; its call of the target repeats it and is of kind `other`. Policy
spans state the decision; a policy engine in LOG_ONLY mode only observes. (The names of the policy attributes are not
in AWS's own pages.) A status of 401 or 403, or JSON-RPC -32001, is a denial with strong basis. A tool's name is
`target___tool`, and its target the server.

To switch it on: a trail with an advanced event selector for resources.type AWS::BedrockAgentCore::Gateway; log
delivery of APPLICATION_LOGS and TRACES for the gateway, to S3 or CloudWatch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.fields import ABSENT, filled, leftovers, spare, transpose
from ingest.jsonrpc import NO_REQUEST, NO_RESPONSE, Request, Response, request, response
from ingest.mcp import METHOD_KINDS
from ingest.otlp import is_request, read_all
from ingest.parsed import Parsed, together
from ingest.times import of_number
from ingest.wire import agentcore as wire
from ingest.wire.agentcore_logs import parse_logs, split_target
from ingest.wire.agentcore_spans import read

SUMMARY = "AWS Bedrock AgentCore Gateway (CloudTrail, vended logs, spans)"
SIGNATURES = (
    {"eventSource": wire.OURS, "eventName": None},
    {"Records": None},
    {"resource_arn": None, "event_timestamp": None, "body": None},
)
OTLP_NAMES = ("aws.agentcore.", "bedrock-agentcore", "overhead_latency_ms")

Raw = msgspec.Raw
_INVOKE = frozenset({"InvokeGateway", "InvokeMcp"})
_REDACTED = (b'"REDACTED"', b'"[REDACTED]"')
_CHANGES = ("Create", "Update", "Delete", "Put", "Tag", "Untag", "Synchronize")
_AUTH_ERROR = -32001
_SAID = frozenset({
    "request_parameters", "response_elements", "event_version", "event_type", "event_category", "management_event",
})  # fmt: skip
"""Fields read elsewhere, or that the kind of event tells."""

__all__ = ["OTLP_NAMES", "SIGNATURES", "SUMMARY", "parse", "read"]


def parse(records: Sequence[bytes]) -> Parsed:
    """Read CloudTrail events and files, vended log lines, and export requests of spans, in any mixture."""
    places: dict[Any, list[int]] = {}
    for index, record in enumerate(records):
        places.setdefault(_part(record), []).append(index)
    return together([(found, part([records[i] for i in found])) for part, found in places.items()] or [
        ((), _parse_trail(records))])  # fmt: skip


def _part(record: bytes) -> Callable[[Sequence[bytes]], Parsed]:
    if is_request(record):
        return _parse_spans
    return parse_logs if b'"resource_arn"' in record and b'"eventName"' not in record else _parse_trail


def _parse_spans(records: Sequence[bytes]) -> Parsed:
    return read_all(records, read)


def _parse_trail(records: Sequence[bytes]) -> Parsed:
    decoded, places, rejects = wire.events(records)
    events = decoded.events
    invoked = [e.event_name in _INVOKE for e in events]
    sent = [
        wire.body_of(e.request_parameters) if i else wire.NO_BODY
        for e, i in zip(events, invoked, strict=True)
    ]
    back = [
        wire.body_of(e.response_elements) if i else wire.NO_BODY for e, i in zip(events, invoked, strict=True)
    ]
    asked = [NO_REQUEST if s.body is ABSENT else request(s.body) for s in sent]
    answers = [NO_RESPONSE if b.body is ABSENT else response(b.body) for b in back]
    methods = [wire.method_of(s.body) for s in sent]
    more = [e.additional_event_data or wire.NO_ADDITIONAL for e in events]
    hidden = [a.arguments in _REDACTED or _redacted(r.result) for a, r in zip(asked, answers, strict=True)]
    columns: dict[str, Any] = {
        "event_time": [e.event_time or None for e in events],
        "native_event_id": [e.event_id or None for e in events],
        "http_request_id": [e.request_id or None for e in events],
        "jsonrpc_id": [a.jsonrpc_id for a in asked],
        "protocol_version": [a.protocol_version for a in asked],
        "source_system": ["agentcore" if e.event_source in (wire.OURS, None) else "aws" for e in events],
        **_people(events, more, asked),
        **_target(events, more, asked, methods),
        **_judgement(events, back, answers),
        "arguments": [None if a.arguments in _REDACTED else a.arguments for a in asked],
        "result": [None if _redacted(r.result) else r.result for r in answers],
        "parse_warnings": [["payload_redacted"] if h else None for h in hidden],
    }
    rest = spare("", events, wire.Event, without=_SAID)
    rest |= spare("/additionalEventData", more, wire.Additional)
    rest |= {
        "/eventName": [ABSENT if i else _raw(e.event_name) for e, i in zip(events, invoked, strict=True)],
        "/eventSource": [
            ABSENT if e.event_source in (wire.OURS, None) else _raw(e.event_source) for e in events
        ],
        "/requestParameters": [
            ABSENT if s.body is not ABSENT else e.request_parameters
            for e, s in zip(events, sent, strict=True)
        ],
        "/responseElements": [
            ABSENT if b.body is not ABSENT or b.status is not None else e.response_elements
            for e, b in zip(events, back, strict=True)
        ],
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), rest)
    constants = {"evidence_kind": "cloud_trail", "vantage": "gateway"}
    return Parsed(filled(columns), constants, places, rejects, len(events))


def _redacted(result: bytes | str | None) -> bool:
    return isinstance(result, bytes) and any(mark in result for mark in _REDACTED) and len(result) < 256


def _people(
    events: Sequence[wire.Event], more: Sequence[wire.Additional], asked: Sequence[Request]
) -> dict[str, Any]:
    claims = [(m.jwt.claims if m.jwt else None) or wire.NO_CLAIMS for m in more]
    signers = [e.user_identity or wire.NO_IDENTITY for e in events]
    people = transpose(
        [
            _person(c.sub, s.arn or s.principal if s.account != "anonymous" else None)
            for c, s in zip(claims, signers, strict=True)
        ],
        4,
    )
    clients = [c.client or c.azp or None for c in claims]
    tokens = [c is not wire.NO_CLAIMS for c in claims]
    return {
        "user_id": people[0],
        "user_id_kind": people[1],
        "user_assurance": people[2],
        "auth_method": people[3],
        "user_issuer": [c.iss if c.sub else None for c in claims],
        "user_name": [c.name or s.name or None for c, s in zip(claims, signers, strict=True)],
        "user_email": [c.email or None for c in claims],
        "org_id": [e.account or None for e in events],
        "client_oauth_id": clients,
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": [
            "oauth_client_id" if c else "client_info" if a.client_name else "user_agent" if e.user_agent else "none"
            for c, a, e in zip(clients, asked, events, strict=True)
        ],
        "user_agent": [e.user_agent or None for e in events],
        "client_address": [e.address or None for e in events],
        "credential_id": [c.jti or (None if t else s.key) or None for c, s, t in
                          zip(claims, signers, tokens, strict=True)],
        "credential_kind": ["oauth_access_token" if t else None for t in tokens],
        "issuer": [c.iss or None for c in claims],
        "scopes": [c.scope.split() or None if c.scope else None for c in claims],
        "issued_at": [None if c.issued is None else of_number(c.issued) for c in claims],
        "expires_at": [None if c.expires is None else of_number(c.expires) for c in claims],
    }  # fmt: skip


@lru_cache(maxsize=8192)
def _person(subject: str | None, signer: str | None) -> tuple[str | None, str, str, str | None]:
    """Return id, kind, assurance and authentication."""
    if subject:
        return subject, "idp_sub", "verified", "oauth_jwt"
    return (signer, "local_id", "verified", "iam_sigv4") if signer else (None, "none", "unknown", None)


def _target(
    events: Sequence[wire.Event],
    more: Sequence[wire.Additional],
    asked: Sequence[Request],
    methods: Sequence[str | None],
) -> dict[str, Any]:
    tools = [a.target if m == "tools/call" else None for a, m in zip(asked, methods, strict=True)]
    split = [split_target(t) for t in tools]
    arns = [next((r.arn for r in e.resources or () if r.arn), None) for e in events]
    return {
        "event_kind": [
            _kind(e.event_name, m, e.event_source in (wire.OURS, None))
            for e, m in zip(events, methods, strict=True)
        ],
        "mcp_method": methods,
        "tool_name_exposed": tools,
        "tool_name": [tool for _, tool in split],
        "server_name": [server for server, _ in split],
        "server_id": [m.target or None for m in more],
        "gateway_name": [a.rpartition("/")[2] or None if a else None for a in arns],
        "source_instance": [a or None for a in arns],
        "resource_uri": [
            a.target if m == "resources/read" else None for a, m in zip(asked, methods, strict=True)
        ],
        "prompt_name": [
            a.target if m == "prompts/get" else None for a, m in zip(asked, methods, strict=True)
        ],
    }


@lru_cache(maxsize=1024)
def _kind(name: str, method: str | None, is_ours: bool) -> str:
    if name in _INVOKE:
        return METHOD_KINDS.get(method, "other") if method else "http_request"
    if not is_ours or not name.startswith(_CHANGES):
        return "other"
    return "policy_change" if "Policy" in name else "entity_change"


def _judgement(
    events: Sequence[wire.Event],
    back: Sequence[wire.Body],
    answers: Sequence[Response],
) -> dict[str, Any]:
    verdicts = transpose(
        [
            _verdict(b.status, a.code, a.outcome, e.error_code, e.event_name in _INVOKE)
            for e, b, a in zip(events, back, answers, strict=True)
        ],
        4,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "decision_reason": [e.error_code if d == "deny" else None for e, d in zip(events, verdicts[0], strict=True)],
        "outcome": verdicts[3],
        "http_status": [b.status for b in back],
        "jsonrpc_error_code": [a.code for a in answers],
        "error_message": [a.message or e.error_message or e.error_code or None for a, e in
                          zip(answers, events, strict=True)],
    }  # fmt: skip


@lru_cache(maxsize=4096)
def _verdict(
    status: int | None, code: int | None, proven: str | None, error: str | None, invoked: bool
) -> tuple[str, str | None, str | None, str]:
    """Return decision, who decided, basis and outcome."""
    if status in (401, 403) or code == _AUTH_ERROR:
        return "deny", "unknown" if status == 403 else "authn", "strong", "denied"
    if error is not None and ("AccessDenied" in error or "Unauthorized" in error):
        return "deny", "acl", "strong", "denied"
    if proven is not None:
        return "unknown", None, None, proven
    if status is not None and status >= 400:
        ending = (
            "timeout" if status in (408, 504) else "transport_error" if status >= 500 else "protocol_error"
        )
        return "unknown", None, None, ending
    if error is not None:
        return "unknown", None, None, "protocol_error"
    return "unknown", None, None, "unknown" if invoked and status is None else "success"


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
