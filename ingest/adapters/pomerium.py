"""Pomerium's log, two streams: the authorize check that decides, and the HTTP request that came of it.

An authorize check has the decision with its reasons and the route as its policy, the user, and MCP method, tool
and arguments where the operator logs them; it does not know what came of the request (`unknown`, or `denied`).
An http-request line has status, duration and size and nothing of MCP or the user. Each is a row of its own with
the request-id both share; only the check is the tool call, the other is always an `http_request`. Where the
request line says that the check refused it (`ext_authz_denied`), it is `denied` but counted once, by the check:
its class is `client_event`. Other 401 and 403 are the server's own refusals.

The decision is allow and not deny: a line with both is a denial. Without `mcp-method` a check is of kind
`other`. There is no clientInfo and no MCP session (`session-id` is Pomerium's own, a gateway_session), and no
result. The arguments come unredacted, as does an `id-token`, which is a credential: it is dropped, with the
warning token_in_log. Someone impersonating another stays the user; the warning `impersonated` points it out.

To switch it on: both lines are on stdout by default. Add to the configuration `authorize_log_fields` the
defaults and `mcp-method`, `mcp-tool` and `mcp-tool-parameters`; without them no check tells of a tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from ingest.decode import decode
from ingest.fields import ABSENT, filled, leftovers, raws, transpose, unless
from ingest.jsonrpc import NO_REQUEST, Request, request
from ingest.mcp import client_source, host_of, kind_of
from ingest.opened import merged, open_objects
from ingest.parsed import Parsed
from ingest.wire import pomerium as wire

SUMMARY = "Pomerium authorize checks and HTTP requests (JSON lines)"
SIGNATURES = (
    {"message": "authorize check", "service": "authorize"},
    {"message": "http-request", "service": "envoy"},
)

_UNAUTHENTICATED = frozenset(
    {
        "user-unauthenticated",
        "device-unauthenticated",
        "client-certificate-required",
        "client-certificate-unauthorized",
        "invalid-client-certificate",
    }
)
_CHECK_REFUSED = "ext_authz_denied"


def parse(records: Sequence[bytes]) -> Parsed:
    """Read lines of both streams in any mixture, one per record."""
    decoded = decode(records, wire.Line)
    lines = decoded.events
    checks = [e.message == wire.AUTHORIZE for e in lines]
    asked = [NO_REQUEST if e.body is ABSENT else request(e.body) for e in lines]
    claims, rest = open_objects(
        [e.id_token_claims for e in lines], wire.Claims, wire.NO_CLAIMS, wire.CLAIMS_AT
    )
    columns = {
        "event_time": [e.time or None for e in lines],
        "evidence_kind": ["audit_event" if c else "access_log" for c in checks],
        "vantage": ["policy_engine" if c else "gateway" for c in checks],
        **_people(lines, claims, asked),
        **_target(lines, checks, asked),
        **_judgement(lines),
        "arguments": _arguments(lines, asked),
    }
    apart: dict[str, Any] = {
        pointer: list(map(attrgetter(name), lines)) for pointer, name in wire.APART.items()
    }
    nowhere = [None] * len(lines)
    apart["/impersonate-user-id"] = unless([e.impersonate_user_id for e in lines], nowhere)
    apart["/impersonate-email"] = unless([e.impersonate_email for e in lines], nowhere)
    said = [_stated(e.response_code_details) for e in lines]
    told = zip(columns["decision_reason"], columns["error_message"], strict=True)
    apart["/response-code-details"] = unless(said, [reason or error for reason, error in told])
    apart["/referer"] = unless([e.referer for e in lines], nowhere)
    columns["unmapped"] = merged(leftovers(decoded.unmapped, len(lines), apart), rest)
    return Parsed(filled(columns), {"source_system": "pomerium"}, decoded.record, decoded.rejects, len(lines))


def _arguments(lines: Sequence[wire.Line], asked: Sequence[Request]) -> list[bytes | str | None]:
    given = raws([e.mcp_tool_parameters for e in lines])
    return [a.arguments if g in (None, b"null") else g for g, a in zip(given, asked, strict=True)]


def _people(
    lines: Sequence[wire.Line], claims: Sequence[wire.Claims], asked: Sequence[Request]
) -> dict[str, Any]:
    accounts = [e.service_account_id or None for e in lines]
    clients = [c.azp or None for c in claims]
    return {
        "user_id": [e.user or None for e in lines],
        "user_email": [e.email or None for e in lines],
        "user_name": [c.name or None for c in claims],
        "user_issuer": [c.iss or None for c in claims],
        "user_id_kind": ["idp_sub" if e.user else "none" for e in lines],
        "user_assurance": ["verified" if e.user or e.email else "unknown" for e in lines],
        "client_oauth_id": clients,
        "client_name": [a.client_name for a in asked],
        "client_version": [a.client_version for a in asked],
        "client_identity_source": [
            "oauth_client_id" if c else client_source(a.client_name, e.user_agent)
            for c, a, e in zip(clients, asked, lines, strict=True)
        ],
        "user_agent": [e.user_agent or None for e in lines],
        "client_address": [_address(e.ip, e.forwarded_for) for e in lines],
        "credential_id": [a or c.jti or None for a, c in zip(accounts, claims, strict=True)],
        "credential_kind": ["service_account" if a else None for a in accounts],
        "session_id": [e.session_id or None for e in lines],
        "session_kind": ["gateway_session" if e.session_id else None for e in lines],
    }


def _address(address: str | None, forwarded: str | None) -> str | None:
    text = address or (forwarded or "").split(",")[0].strip()
    return host_of(text) if text else None


def _target(lines: Sequence[wire.Line], checks: Sequence[bool], asked: Sequence[Request]) -> dict[str, Any]:
    return {
        "event_kind": [
            "http_request" if not c else kind_of(e.mcp_method) for c, e in zip(checks, lines, strict=True)
        ],
        "mcp_method": [e.mcp_method or None for e in lines],
        "tool_name_exposed": [e.mcp_tool or None for e in lines],
        "tool_name": [e.mcp_tool or None for e in lines],
        "server_name": [e.host or e.authority or None for e in lines],
        "http_request_id": [e.request_id or e.check_request_id or None for e in lines],
        "jsonrpc_id": [a.jsonrpc_id for a in asked],
        "protocol_version": [a.protocol_version for a in asked],
        "trace_id": [a.trace_id for a in asked],
        "span_id": [a.span_id for a in asked],
    }


def _judgement(lines: Sequence[wire.Line]) -> dict[str, Any]:
    reasons = [_reasons(e) for e in lines]
    verdicts = transpose(
        [
            _checked(e.allow, e.deny, any(r in _UNAUTHENTICATED for r in why))
            if e.message == wire.AUTHORIZE
            else _requested(e.response_code, e.response_code_details)
            for e, why in zip(lines, reasons, strict=True)
        ],
        5,
    )
    return {
        "decision": verdicts[0],
        "decision_source": verdicts[1],
        "decision_basis": verdicts[2],
        "outcome": verdicts[3],
        "event_class": verdicts[4],
        "decision_reason": [
            ", ".join(why) or (_stated(e.response_code_details) if d == "deny" else None)
            for e, why, d in zip(lines, reasons, verdicts[0], strict=True)
        ],
        "policy_id": [e.route_id or e.envoy_route_id or None for e in lines],
        "http_status": [e.response_code or None for e in lines],
        "error_message": [
            _stated(e.response_code_details) if o in _FAILED else None
            for o, e in zip(verdicts[3], lines, strict=True)
        ],
        "duration_ms": [e.duration for e in lines],
        "response_bytes": [e.size for e in lines],
        "parse_warnings": [_warnings(e) for e in lines],
    }


_FAILED = frozenset({"protocol_error", "transport_error", "timeout", "cancelled"})


def _stated(details: str | None) -> str | None:
    """Return what the details say beyond that the answer came from behind."""
    return None if details in (None, "", "via_upstream") else details


def _reasons(line: wire.Line) -> list[str]:
    """Return the reasons of the rule that decided."""
    if line.deny:
        return line.deny_why_true or []
    return (line.allow_why_true if line.allow else line.allow_why_false) or []


_Verdict = tuple[str, str | None, str | None, str, str | None]


@lru_cache(maxsize=64)
def _checked(allow: bool | None, deny: bool | None, stranger: bool) -> _Verdict:
    """Return decision, who decided, basis, outcome, and the class where it is not the decision's."""
    if allow is None and deny is None:
        return "unknown", None, None, "unknown", None
    if allow and not deny:
        return "allow", "policy_engine", "explicit", "unknown", None
    return "deny", "authn" if stranger else "policy_engine", "explicit", "denied", None


@lru_cache(maxsize=1024)
def _requested(status: int | None, details: str | None) -> _Verdict:
    """Return the same of an HTTP request, of which only status and details are known."""
    if details is not None and details.startswith(_CHECK_REFUSED):
        return "deny", "policy_engine", "strong", "denied", "client_event"
    if status in (401, 403):
        return "deny", "server" if details == "via_upstream" else "unknown", "strong", "denied", None
    if not status:
        return (
            "unknown",
            None,
            None,
            "cancelled" if details == "downstream_remote_disconnect" else "unknown",
            None,
        )
    if status in (408, 504):
        return "unknown", None, None, "timeout", None
    if status >= 400:
        return "unknown", None, None, "transport_error" if status >= 500 else "protocol_error", None
    return "unknown", None, None, "success", None


def _warnings(line: wire.Line) -> list[str] | None:
    words = []
    if line.id_token is not ABSENT:
        words.append("token_in_log")
    if line.impersonate_user_id or line.impersonate_email:
        words.append("impersonated")
    if line.allow and line.deny:
        words.append("allowed_and_denied")
    return words or None
