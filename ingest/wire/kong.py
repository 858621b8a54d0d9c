"""Kong's log object with `ai.mcp`; other plugins and operators add fields, which end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of the log object."""


class Payload(Part):
    """The bodies, as JSON text."""

    request: Raw = ABSENT
    response: Raw = ABSENT


class Rpc(Part):
    """One JSON-RPC request of the HTTP request."""

    id: str | int | None = None
    method: str | None = None
    latency: float | None = None
    tool_name: str | None = None
    error: Raw = ABSENT
    response_body_size: Int | None = None
    payload: Payload | None = None


class Named(Part):
    """A consumer as the audit names it: `identifier` says whether it is one or a group."""

    id: str | None = None
    name: str | None = None
    identifier: str | None = None


class Audit(Part):
    """One access decision."""

    action: str
    primitive: str | None = None
    primitive_name: str | None = None
    consumer: Named | None = None
    scope: str | None = None


class Mcp(Part):
    """What the MCP plugin saw."""

    mcp_session_id: str | None = None
    rpc: list[Rpc] | None = None
    audit: list[Audit] | None = None


class Ai(Part):
    """What the AI plugins saw; other plugins' parts go by their names."""

    mcp: Mcp | None = None


class Request(Part):
    """The client's HTTP request."""

    id: str | None = None
    method: str | None = None
    size: Int | None = None
    headers: Raw = ABSENT
    uri: Raw = ABSENT
    url: Raw = ABSENT
    querystring: Raw = ABSENT
    tls: Raw = ABSENT


class Response(Part):
    """The HTTP response."""

    status: Int | None = None
    size: Int | None = None
    headers: Raw = ABSENT


class Consumer(msgspec.Struct, gc=False):
    """Whom Kong authenticated."""

    id: str | None = None
    username: str | None = None
    custom_id: str | None = None


class Entity(msgspec.Struct, gc=False):
    """A service or route."""

    id: str | None = None
    name: str | None = None


class Credential(msgspec.Struct, gc=False):
    """The credential that Kong authenticated."""

    id: str | None = None


class Latencies(msgspec.Struct, gc=False):
    """How long it took, in milliseconds."""

    request: float | None = None


class Trace(msgspec.Struct, gc=False):
    """The trace id in the forms that Kong knows."""

    w3c: str | None = None


class Headers(msgspec.Struct, gc=False):
    """The request headers that have columns."""

    user_agent: str | None = msgspec.field(name="user-agent", default=None)
    protocol: str | None = msgspec.field(name="mcp-protocol-version", default=None)


class Line(msgspec.Struct, gc=False):
    """One HTTP request through Kong."""

    ai: Ai
    request: Request | None = None
    response: Response | None = None
    client_ip: str | None = None
    started_at: Int | None = None
    workspace_name: str | None = None
    consumer: Raw = ABSENT
    service: Raw = ABSENT
    route: Raw = ABSENT
    authenticated_entity: Raw = ABSENT
    latencies: Raw = ABSENT
    trace_id: Raw = ABSENT
    tries: Raw = ABSENT
    source: Raw = ABSENT
    upstream_uri: Raw = ABSENT
    upstream_status: Raw = ABSENT
    workspace: Raw = ABSENT
    consumer_groups: Raw = ABSENT


NO_REQUEST = Request()
NO_RESPONSE = Response()
NO_CONSUMER = Consumer()
NO_ENTITY = Entity()
NO_CREDENTIAL = Credential()
NO_HEADERS = Headers()
NO_LATENCIES = Latencies()
NO_TRACE = Trace()
