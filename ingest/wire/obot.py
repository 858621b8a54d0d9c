"""Obot's AuditLogEvent as it is on the wire; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int
from ingest.mcp import trace_parent

Raw = msgspec.Raw

MCP_CALL, LOCAL_CALL = "mcp_call", "local_agent_tool_call"
TYPES = frozenset({MCP_CALL, LOCAL_CALL})
ACTORS = frozenset({"user", "device", "credential", "unknown"})
STATUSES = frozenset({"success", "failure", "denied", "timeout", "unknown"})
STREAMS = {"sse/stream": "session_open", "session/delete": "session_close"}
PASSED = frozenset({None, "", "ok", "success", "accepted", "mutated"})
DENIERS = {401: "authn", 403: "acl"}


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

_headers = msgspec.json.Decoder(dict[str, list[str]])


def trace_of(request: Payload | None) -> tuple[str | None, str | None]:
    """Return trace and span id of a request's `traceparent` header, where the headers are shown."""
    if request is None or b"raceparent" not in bytes(request.headers):
        return None, None
    try:
        headers = _headers.decode(request.headers)
    except msgspec.MsgspecError:  # something else is called so: it stays in `unmapped`
        return None, None
    found = [values[0] for name, values in headers.items() if name.lower() == "traceparent" and values]
    return trace_parent(found[0]) if found else (None, None)
