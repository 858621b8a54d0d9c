"""A row of Gate22's tool call log; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw


class Row(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One tool call."""

    status: str
    bundle_name: str | None = None
    id: str | None = None
    organization_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    session_id: str | None = None
    bundle_id: Raw = ABSENT
    server_name: str | None = msgspec.field(name="mcp_server_name", default=None)
    server_id: str | None = msgspec.field(name="mcp_server_id", default=None)
    tool_name: str | None = msgspec.field(name="mcp_tool_name", default=None)
    tool_id: Raw = msgspec.field(name="mcp_tool_id", default=ABSENT)
    configuration_name: Raw = msgspec.field(name="mcp_server_configuration_name", default=ABSENT)
    configuration_id: Raw = msgspec.field(name="mcp_server_configuration_id", default=ABSENT)
    arguments: Raw = ABSENT
    result: Raw = ABSENT
    via_execute_tool: bool | None = None
    payload: Raw = msgspec.field(name="jsonrpc_payload", default=ABSENT)
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: float | None = None
    created_at: str | None = None
    updated_at: Raw = ABSENT
