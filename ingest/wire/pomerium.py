"""Pomerium's two log lines as they are on the wire; fields that are not named here end in `unmapped`."""

from __future__ import annotations

from typing import Literal

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw

AUTHORIZE, ACCESS = "authorize check", "http-request"
CLAIMS_AT = "/id-token-claims"


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="kebab"):
    """An authorize check, or an HTTP request."""

    message: Literal["authorize check", "http-request"]
    time: str | None = None
    level: str | None = None
    service: str | None = None
    request_id: str | None = None
    check_request_id: str | None = None
    host: str | None = None
    authority: str | None = None
    ip: str | None = None
    forwarded_for: str | None = None
    user_agent: str | None = None
    session_id: str | None = None
    user: str | None = None
    email: str | None = None
    service_account_id: str | None = None
    route_id: str | None = None
    envoy_route_id: str | None = None
    mcp_method: str | None = None
    mcp_tool: str | None = None
    mcp_tool_parameters: Raw = ABSENT
    allow: bool | None = None
    allow_why_true: list[str] | None = None
    allow_why_false: list[str] | None = None
    deny: bool | None = None
    deny_why_true: list[str] | None = None
    deny_why_false: list[str] | None = None
    duration: float | None = None
    referer: str | None = None
    size: Int | None = None
    response_code: Int | None = None
    response_code_details: str | None = None
    id_token: Raw = ABSENT
    id_token_claims: Raw = ABSENT
    body: Raw = ABSENT
    impersonate_session_id: Raw = ABSENT
    impersonate_user_id: str | None = None
    impersonate_email: str | None = None
    removed_groups_count: Raw = ABSENT
    envoy_route_checksum: Raw = ABSENT
    route_checksum: Raw = ABSENT
    cluster_stat_name: Raw = ABSENT
    upstream_cluster: Raw = ABSENT
    method: Raw = ABSENT
    path: Raw = ABSENT
    query: Raw = ABSENT
    headers: Raw = ABSENT


class Claims(msgspec.Struct, gc=False):
    """What the ID token says; the rest stays in `unmapped`."""

    iss: str | None = None
    azp: str | None = None
    name: str | None = None
    jti: str | None = None


NO_CLAIMS = Claims()

APART = {
    "/removed-groups-count": "removed_groups_count",
    "/cluster-stat-name": "cluster_stat_name",
    "/upstream-cluster": "upstream_cluster",
    "/method": "method",
    "/path": "path",
    "/query": "query",
    "/headers": "headers",
}
"""Fields without a column. Checksums of routes tell nothing; sessions and tokens are credentials and are dropped."""
