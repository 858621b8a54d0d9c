"""Docker MCP Gateway's policy audit: one JSON event for each decision of its policy.

It is the decision and nothing else. What came of an allowed call is not known, so its outcome is `unknown`;
there are no arguments, no result and no duration. No event names a user: the gateway leaves the fields for
actor, organisation, policy and session empty, and where something fills them they are taken without saying
that anyone was verified. Client name and version are the client's own clientInfo.

A call blocked because the policy could not be asked (`policy_error`) is no denial by the policy: its decision
is `error`, and it counts as a denial because the call did not go through. `load` decides whether a server or
tool may be offered and calls nothing. Times have whole seconds. The gateway drops events when 100 of them
wait, so a missing event proves nothing.

To switch it on: the gateway posts these events to Docker Desktop's backend (`/mcp/audit`), and only when it
runs in Docker Desktop with MCP governance switched on for the organisation. Take them from there, one JSON
object a line; there is no file or stream of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from ingest.decode import decode
from ingest.fields import filled, leftovers, transpose, unknown, unless
from ingest.mcp import TRANSPORTS, trace_of, without_prefix
from ingest.parsed import Parsed
from ingest.wire import docker as wire

SUMMARY = "Docker MCP Gateway policy audit (JSON)"
SIGNATURES = ({"trigger": None, "target_type": None, "result": None},)

_METHODS = {"invoke": "tools/call", "prompt": "prompts/get"}
_TARGETS = frozenset({"server", "tool", "prompt"})
_REASONS = frozenset({"policy_rule", "policy_error"})


def parse(records: Sequence[bytes]) -> Parsed:
    """Read audit events, one per record."""
    decoded = decode(records, wire.Event)
    events = decoded.events
    columns = {
        "event_time": [e.timestamp or None for e in events],
        **_people(events),
        **_target(events),
        **_judgement(events),
    }
    columns["unmapped"] = leftovers(decoded.unmapped, len(events), _unnamed(events, columns))
    constants = {"source_system": "docker", "evidence_kind": "audit_event", "vantage": "gateway"}
    return Parsed(filled(columns), constants, decoded.record, decoded.rejects, len(events))


def _people(events: Sequence[wire.Event]) -> dict[str, Any]:
    persons = [e.actor_type in (None, "", "user") for e in events]
    ids = [(e.actor_id or None) if p else None for e, p in zip(events, persons, strict=True)]
    return {
        "user_id": ids,
        "user_name": [(e.actor_name or None) if p else None for e, p in zip(events, persons, strict=True)],
        "user_id_kind": ["local_id" if i else "none" for i in ids],
        "user_assurance": ["unknown"] * len(events),
        "org_id": [e.org_id or None for e in events],
        "client_name": [e.client_name or None for e in events],
        "client_version": [e.client_version or None for e in events],
        "client_identity_source": ["client_info" if e.client_name else "none" for e in events],
    }


def _target(events: Sequence[wire.Event]) -> dict[str, Any]:
    return {
        "event_kind": [_kind(e.trigger, e.target_type) for e in events],
        "mcp_method": [_METHODS.get(e.trigger) for e in events],
        "server_name": [e.server_name or None for e in events],
        "tool_name_exposed": [e.tool_name or None for e in events],
        "tool_name": [
            without_prefix(e.tool_name, e.server_name)
            if e.tool_name and e.server_name
            else e.tool_name or None
            for e in events
        ],
        "prompt_name": [e.prompt_name or None for e in events],
        "transport": [TRANSPORTS.get(e.transport, "unknown") if e.transport else None for e in events],
        "session_id": [e.session_id or None for e in events],
        "session_kind": ["mcp" if e.session_id else None for e in events],
        "trace_id": [trace_of(e.trace_id) for e in events],
    }


@lru_cache(maxsize=256)
def _kind(trigger: str, target: str) -> str:
    if trigger == "load":
        return "server_connection" if target == "server" else "tool_decision"
    return {"invoke": "tool_call", "prompt": "prompt_get"}.get(trigger, "other")


def _judgement(events: Sequence[wire.Event]) -> dict[str, Any]:
    verdicts = transpose([_verdict(e.trigger, e.result, e.outcome_reason) for e in events], 5)
    return {
        "decision": verdicts[0],
        "decision_source": ["policy_engine" if basis else None for basis in verdicts[1]],
        "decision_basis": verdicts[1],
        "decision_reason": [e.reason or None for e in events],
        "policy_id": [e.policy_id or None for e in events],
        "policy_version": [e.policy_version or None for e in events],
        "outcome": verdicts[2],
        "event_class": verdicts[3],
        "parse_warnings": [list(w) if w else None for w in verdicts[4]],
    }


@lru_cache(maxsize=1024)
def _verdict(
    trigger: str, result: str, reason: str | None
) -> tuple[str, str | None, str, str | None, tuple[str, ...]]:
    """Return decision, basis, outcome, class where the decision alone does not give it, and warnings."""
    warnings = () if trigger == "load" or trigger in _METHODS else ("unknown_event_type",)
    if result == "allowed":
        return "allow", "explicit", "unknown", None, warnings
    if result != "denied":
        return "unknown", None, "unknown", None, (*warnings, "unknown_outcome")
    if reason == "policy_error":
        return "error", "explicit", "denied", "denial", warnings
    return "deny", "explicit", "denied", None, warnings


def _unnamed(events: Sequence[wire.Event], columns: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are known but have no column, or whose value has none."""
    return {
        **{f"/{name}": list(map(attrgetter(name), events)) for name in wire.APART},
        "/trigger": unknown([e.trigger for e in events], {"load", *_METHODS}),
        "/target_type": unknown([e.target_type for e in events], _TARGETS),
        "/result": unknown([e.result for e in events], {"allowed", "denied"}),
        "/outcome_reason": unknown([e.outcome_reason for e in events], _REASONS),
        "/transport": unknown([e.transport for e in events], TRANSPORTS),
        "/trace_id": unless([e.trace_id for e in events], columns["trace_id"]),
        "/actor_type": unknown([e.actor_type for e in events], {"user"}),
        "/actor_id": unless([e.actor_id for e in events], columns["user_id"]),
        "/actor_name": unless([e.actor_name for e in events], columns["user_name"]),
    }
