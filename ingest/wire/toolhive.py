"""ToolHive's audit event as slog writes it; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of the line."""


class SourceExtra(Part):
    """What the HTTP request said of its sender."""

    user_agent: str | None = None
    request_id: str | None = None


class Source(Part):
    """Where the request came from."""

    type: str | None = None
    value: str | None = None
    extra: SourceExtra | None = None


class Subjects(Part):
    """Who sent it, by the token."""

    user: str | None = None
    user_id: str | None = None
    client_name: str | None = None
    client_version: str | None = None


class Delegation(Part):
    """On whose behalf, current actor first."""

    chain: list[dict[str, str | None]] | None = None
    truncated: bool = False
    omitted: Raw = ABSENT
    malformed: bool = False
    reason: Raw = msgspec.field(name="malformedReason", default=ABSENT)


class Target(Part):
    """What was asked of what."""

    endpoint: str | None = None
    method: str | None = None
    name: str | None = None
    type: str | None = None
    tool_name: str | None = None
    workflow_id: Raw = ABSENT
    workflow_name: Raw = ABSENT
    step_id: Raw = ABSENT
    step_type: Raw = ABSENT


class Extra(Part):
    """Measurements and errors."""

    duration_ms: float | None = None
    transport: str | None = None
    response_size_bytes: Int | None = None
    backend_name: str | None = None
    jsonrpc_error_code: Int | None = None
    jsonrpc_error_message: str | None = None
    retry_count: Raw = ABSENT
    step_count: Raw = ABSENT
    timeout_ms: Raw = ABSENT


class Metadata(Part):
    """The place of `extra`."""

    extra: Extra | None = None


class Data(Part):
    """The bodies, where the operator turned them on."""

    request: Raw = ABSENT
    response: Raw = ABSENT


class Line(Part):
    """One audit event with the keys slog writes."""

    audit_id: str
    type: str
    outcome: str
    time: str | None = None
    logged_at: str | None = None
    level: str | None = None
    msg: str | None = None
    component: str | None = None
    source: Source | None = None
    subjects: Subjects | None = None
    delegation: Delegation | None = None
    target: Target | None = None
    metadata: Metadata | None = None
    data: Data | None = None


NO_SOURCE = Source()
NO_SOURCE_EXTRA = SourceExtra()
NO_SUBJECTS = Subjects()
NO_TARGET = Target()
NO_METADATA = Metadata()
NO_EXTRA = Extra()
NO_DATA = Data()
NO_DELEGATION = Delegation()

KINDS = {
    "mcp_initialize": "session_open",
    "sse_connection": "session_open",
    "mcp_tool_call": "tool_call",
    "mcp_tools_list": "tool_list",
    "mcp_resource_read": "resource_read",
    "mcp_resources_list": "resource_list",
    "mcp_prompt_get": "prompt_get",
    "mcp_prompts_list": "prompt_list",
    "mcp_notification": "notification",
    "mcp_ping": "ping",
    "mcp_logging": "logging",
    "mcp_completion": "completion",
    "mcp_roots_list_changed": "roots",
    "mcp_request": "other",
    "http_request": "http_request",
    "vmcp_workflow_started": "workflow",
    "vmcp_workflow_completed": "workflow",
    "vmcp_workflow_failed": "workflow",
    "vmcp_workflow_timed_out": "workflow",
    "vmcp_workflow_step_started": "workflow",
    "vmcp_workflow_step_completed": "workflow",
    "vmcp_workflow_step_failed": "workflow",
    "vmcp_workflow_step_skipped": "workflow",
}
"""Event type to event_kind."""
