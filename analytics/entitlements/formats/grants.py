"""Entitlements of any kind as CSV or JSON, in the columns Tooltrail keeps them in."""

from __future__ import annotations

from typing import Literal

import msgspec

from analytics.entitlements.facts import Entitlement, Facts, Fault, Place
from analytics.entitlements.reading import File, When, at, records


class Grant(msgspec.Struct, forbid_unknown_fields=True):
    """One line of CSV, or one object of the JSON array."""

    principal: str
    server: str
    tool: str = "*"
    principal_kind: Literal["human", "group", "role", "client", "agent", "credential", "tool"] = "human"
    effect: Literal["permit", "forbid"] = "permit"
    resource_scope: str | None = None
    conditions: str | None = None
    source: Literal["direct", "role", "group"] = "direct"
    via: str | None = None
    granted_by: str | None = None
    granted_at: When | None = None
    expires_at: When | None = None
    revoked_at: When | None = None
    ticket: str | None = None
    owner: str | None = None
    break_glass: bool = False
    id: str | None = None


def read(file: File) -> Facts:
    """Read grants: an array of objects, an object with `grants`, or CSV."""
    found = records(file, Grant, "grants")
    entitlements = tuple(_entitlement(grant, place) for grant, place in found.records)
    faults = [fault for grant, place in found.records for fault in _faults(grant, place)]
    return Facts(entitlements, faults=(*found.faults, *faults))


def _faults(grant: Grant, place: Place) -> list[Fault]:
    wrong = []
    if not grant.principal.strip() or not grant.server.strip() or not grant.tool.strip():
        wrong.append(Fault(place, "principal, server and tool are names or patterns, never empty: * is any"))
    if grant.granted_at and grant.expires_at and grant.expires_at.at < grant.granted_at.at:
        wrong.append(Fault(place, "it expires before it was granted"))
    if grant.source != "direct" and grant.via is None:
        wrong.append(Fault(place, f"a grant by a {grant.source} names it in via"))
    return wrong


def _entitlement(grant: Grant, place: Place) -> Entitlement:
    return Entitlement(
        principal_kind=grant.principal_kind,
        principal=grant.principal,
        server_name=grant.server,
        tool_name=grant.principal if grant.principal_kind == "tool" and grant.tool == "*" else grant.tool,
        effect=grant.effect,
        resource_scope=grant.resource_scope,
        conditions=grant.conditions,
        source=grant.source,
        via=grant.via,
        granted_by=grant.granted_by,
        granted_at=at(grant.granted_at),
        expires_at=at(grant.expires_at),
        revoked_at=at(grant.revoked_at),
        ticket=grant.ticket,
        owner=grant.owner,
        break_glass=grant.break_glass,
        native_id=grant.id,
        place=place,
    )
