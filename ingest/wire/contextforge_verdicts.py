"""What ContextForge's records decide, what came of it, and what kind of event each is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ingest.fields import transpose
from ingest.wire import contextforge as wire

_DENIERS = {401: "authn", 403: "acl", 429: "rate_limit"}
_SECURITY = {
    "authentication_success": ("allow", "authn"),
    "authentication_failure": ("deny", "authn"),
    "authorization_failure": ("deny", "acl"),
    "rate_limit_exceeded": ("deny", "rate_limit"),
}
_AUTHN = frozenset(
    {"authentication_failure", "authentication_success", "brute_force_attempt", "token_manipulation"}
)
_CHANGES = {
    "create": "write",
    "update": "write",
    "set": "write",
    "toggle": "write",
    "bulk": "write",
    "import": "write",
    "register": "write",
    "delete": "destructive",
    "remove": "destructive",
    "view": "read",
    "read": "read",
    "list": "read",
    "get": "read",
}
_FAILED = "invocation failed"

Verdict = tuple[str, str | None, str | None, str, str | None]
"""Decision, who decided, basis, outcome and a warning."""


def judgement(
    events: Sequence[wire.Record],
    shapes: Sequence[str],
    contexts: Sequence[wire.Context],
    fields: Sequence[wire.Fields],
) -> dict[str, Any]:
    """Return the columns of decision and outcome."""
    errors = [e.error_message or f.error_message or None for e, f in zip(events, fields, strict=True)]
    rows = zip(events, shapes, contexts, errors, strict=True)
    found = transpose([_verdict(e, s, c, error) for e, s, c, error in rows], 5)
    return {
        "decision": found[0],
        "decision_source": found[1],
        "decision_basis": found[2],
        "outcome": found[3],
        "parse_warnings": [[word] if word else None for word in found[4]],
        "decision_reason": [
            (e.block_reason or e.description or None) if d in ("deny", "observe") else e.block_reason or None
            for e, d in zip(events, found[0], strict=True)
        ],
        "required_scopes": [[e.permission] if e.permission else None for e in events],
        "http_status": [
            e.status_code or c.response_status_code or c.status_code or None
            for e, c in zip(events, contexts, strict=True)
        ],
        "error_message": errors,
        "duration_ms": [e.duration_ms if e.duration_ms is not None else e.response_time_ms for e in events],
    }


def kind_of(event: wire.Record, shape: str, context: wire.Context) -> str:
    """Return the kind of a record that is no tool call."""
    if shape == wire.USAGE:
        return "http_request"
    if shape == wire.PERMISSION:
        return "tool_decision" if (event.permission or "").startswith("tools.") else "other"
    if shape == wire.LOG:
        return "http_request" if context.response_status_code is not None else "other"
    return _kind(event.event_type, event.action or context.action)


@lru_cache(maxsize=1024)
def _kind(event_type: str | None, action: str | None) -> str:
    if event_type in _AUTHN:
        return "authn"
    return "entity_change" if operation_of(action) in ("write", "destructive") else "other"


@lru_cache(maxsize=1024)
def operation_of(action: str | None) -> str | None:
    """Return what an action of the audit trail (create_tool, DELETE_TOOL) does to its target."""
    if not action:
        return None
    words = action.lower().split("_")
    if words[0] == "bulk" and len(words) > 1:
        words = words[1:]
    return _CHANGES.get(words[0], "unknown")


def _verdict(event: wire.Record, shape: str, context: wire.Context, error: str | None) -> Verdict:
    if shape == wire.PERMISSION:
        return _ALLOWED if event.granted else _DENIED
    if shape == wire.USAGE:
        return _used(event.blocked, event.block_reason, event.status_code)
    if shape == wire.LOG:
        return _logged(event, context, thrown=error is not None)
    audited = shape == wire.TRAIL or (event.source is not None and event.source.event_source == "audit")
    if audited:
        succeeded = event.success if event.success is not None else context.success
        return _audited(succeeded, context.response_status_code or context.status_code)
    return _secured(event.event_type, event.action_taken)


_ALLOWED: Verdict = ("allow", "acl", "explicit", "unknown", None)
_DENIED: Verdict = ("deny", "acl", "explicit", "denied", None)


@lru_cache(maxsize=256)
def _used(blocked: bool | None, reason: str | None, status: int | None) -> Verdict:
    if blocked:
        source = "authn" if reason == "revoked_or_expired" else _DENIERS.get(status or 0, "unknown")
        return "deny", source, "explicit", "denied", None
    if status in _DENIERS:
        return "deny", _DENIERS[status], "strong", "denied", None
    return "unknown", None, None, _ending(status), None


def _ending(status: int | None) -> str:
    if not status:
        return "unknown"
    if status in (408, 504):
        return "timeout"
    if status >= 400:
        return "transport_error" if status >= 500 else "protocol_error"
    return "success"


def _logged(event: wire.Record, context: wire.Context, *, thrown: bool) -> Verdict:
    """Judge a log entry: a tool call by its message, a request by its status."""
    if context.response_status_code is not None:
        return _used(None, None, context.response_status_code)
    message = event.message or ""
    if event.component != "tool_service" or not message.startswith("Tool '"):
        return "unknown", None, None, "unknown", None
    if message.endswith("invoked successfully"):
        return "unknown", None, None, "success", None
    if not message.endswith(_FAILED):
        return "unknown", None, None, "unknown", None
    return (
        "unknown",
        None,
        None,
        "unknown" if thrown else "tool_error",
        "error_kind_unknown" if thrown else None,
    )


@lru_cache(maxsize=64)
def _audited(succeeded: bool | None, status: int | None) -> Verdict:
    """Judge a change: that it failed is not that it was refused, whatever action_taken says."""
    if status in (401, 403):
        return "deny", _DENIERS[status], "strong", "denied", None
    if succeeded is None:
        return "unknown", None, None, "unknown", None
    return (
        "unknown",
        None,
        None,
        "success" if succeeded else "unknown",
        None if succeeded else "error_kind_unknown",
    )


@lru_cache(maxsize=1024)
def _secured(event_type: str | None, action_taken: str | None) -> Verdict:
    if event_type in _SECURITY:
        decision, source = _SECURITY[event_type]
        return decision, source, "explicit", "success" if decision == "allow" else "denied", None
    if action_taken == "blocked":
        return "deny", "guardrail", "explicit", "denied", None
    if action_taken == "flagged":
        return "observe", "guardrail", "explicit", "unknown", None
    return "unknown", None, None, "unknown", None
