"""metamcp's row of mcp_request_audit_logs as JSON; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw


class Row(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One tools/call through a metamcp endpoint."""

    status: str
    uuid: str | None = None
    endpoint_name: str | None = None
    namespace_uuid: Raw = ABSENT
    session_id: str | None = None
    auth_method: str | None = None
    api_key_uuid: str | None = None
    api_key_user_id: str | None = None
    oauth_user_id: str | None = None
    mcp_server_uuid: str | None = None
    mcp_server_name: str | None = None
    tool_name: str | None = None
    duration_ms: float | None = None
    error_message: str | None = None
    created_at: str | None = None
