"""Obot's AuditLogEvent as it is on the wire; fields that are not named here end in `unmapped`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw

MCP_CALL, LOCAL_CALL = "mcp_call", "local_agent_tool_call"
TYPES = frozenset({MCP_CALL, LOCAL_CALL})
ACTORS = frozenset({"user", "device", "credential", "unknown"})
STATUSES = frozenset({"success", "failure", "denied", "timeout", "unknown"})


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """A part of the event."""


class Timestamp(Part):
    """When, and by whose clock."""

    occurred_at: str | None = None
    recorded_at: str | None = None
    source: str | None = None


class Actor(Part):
    """The principal the server established."""

    actor_type: str
    id: str | None = None
    credential: str | None = msgspec.field(name="credentialID", default=None)


class Action(Part):
    """What was asked."""

    operation: str | None = None
    name: str | None = None
    kind: Raw = ABSENT


class Reference(Part):
    """A target or its parent."""

    target_type: str | None = None
    id: str | None = None
    name: str | None = None


class Target(Reference):
    """What it was asked of."""

    parent: Reference | None = None


class Outcome(Part):
    """What came of it."""

    status: str
    http_status: Int | None = None
    reason: str | None = None
    error: str | None = None
    duration_ms: float | None = None


class Trace(Part):
    """Identifiers to correlate by."""

    session: str | None = msgspec.field(name="sessionID", default=None)
    request: str | None = msgspec.field(name="requestID", default=None)
    tool_use: str | None = msgspec.field(name="toolUseID", default=None)
    turn: str | None = msgspec.field(name="turnID", default=None)
    idempotency_key: Raw = ABSENT


class Network(Part):
    """What the server saw of the network."""

    address: str | None = msgspec.field(name="clientIP", default=None)


class Client(Part):
    """What the MCP client said of itself."""

    name: str | None = None
    version: str | None = None
    user_agent: str | None = None


class Agent(Part):
    """What a local agent reported of itself."""

    provider: str | None = None
    version: Raw = ABSENT
    cli_name: str | None = None
    cli_version: str | None = None
    model: str | None = None
    model_id: str | None = msgspec.field(name="modelID", default=None)
    permission_mode: Raw = ABSENT


class Device(Part):
    """What a local agent reported of its machine."""

    id: Raw = ABSENT
    deployment: Raw = msgspec.field(name="deploymentID", default=ABSENT)
    hostname: Raw = ABSENT
    os: Raw = ABSENT
    architecture: Raw = ABSENT
    local_username: str | None = None


class Environment(Part):
    """What a local agent reported of its workspace."""

    reported_user_email: str | None = None
    cwd: Raw = ABSENT
    git_root: Raw = ABSENT
    git_remotes: Raw = ABSENT
    git_branch: Raw = ABSENT
    git_commit: Raw = ABSENT
    transcript_path: Raw = ABSENT


class Payload(Part):
    """One side's headers and bodies."""

    headers: Raw = ABSENT
    body: Raw = ABSENT
    mutated_body: Raw = ABSENT
    original_body: Raw = ABSENT
    mutated: bool = False


class Webhook(msgspec.Struct, gc=False):
    """One webhook's answer."""

    status: str | None = None
    name: str | None = None
    message: str | None = None


class Details(Part):
    """What the list view leaves out."""

    trace: Trace | None = None
    network: Network | None = None
    client: Client | None = None
    agent: Agent | None = None
    device: Device | None = None
    environment: Environment | None = None
    request: Payload | None = None
    response: Payload | None = None
    scope: Raw = ABSENT
    webhooks: Raw = msgspec.field(name="webhookStatuses", default=ABSENT)
    raw_event: Raw = ABSENT
    started_at: Raw = ABSENT
    payload_redacted: bool = False


class Event(Part):
    """One audit event."""

    event_type: str
    actor: Actor
    outcome: Outcome
    id: int | str | None = None
    timestamp: Timestamp | None = None
    action: Action | None = None
    target: Target | None = None
    client: str | None = None
    details: Details | None = None


NO_TIMESTAMP = Timestamp()
NO_ACTION = Action()
NO_TARGET = Target()
NO_PARENT = Reference()
NO_DETAILS = Details()
NO_TRACE = Trace()
NO_NETWORK = Network()
NO_CLIENT = Client()
NO_AGENT = Agent()
NO_DEVICE = Device()
NO_ENVIRONMENT = Environment()
NO_PAYLOAD = Payload()

APART: dict[str, tuple[Part, dict[str, str]]] = {
    "trace": (NO_TRACE, {"idempotency_key": "/details/trace/idempotencyKey"}),
    "agent": (
        NO_AGENT,
        {"version": "/details/agent/version", "permission_mode": "/details/agent/permissionMode"},
    ),
    "device": (
        NO_DEVICE,
        {
            "id": "/details/device/id",
            "deployment": "/details/device/deploymentID",
            "hostname": "/details/device/hostname",
            "os": "/details/device/os",
            "architecture": "/details/device/architecture",
        },
    ),
    "environment": (
        NO_ENVIRONMENT,
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
        NO_PAYLOAD,
        {
            "headers": "/details/request/headers",
            "mutated_body": "/details/request/mutatedBody",
            "original_body": "/details/request/originalBody",
        },
    ),
    "response": (
        NO_PAYLOAD,
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


def unnamed(events: Sequence[Event], columns: dict[str, Any]) -> dict[str, list[Raw]]:
    """Return the fields of the summary that this row's columns do not hold."""
    actions = [e.action or NO_ACTION for e in events]
    tools, methods, decisions = columns["tool_name_exposed"], columns["mcp_method"], columns["decision"]
    return {
        "/eventType": [ABSENT if e.event_type in TYPES else _raw(e.event_type) for e in events],
        "/actor/actorType": [ABSENT if (t := e.actor.actor_type) in ACTORS else _raw(t) for e in events],
        "/actor/id": [
            ABSENT if not (a := e.actor).id or a.actor_type in ("user", "credential") else _raw(a.id)
            for e in events
        ],
        "/outcome/status": [
            ABSENT if e.outcome.status in STATUSES else _raw(e.outcome.status) for e in events
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


def apart(details: Sequence[Details]) -> dict[str, list[Raw]]:
    """Return the details that have no column."""
    parts: dict[str, Sequence[Any]] = {
        "trace": [d.trace or NO_TRACE for d in details],
        "agent": [d.agent or NO_AGENT for d in details],
        "device": [d.device or NO_DEVICE for d in details],
        "environment": [d.environment or NO_ENVIRONMENT for d in details],
        "request": [d.request or NO_PAYLOAD for d in details],
        "response": [d.response or NO_PAYLOAD for d in details],
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
