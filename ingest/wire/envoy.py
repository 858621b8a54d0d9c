"""Envoy AI Gateway's access log lines under the documented keys, of now and of its first releases.

Operators choose the keys: what is not named here ends in `unmapped`. An old key counts where its new one is not
there.
"""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw
Number = int | float | str | None

WIRE = {
    "jsonrpc_id": "jsonrpc.request.id",
    "session_id": "mcp.session.id",
    "mcp_method": "mcp.method.name",
    "tool": "mcp.tool.name",
    "resource_uri": "mcp.resource.uri",
    "provider": "mcp.provider.name",
    "old_jsonrpc_id": "mcp_request_id",
    "old_session_id": "mcp_session_id",
    "old_mcp_method": "mcp_method",
    "old_tool": "mcp_tool_name",
    "old_resource_uri": "mcp_resource_uri",
    "old_provider": "mcp_backend",
    "user_id": "user.id",
    "user_email": "user.email",
    "user_name": "user.name",
    "request_id": "x-request-id",
    "user_agent": "user-agent",
    "forwarded_for": "x-forwarded-for",
    "remote": "downstream_remote_address",
    "model": "gen_ai.request.model",
    "old_model": "genai_model_name",
    "model_provider": "gen_ai.provider.name",
    "authority": ":authority",
    "path": "x-envoy-origin-path",
    "server_time": "x-envoy-upstream-service-time",
}


class Line(msgspec.Struct, gc=False, rename=WIRE):
    """One HTTP request through Envoy."""

    start_time: str | None = None
    response_code: Number = None
    response_flags: str | None = None
    response_code_details: str | None = None
    duration: Number = None
    bytes_received: Number = None
    bytes_sent: Number = None
    jsonrpc_id: str | int | None = None
    session_id: str | None = None
    mcp_method: str | None = None
    tool: str | None = None
    resource_uri: str | None = None
    provider: str | None = None
    old_jsonrpc_id: str | int | None = None
    old_session_id: str | None = None
    old_mcp_method: str | None = None
    old_tool: str | None = None
    old_resource_uri: str | None = None
    old_provider: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    user_name: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    user_agent: str | None = None
    forwarded_for: str | None = None
    remote: str | None = None
    upstream_transport_failure_reason: str | None = None
    upstream_host: str | None = None
    upstream_cluster: str | None = None
    route_name: str | None = None
    model: str | None = None
    old_model: str | None = None
    model_provider: str | None = None
    protocol: str | None = None
    method: Raw = ABSENT
    path: Raw = ABSENT
    authority: Raw = ABSENT
    server_time: Raw = ABSENT
    connection_termination_details: Raw = ABSENT
    upstream_local_address: Raw = ABSENT
    downstream_local_address: Raw = ABSENT
    requested_server_name: Raw = ABSENT


APART = {
    "/x-envoy-origin-path": "path",
    "/:authority": "authority",
    "/connection_termination_details": "connection_termination_details",
    "/requested_server_name": "requested_server_name",
}
"""Fields without a column, by their pointer. Envoy's own ports, the HTTP version and method tell no more."""
