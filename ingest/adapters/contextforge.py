"""IBM ContextForge: its SIEM events, and the rows of the tables it keeps its logs in, as JSON.

Six shapes are read, each told by its own fields. Who may do what is decided in `permission_audit_log` (`granted`)
and, for credentials and limits, in `security_events` and `token_usage_logs` (`blocked`). Tool calls are in
`structured_log_entries` (component tool_service) and nowhere else: `audit_trails` is about changes to tools,
servers and prompts. Arguments and results are in none, nor are clients (a User-Agent at most) or MCP sessions.

A SIEM event says `action_taken` "denied" of anything that failed. That is no denial: the decision of an audit
event is `unknown`, failed or not, unless its context has the HTTP status 401 or 403; what failed and how is not
told, hence the warning error_kind_unknown. Of a security event "blocked" is believed, and the kinds that are
refusals by name. A tool call logged as failed with an error text ended in an exception, of a kind not told; one
without was answered with `isError`, and success is proven to be none.

`user_id` is often an e-mail address. The SIEM exporter redacts `user_email` unless told not to; the user of a
failed authentication is only what was claimed. Ids of some tables are counted from 1 in every gateway, so a row
is known again by table, id and time.

To switch it on: nearly all of it is off by default. Set PERMISSION_AUDIT_ENABLED, STRUCTURED_LOGGING_DATABASE_ENABLED,
SECURITY_LOGGING_ENABLED and AUDIT_TRAIL_ENABLED to true and export the tables one row a line (`psql -Atc "copy
(select row_to_json(t) from permission_audit_log t) to stdout"`), or SIEM_EXPORT_ENABLED with a destination of type
webhook or syslog and format json. The Splunk and Datadog destinations wrap events in envelopes of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from ingest.decode import Decoded, decode
from ingest.fields import ABSENT, filled, leftovers, transpose, unless
from ingest.mcp import client_source, host_of, span_of, trace_of
from ingest.opened import merged, open_objects
from ingest.parsed import Parsed, Reject
from ingest.wire import contextforge as wire
from ingest.wire import contextforge_verdicts as verdicts

Raw = msgspec.Raw

SUMMARY = "IBM ContextForge SIEM events and rows of its log tables (JSON)"
SIGNATURES = (
    {"schema_version": None, "event_id": None, "source": None, "action_taken": None},
    {"level": None, "component": None, "message": None, "is_security_event": None},
    {"permission": None, "granted": None},
    {"event_type": None, "severity": None, "threat_score": None, "description": None},
    {"action": None, "resource_type": None, "requires_review": None, "success": None},
    {"token_jti": None, "user_email": None, "blocked": None},
)

_FIELDS_AT = "/context/custom_fields"
_FALSE = Raw(b"false")
_REDACTED = "[REDACTED]"
_CALL = re.compile(r"Tool '(.*)' (?:invoked successfully|invocation failed)", re.DOTALL)
_AUTH = {
    "bearer": "oauth_jwt",
    "api_key": "api_key",
    "basic": "basic",
    "proxy": "proxy_header",
    "sso": "session_cookie",
}


def parse(records: Sequence[bytes]) -> Parsed:
    """Read records of every shape in any mixture, one per record."""
    decoded = _told(decode(records, wire.Record), len(records))
    events = decoded.events
    shapes = [wire.shape_of(e) or "" for e in events]
    contexts, rest = open_objects([e.context for e in events], wire.Context, wire.NO_CONTEXT, "/context")
    fields, more = open_objects([c.custom_fields for c in contexts], wire.Fields, wire.NO_FIELDS, _FIELDS_AT)
    columns = {
        **_envelope(events, shapes, contexts),
        **_people(events, shapes),
        **_target(events, shapes, contexts, fields),
        **verdicts.judgement(events, shapes, contexts, fields),
    }
    apart = {f"/{name}": list(map(attrgetter(name), events)) for name in wire.APART}
    nowhere = [None] * len(events)
    apart |= {
        "/event_type": unless([e.event_type for e in events], nowhere),
        "/action": unless([e.action for e in events], nowhere),
        "/action_taken": unless([e.action_taken for e in events], nowhere),
        "/resource_type": unless([e.resource_type for e in events], nowhere),
        "/resource_name": unless([e.resource_name for e in events], columns["named"]),
        "/message": unless([e.message for e in events], columns["tool_name"]),
        "/description": unless(
            [
                None if e.description in (r, m) else e.description
                for e, r, m in _descriptions(events, columns)
            ],
            nowhere,
        ),
        "/actor/geo": [e.actor.geo if e.actor else ABSENT for e in events],
        "/context/resource_id": [c.resource_id for c in contexts],
        "/context/data_classification": [c.data_classification for c in contexts],
        "/context/requires_review": [
            ABSENT if c.requires_review == _FALSE else c.requires_review for c in contexts
        ],
        "/context/custom_fields/integration_type": [f.integration_type for f in fields],
        "/context/custom_fields/arguments_count": [f.arguments_count for f in fields],
        "/context/resource_name": unless([c.resource_name for c in contexts], columns.pop("named")),
        "/context/action": unless([c.action for c in contexts], nowhere),
        "/context/resource_type": unless([c.resource_type for c in contexts], nowhere),
    }
    columns["unmapped"] = merged(leftovers(decoded.unmapped, len(events), apart), rest, more)
    constants = {"source_system": "contextforge", "evidence_kind": "audit_event", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _told(decoded: Decoded[wire.Record], count: int) -> Decoded[wire.Record]:
    """Reject the records that have none of the shapes."""
    strange = [wire.shape_of(e) is None for e in decoded.events]
    if not any(strange):
        return decoded
    places = range(count) if decoded.record is None else decoded.record
    why = "of no known shape: none of schema_version, granted, token_jti, component, event_type and action is there"
    kept = [row for row, odd in enumerate(strange) if not odd]
    return Decoded(
        [decoded.events[row] for row in kept],
        [places[row] for row in kept],
        None if decoded.unmapped is None else [decoded.unmapped[row] for row in kept],
        None,
        [*decoded.rejects, *(Reject(places[row], why) for row, odd in enumerate(strange) if odd)],
    )


def _descriptions(events: Sequence[wire.Record], columns: dict[str, Any]) -> Any:
    return zip(events, columns["decision_reason"], columns["error_message"], strict=True)


def _envelope(
    events: Sequence[wire.Record], shapes: Sequence[str], contexts: Sequence[wire.Context]
) -> dict[str, Any]:
    sources = [e.source or wire.NO_SOURCE for e in events]
    correlations = [
        e.correlation_id or c.correlation_id or None for e, c in zip(events, contexts, strict=True)
    ]
    return {
        "event_time": [e.timestamp or None for e in events],
        "native_event_id": [
            e.event_id or (None if e.id in (None, "") else f"{shape}:{e.id}:{e.timestamp}")
            for e, shape in zip(events, shapes, strict=True)
        ],
        "source_instance": [
            s.instance_id or e.hostname or None for s, e in zip(sources, events, strict=True)
        ],
        "http_request_id": [e.request_id or c for e, c in zip(events, correlations, strict=True)],
        "trace_id": [trace_of(e.trace_id) for e in events],
        "span_id": [span_of(e.span_id) for e in events],
    }


def _people(events: Sequence[wire.Record], shapes: Sequence[str]) -> dict[str, Any]:
    actors = [e.actor or wire.NO_ACTOR for e in events]
    people = transpose(
        [
            _person(a.user_id or e.user_id, a.user_email or e.user_email, _claimed(e, shape))
            for a, e, shape in zip(actors, events, shapes, strict=True)
        ],
        4,
    )
    agents = [a.user_agent or e.user_agent or None for a, e in zip(actors, events, strict=True)]
    addresses = [a.client_ip or e.client_ip or e.ip_address for a, e in zip(actors, events, strict=True)]
    return {
        "user_id": people[0],
        "user_email": people[1],
        "user_id_kind": people[2],
        "user_assurance": people[3],
        "auth_method": [
            "oauth_jwt" if e.token_jti else _AUTH.get(e.auth_method, "unknown") if e.auth_method else None
            for e in events
        ],
        "credential_id": [e.token_jti or None for e in events],
        "credential_kind": ["personal_access_token" if e.token_jti else None for e in events],
        "user_agent": agents,
        "client_identity_source": [client_source(None, a) for a in agents],
        "client_address": [host_of(a) if a and a != "unknown" else None for a in addresses],
    }


def _claimed(event: wire.Record, shape: str) -> str:
    """Say how much the record's user is worth: a failed sign-in only claims one, a refused token has an owner."""
    if event.event_type in ("authentication_failure", "brute_force_attempt"):
        return "self_reported"
    return "inferred" if shape == wire.USAGE and event.blocked else "verified"


@lru_cache(maxsize=8192)
def _person(id_: str | None, email: str | None, assurance: str) -> tuple[str | None, str | None, str, str]:
    """Return id, e-mail, kind and assurance."""
    mail = None if email == _REDACTED else email or None
    name = None if id_ == _REDACTED else id_ or None
    if name == "anonymous" or (name is None and mail == "anonymous"):
        return None, None, "anonymous", "anonymous"
    if name is None and mail is None:
        return None, None, "none", "unknown"
    name = name or mail
    if name is not None and "@" in name:
        return name, mail or name, "email", assurance
    return name, mail, "local_id", assurance


def _target(
    events: Sequence[wire.Record],
    shapes: Sequence[str],
    contexts: Sequence[wire.Context],
    fields: Sequence[wire.Fields],
) -> dict[str, Any]:
    called = [
        _called(e.component, e.message, c.resource_action, f.tool_name) if shape == wire.LOG else None
        for e, shape, c, f in zip(events, shapes, contexts, fields, strict=True)
    ]
    types = [e.resource_type or c.resource_type or "" for e, c in zip(events, contexts, strict=True)]
    names = [e.resource_name or c.resource_name or None for e, c in zip(events, contexts, strict=True)]
    tools = [call or (n if t == "tool" else None) for call, n, t in zip(called, names, types, strict=True)]
    servers = [n if t in ("server", "gateway") else None for n, t in zip(names, types, strict=True)]
    prompts = [n if t == "prompt" else None for n, t in zip(names, types, strict=True)]
    return {
        "event_kind": [
            "tool_call" if call else verdicts.kind_of(e, shape, c)
            for call, e, shape, c in zip(called, events, shapes, contexts, strict=True)
        ],
        "mcp_method": ["tools/call" if call else None for call in called],
        "operation_class": [
            verdicts.operation_of(e.action or c.action) for e, c in zip(events, contexts, strict=True)
        ],
        "tool_name": tools,
        "server_name": servers,
        "prompt_name": prompts,
        "named": [t or s or p for t, s, p in zip(tools, servers, prompts, strict=True)],
    }


def _called(component: str | None, message: str | None, action: str | None, tool: str | None) -> str | None:
    """Return the name of the tool a log entry says was called."""
    if component != "tool_service" or action not in (None, "invoke"):
        return None
    if tool and action:
        return tool
    found = _CALL.fullmatch(message or "")
    return found[1] or None if found else None
