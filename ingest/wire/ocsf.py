"""OCSF's API Activity (6003), as far as it has columns here; other fields end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of the event."""


class Product(Part):
    """What emitted it."""

    name: str | None = None
    uid: str | None = None
    vendor_name: Raw = ABSENT
    version: Raw = ABSENT


class Metadata(Part):
    """Of the event itself."""

    uid: str | None = None
    version: Raw = ABSENT
    product: Product | None = None
    profiles: list[str] = []
    log_name: Raw = ABSENT
    correlation_uid: str | None = None
    logged_time: Int | None = None


class Named(Part):
    """Something with a name, an id and a version."""

    name: str | None = None
    uid: str | None = None
    version: str | None = None


class User(Part):
    """A person."""

    uid: str | None = None
    name: str | None = None
    email_addr: str | None = None
    full_name: str | None = None
    groups: list[Named] = []
    org: Named | None = None
    type: Raw = ABSENT
    type_id: Raw = ABSENT


class Session(Part):
    """The session of the actor."""

    uid: str | None = None
    issuer: str | None = None
    credential_uid: str | None = None
    is_mfa: Raw = ABSENT


class Actor(Part):
    """Who acted."""

    user: User | None = None
    session: Session | None = None
    app_name: str | None = None
    app_uid: str | None = None
    idp: Raw = ABSENT
    invoked_by: Raw = ABSENT
    authorizations: Raw = ABSENT


class Request(Part):
    """What was sent."""

    uid: str | None = None
    data: Raw = ABSENT
    flags: Raw = ABSENT


class Response(Part):
    """What came back."""

    code: Int | None = None
    error: str | None = None
    error_message: str | None = None
    message: str | None = None
    data: Raw = ABSENT
    flags: Raw = ABSENT


class Api(Part):
    """What was asked for."""

    operation: str | None = None
    version: Raw = ABSENT
    service: Named | None = None
    request: Request | None = None
    response: Response | None = None
    group: Raw = ABSENT


class Endpoint(Part):
    """One end of the connection."""

    ip: str | None = None
    name: str | None = None
    hostname: str | None = None
    uid: str | None = None
    port: Raw = ABSENT
    svc_name: str | None = None


class HttpRequest(Part):
    """The HTTP request."""

    uid: str | None = None
    user_agent: str | None = None
    http_method: Raw = ABSENT
    url: Raw = ABSENT
    version: Raw = ABSENT


class HttpResponse(Part):
    """The HTTP response."""

    code: Int | None = None
    latency: Raw = ABSENT
    length: Int | None = None
    status: Raw = ABSENT
    message: Raw = ABSENT


class Agent(Part):
    """The agent acting, of the profile ai_operation."""

    uid: str | None = None
    name: str | None = None
    instance_uid: Raw = ABSENT
    version: Raw = ABSENT
    type: Raw = ABSENT
    type_id: Raw = ABSENT
    ai_model: Raw = ABSENT
    charter: Raw = ABSENT


class Model(Part):
    """The model, of the profile ai_operation."""

    name: str | None = None
    ai_provider: str | None = None
    version: Raw = ABSENT


class Context(Part):
    """The conversation, of the profile ai_operation; the schema has objects where some write plain names."""

    uid: str | None = None
    application: Named | str | None = None
    service: Named | str | None = None
    ai_role_id: Raw = ABSENT
    ai_role: Raw = ABSENT


def name_of(party: Named | str | None) -> str | None:
    """Return the name of a client or server, however it was written."""
    return (party.name if isinstance(party, Named) else party) or None


class Span(Part):
    """A span, of the profile trace."""

    uid: str | None = None
    parent_uid: Raw = ABSENT
    operation: Raw = ABSENT


class Trace(Part):
    """The trace, of the profile trace."""

    uid: str | None = None
    span: Span | None = None
    flags: Raw = ABSENT


class Resource(msgspec.Struct, gc=False):
    """What was acted on."""

    name: str | None = None
    uid: str | None = None
    type: str | None = None


class Event(Part):
    """One API activity, with the profiles ai_operation, security_control and trace."""

    class_uid: Int
    activity_id: Int | None = None
    activity_name: Raw = ABSENT
    category_uid: Raw = ABSENT
    category_name: Raw = ABSENT
    class_name: Raw = ABSENT
    type_uid: Raw = ABSENT
    type_name: Raw = ABSENT
    severity: Raw = ABSENT
    severity_id: Raw = ABSENT
    time: Int | None = None
    time_dt: str | None = None
    start_time: Int | None = None
    end_time: Int | None = None
    duration: Int | None = None
    message: Raw = ABSENT
    status: str | None = None
    status_id: Int | None = None
    status_code: str | None = None
    status_detail: str | None = None
    metadata: Metadata | None = None
    actor: Actor | None = None
    api: Api | None = None
    resources: Raw = ABSENT
    src: Endpoint | None = msgspec.field(name="src_endpoint", default=None)
    dst: Endpoint | None = msgspec.field(name="dst_endpoint", default=None)
    http_request: HttpRequest | None = None
    http_response: HttpResponse | None = None
    agent: Agent | None = msgspec.field(name="ai_agent", default=None)
    model: Model | None = msgspec.field(name="ai_model", default=None)
    context: Context | None = msgspec.field(name="message_context", default=None)
    action: str | None = None
    action_id: Int | None = None
    disposition: str | None = None
    disposition_id: Int | None = None
    policy: Named | None = None
    trace: Trace | None = None
    unmapped: Raw = ABSENT


ACTIONS = {1: "allow", 2: "deny", 3: "observe", 4: "modify"}
REFUSALS = frozenset({2, 26})
"""Dispositions that refuse: Blocked and Unauthorized."""
OPERATIONS = {1: "write", 2: "read", 3: "write", 4: "destructive"}
