"""What an Obot audit event holds that has no column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.fields import ABSENT
from ingest.wire import obot as wire

Raw = msgspec.Raw

APART: dict[str, tuple[wire.Part, dict[str, str]]] = {
    "trace": (wire.NO_TRACE, {"idempotency_key": "/details/trace/idempotencyKey"}),
    "agent": (
        wire.NO_AGENT,
        {"version": "/details/agent/version", "permission_mode": "/details/agent/permissionMode"},
    ),
    "device": (
        wire.NO_DEVICE,
        {
            "id": "/details/device/id",
            "deployment": "/details/device/deploymentID",
            "hostname": "/details/device/hostname",
            "os": "/details/device/os",
            "architecture": "/details/device/architecture",
        },
    ),
    "environment": (
        wire.NO_ENVIRONMENT,
        {
            "cwd": "/details/environment/cwd",
            "git_root": "/details/environment/gitRoot",
            "git_remotes": "/details/environment/gitRemotes",
            "git_branch": "/details/environment/gitBranch",
            "git_commit": "/details/environment/gitCommit",
            "transcript_path": "/details/environment/transcriptPath",
        },
    ),
    "request": (
        wire.NO_PAYLOAD,
        {
            "headers": "/details/request/headers",
            "mutated_body": "/details/request/mutatedBody",
            "original_body": "/details/request/originalBody",
        },
    ),
    "response": (
        wire.NO_PAYLOAD,
        {
            "headers": "/details/response/headers",
            "mutated_body": "/details/response/mutatedBody",
            "original_body": "/details/response/originalBody",
        },
    ),
}
"""Fields without a column, by their part: what stands for the part's absence, and their pointers."""

DETAILS_APART = {
    "/details/scope": "scope",
    "/details/webhookStatuses": "webhooks",
    "/details/rawEvent": "raw_event",
    "/details/startedAt": "started_at",
}


def unnamed(events: Sequence[wire.Event], columns: dict[str, Any]) -> dict[str, list[Raw]]:
    """Return the fields of the summary that this row's columns do not hold."""
    actions = [e.action or wire.NO_ACTION for e in events]
    tools, methods, decisions = columns["tool_name_exposed"], columns["mcp_method"], columns["decision"]
    return {
        "/eventType": [ABSENT if e.event_type in wire.TYPES else _raw(e.event_type) for e in events],
        "/actor/actorType": [ABSENT if (t := e.actor.actor_type) in wire.ACTORS else _raw(t) for e in events],
        "/actor/id": [
            ABSENT if not (a := e.actor).id or a.actor_type in ("user", "credential") else _raw(a.id)
            for e in events
        ],
        "/outcome/status": [
            ABSENT if e.outcome.status in wire.STATUSES else _raw(e.outcome.status) for e in events
        ],
        "/outcome/reason": [
            _raw(e.outcome.reason) if e.outcome.reason and d != "deny" else ABSENT
            for e, d in zip(events, decisions, strict=True)
        ],
        "/action/operation": [
            _raw(a.operation) if a.operation and a.operation != m else ABSENT
            for a, m in zip(actions, methods, strict=True)
        ],
        "/action/name": [
            _raw(a.name)
            if a.name and a.name != t and (e.target is None or a.name != e.target.name)
            else ABSENT
            for a, t, e in zip(actions, tools, events, strict=True)
        ],
        "/action/kind": [a.kind for a in actions],
    }


def apart(details: Sequence[wire.Details]) -> dict[str, list[Raw]]:
    """Return the details that have no column."""
    parts: dict[str, Sequence[Any]] = {
        "trace": [d.trace or wire.NO_TRACE for d in details],
        "agent": [d.agent or wire.NO_AGENT for d in details],
        "device": [d.device or wire.NO_DEVICE for d in details],
        "environment": [d.environment or wire.NO_ENVIRONMENT for d in details],
        "request": [d.request or wire.NO_PAYLOAD for d in details],
        "response": [d.response or wire.NO_PAYLOAD for d in details],
    }
    found = {pointer: [getattr(d, name) for d in details] for pointer, name in DETAILS_APART.items()}
    for part, (kind, fields) in APART.items():
        holders = parts[part]
        if holders.count(kind) == len(holders):
            continue
        for name, pointer in fields.items():
            found[pointer] = [getattr(holder, name) for holder in holders]
    return found


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
