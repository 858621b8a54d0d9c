"""The MCP gateway registry's audit records as they are on the wire; fields not named here end in `unmapped`."""

from __future__ import annotations

from typing import Literal

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw

MCP, API, MINT = "mcp_server_access", "registry_api_access", "token_mint"


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of the record."""


class Claims(Part):
    """What the identity provider's token says of who asked; null in API records."""

    subject: str | None = None
    principal_name: Raw = ABSENT
    canonical_id: Raw = ABSENT
    object_id: Raw = ABSENT
    tenant_id: Raw = ABSENT
    app_id: str | None = None


class Identity(Claims):
    """Who asked."""

    username: str | None = None
    auth_method: str | None = None
    provider: str | None = None
    groups: list[str] | None = None
    scopes: list[str] | None = None
    is_admin: bool | None = None
    credential_type: str | None = None
    credential_hint: Raw = ABSENT


class Server(Part):
    """The MCP server asked."""

    name: str | None = None
    path: str | None = None
    version: Raw = ABSENT
    proxy_target: Raw = ABSENT


class McpRequest(Part):
    """The MCP request."""

    method: str | None = None
    tool_name: str | None = None
    resource_uri: str | None = None
    mcp_session_id: str | None = None
    transport: str | None = None
    jsonrpc_id: str | int | None = None


class McpResponse(Part):
    """What came of it."""

    status: str | None = None
    duration_ms: float | None = None
    error_code: Int | None = None
    error_message: str | None = None


class HttpRequest(Part):
    """The HTTP request."""

    method: Raw = ABSENT
    path: Raw = ABSENT
    query_params: Raw = ABSENT
    client_ip: str | None = None
    forwarded_for: str | None = None
    user_agent: str | None = None
    content_length: Int | None = None


class HttpResponse(Part):
    """The HTTP response."""

    status_code: Int | None = None
    duration_ms: float | None = None
    content_length: Int | None = None


class Action(Part):
    """What was done to the registry."""

    operation: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    description: Raw = ABSENT
    idp_skip_reason: Raw = ABSENT
    metadata: Raw = ABSENT


class Authorization(Part):
    """What the registry decided."""

    decision: str | None = None
    required_permission: str | None = None
    evaluated_scopes: list[str] | None = None


class Record(Claims, kw_only=True):
    """One record of any of the three kinds; a minted token's has the claims at the top."""

    log_type: Literal["mcp_server_access", "registry_api_access", "token_mint"]
    instance_id: str | None = None
    username: str | None = None
    timestamp: str | None = None
    version: Raw = ABSENT
    request_id: str | None = None
    correlation_id: str | None = None
    identity: Identity | None = None
    mcp_server: Server | None = None
    mcp_request: McpRequest | None = None
    mcp_response: McpResponse | None = None
    request: HttpRequest | None = None
    response: HttpResponse | None = None
    action: Action | None = None
    authorization: Authorization | None = None
    username_hash: str | None = None
    auth_method: str | None = None
    provider: str | None = None
    internal_caller: Raw = ABSENT
    token_kind: Raw = ABSENT
    resource_type: Raw = ABSENT
    resource_id: Raw = ABSENT
    token_path: Raw = ABSENT
    requested_scopes: list[str] | None = None
    expires_in_seconds: Raw = ABSENT
    outcome: str | None = None
    failure_reason: str | None = None


NO_IDENTITY = Identity()
NO_SERVER = Server()
NO_MCP_REQUEST = McpRequest()
NO_MCP_RESPONSE = McpResponse()
NO_REQUEST = HttpRequest()
NO_RESPONSE = HttpResponse()
NO_ACTION = Action()
NO_AUTHORIZATION = Authorization()

CLAIMED = ("principal_name", "canonical_id", "object_id", "tenant_id")
"""Claims without a column."""

MINTED = (
    "internal_caller",
    "token_kind",
    "resource_type",
    "resource_id",
    "token_path",
    "expires_in_seconds",
)
"""Fields of a minted token without a column."""
