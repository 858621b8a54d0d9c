"""ContextForge's records as they are on the wire: the SIEM envelope and rows of five tables, as one struct.

They share most names. What is not named here ends in `unmapped`.
"""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of the record."""


class Source(Part):
    """Which gateway, and which of its parts."""

    service: str | None = None
    version: Raw = ABSENT
    instance_id: str | None = None
    event_source: str | None = None


class Actor(Part):
    """Who, in the SIEM envelope."""

    user_id: str | None = None
    user_email: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    geo: Raw = ABSENT


class Fields(msgspec.Struct, gc=False):
    """What a log entry says of a tool call."""

    tool_name: str | None = None
    error_message: str | None = None
    integration_type: Raw = ABSENT
    arguments_count: Raw = ABSENT


class Context(msgspec.Struct, gc=False):
    """The context that has columns; anyone may add to it."""

    action: str | None = None
    resource_type: str | None = None
    resource_name: str | None = None
    resource_action: str | None = None
    success: bool | None = None
    correlation_id: str | None = None
    response_status_code: Int | None = None
    status_code: Int | None = None
    custom_fields: Raw = ABSENT
    resource_id: Raw = ABSENT
    data_classification: Raw = ABSENT
    requires_review: Raw = ABSENT


class Record(Part):
    """One record of any shape."""

    timestamp: str | None = None
    id: str | int | None = None
    event_id: str | None = None
    schema_version: str | None = None
    event_type: str | None = None
    severity: Raw = ABSENT
    category: Raw = ABSENT
    description: str | None = None
    source: Source | None = None
    actor: Actor | None = None
    threat: Raw = ABSENT
    context: Raw = ABSENT
    action_taken: str | None = None
    meta: Raw = msgspec.field(name="_meta", default=ABSENT)
    metadata: Raw = ABSENT
    level: str | None = None
    component: str | None = None
    message: str | None = None
    logger: Raw = ABSENT
    user_id: str | None = None
    user_email: str | None = None
    client_ip: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    correlation_id: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    request_path: Raw = ABSENT
    request_method: Raw = ABSENT
    duration_ms: float | None = None
    operation_type: Raw = ABSENT
    is_security_event: bool | None = None
    security_severity: Raw = ABSENT
    error_details: Raw = ABSENT
    performance_metrics: Raw = ABSENT
    hostname: str | None = None
    process_id: Raw = ABSENT
    thread_id: Raw = ABSENT
    version: Raw = ABSENT
    environment: Raw = ABSENT
    permission: str | None = None
    granted: bool | None = None
    roles_checked: Raw = ABSENT
    team_id: Raw = ABSENT
    resource_type: str | None = None
    resource_id: Raw = ABSENT
    resource_name: str | None = None
    action: str | None = None
    success: bool | None = None
    requires_review: bool | None = None
    error_message: str | None = None
    auth_method: str | None = None
    data_classification: Raw = ABSENT
    old_values: Raw = ABSENT
    new_values: Raw = ABSENT
    changes: Raw = ABSENT
    acting_as: Raw = ABSENT
    delegation_chain: Raw = ABSENT
    detected_at: Raw = ABSENT
    log_entry_id: Raw = ABSENT
    threat_score: float | None = None
    threat_indicators: Raw = ABSENT
    failed_attempts_count: Raw = ABSENT
    resolved: bool | None = None
    resolved_at: Raw = ABSENT
    resolved_by: Raw = ABSENT
    resolution_notes: Raw = ABSENT
    alert_sent: bool | None = None
    alert_sent_at: Raw = ABSENT
    alert_recipients: Raw = ABSENT
    token_jti: str | None = None
    endpoint: Raw = ABSENT
    method: Raw = ABSENT
    status_code: Int | None = None
    response_time_ms: float | None = None
    blocked: bool | None = None
    block_reason: str | None = None


NO_SOURCE = Source()
NO_ACTOR = Actor()
NO_CONTEXT = Context()
NO_FIELDS = Fields()

APART = (
    "severity",
    "category",
    "threat",
    "metadata",
    "logger",
    "request_path",
    "request_method",
    "operation_type",
    "security_severity",
    "error_details",
    "performance_metrics",
    "environment",
    "roles_checked",
    "team_id",
    "resource_id",
    "data_classification",
    "old_values",
    "new_values",
    "changes",
    "acting_as",
    "delegation_chain",
    "detected_at",
    "log_entry_id",
    "threat_indicators",
    "failed_attempts_count",
    "resolved_at",
    "resolved_by",
    "resolution_notes",
    "alert_sent_at",
    "alert_recipients",
    "endpoint",
    "method",
)
"""Fields without a column. Process and thread ids and the number of the sending attempt tell nothing more."""

SIEM, LOG, PERMISSION, SECURITY, TRAIL, USAGE = (
    "siem",
    "structured_log_entries",
    "permission_audit_log",
    "security_events",
    "audit_trails",
    "token_usage_logs",
)


def shape_of(record: Record) -> str | None:
    """Return which of the shapes a record has, None for none of them."""
    if record.schema_version is not None and record.source is not None:
        return SIEM
    if record.token_jti is not None:
        return USAGE
    if record.granted is not None:
        return PERMISSION
    if record.component is not None:
        return LOG
    if record.event_type is not None:
        return SECURITY
    return TRAIL if record.action is not None else None
