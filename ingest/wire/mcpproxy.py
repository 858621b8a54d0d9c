"""mcpproxy's activity record as it is on the wire; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Intent(msgspec.Struct, gc=False):
    """What the agent says that it means to do."""

    operation_type: str | None = None


class Detection(msgspec.Struct, gc=False):
    """What sort of sensitive data the proxy found."""

    categories: list[str] | None = None


class Metadata(msgspec.Struct, gc=False):
    """The part of `metadata` that has columns; each kind of record adds members of its own."""

    client_name: str | None = None
    client_version: str | None = None
    auth_type: str | None = None
    agent_name: str | None = None
    decision: str | None = None
    reason: str | None = None
    rejection_reason: str | None = None
    tool_variant: str | None = None
    target_server: str | None = None
    target_tool: str | None = None
    internal_tool_name: str | None = None
    intent: Raw = ABSENT
    sensitive_data_detection: Raw = ABSENT
    content_trust: Raw = ABSENT


class Caller(msgspec.Struct, gc=False):
    """What the proxy writes into the recorded arguments of who called."""

    auth_type: str | None = msgspec.field(name="_auth_auth_type", default=None)
    agent_name: str | None = msgspec.field(name="_auth_agent_name", default=None)
    token_prefix: str | None = msgspec.field(name="_auth_token_prefix", default=None)
    user_id: str | None = msgspec.field(name="_auth_user_id", default=None)
    user_email: str | None = msgspec.field(name="_auth_user_email", default=None)


class Record(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One activity."""

    id: str
    type: str
    status: str
    timestamp: str
    source: str | None = None
    server_name: str | None = None
    tool_name: str | None = None
    arguments: Raw = ABSENT
    response: str | None = None
    response_truncated: bool | None = None
    error_message: str | None = None
    duration_ms: float | None = None
    session_id: str | None = None
    request_id: str | None = None
    work_session_id: str | None = None
    request_bytes: Int | None = None
    response_bytes: Int | None = None
    user_id: str | None = None
    user_email: str | None = None
    tool_variant: str | None = None
    detection_types: list[str] | None = None
    metadata: Raw = ABSENT
    parent_id: Raw = ABSENT
    intent: Raw = ABSENT
    has_sensitive_data: Raw = ABSENT
    max_severity: Raw = ABSENT


NO_METADATA = Metadata()
NO_CALLER = Caller()
NO_INTENT = Intent()
NO_DETECTION = Detection()

KINDS = {
    "tool_call": "tool_call",
    "internal_tool_call": "tool_call",
    "policy_decision": "tool_decision",
    "prompt_get": "prompt_get",
    "server_change": "entity_change",
    "config_change": "entity_change",
    "quarantine_change": "policy_change",
    "tool_quarantine_change": "policy_change",
    "credential_broker": "token_exchange",
    "system_start": "other",
    "system_stop": "other",
    "security_scan": "other",
    "preflight": "other",
}
"""Type of activity to event_kind."""
