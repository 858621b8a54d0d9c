"""A line of Cloudflare's Logpush dataset mcp_portal_logs; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="pascal"):
    """One MCP request through a portal."""

    datetime: int | float | str
    method: str | None = None
    success: bool | None = None
    error: str | None = None
    session_id: str | None = msgspec.field(name="SessionID", default=None)
    portal_id: str | None = msgspec.field(name="PortalID", default=None)
    server_id: str | None = msgspec.field(name="ServerID", default=None)
    server_url: Raw = msgspec.field(name="ServerURL", default=ABSENT)
    user_id: str | None = msgspec.field(name="UserID", default=None)
    user_email: str | None = None
    client_address: str | None = msgspec.field(name="ClientIP", default=None)
    client_country: Raw = ABSENT
    colo_code: Raw = ABSENT
    portal_audience: Raw = msgspec.field(name="PortalAUD", default=ABSENT)
    server_audience: Raw = msgspec.field(name="ServerAUD", default=ABSENT)
    tool: str | None = msgspec.field(name="ToolCallName", default=None)
    prompt: str | None = msgspec.field(name="PromptGetName", default=None)
    resource: str | None = msgspec.field(name="ResourceReadURI", default=None)
    duration: float | None = msgspec.field(name="ServerResponseDurationMs", default=None)
