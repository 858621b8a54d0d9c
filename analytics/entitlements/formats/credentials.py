"""An inventory of credentials as CSV or JSON: ids, never the secrets; owners, lives, and what each may be used for."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from analytics.entitlements.facts import Entitlement, Facts, Principal
from analytics.entitlements.reading import File, When, at, records


class Credential(msgspec.Struct, forbid_unknown_fields=True):
    """One credential, by the id that logs show: jti, key id or fingerprint."""

    credential_id: str
    kind: str | None = None
    name: str | None = None
    owner: str | None = None
    purpose: str | None = None
    status: Literal["active", "revoked", "disabled"] = "active"
    issued_at: When | None = None
    expires_at: When | None = None
    revoked_at: When | None = None
    rotated_at: When | None = None
    servers: list[str] = []
    tools: list[str] = msgspec.field(default_factory=lambda: ["*"])
    scopes: list[str] = []


def read(file: File) -> Facts:
    """Read credentials: an array of objects, an object with `credentials`, or CSV with lists parted by `;`."""
    found = records(file, Credential, "credentials")
    principals = tuple(
        Principal(
            "credential", c.credential_id, name=c.name, status=_status(c), owner=c.owner, purpose=c.purpose,
            credential_kind=c.kind, since=at(c.issued_at), until=_end(c),
            rotated_at=at(c.rotated_at), place=place,
        )
        for c, place in found.records
    )  # fmt: skip
    entitlements = tuple(
        Entitlement(
            "credential", c.credential_id, server, tool, resource_scope=" ".join(c.scopes) or None,
            granted_at=at(c.issued_at), expires_at=at(c.expires_at), revoked_at=at(c.revoked_at), owner=c.owner,
            place=place,
        )
        for c, place in found.records
        for server in c.servers
        for tool in c.tools
    )  # fmt: skip
    return Facts(entitlements, principals, found.faults)


def _status(credential: Credential) -> str:
    return "revoked" if credential.revoked_at is not None else credential.status


def _end(credential: Credential) -> datetime | None:
    """Return when it ends or ended; None where it ended on a day that is not told."""
    if credential.revoked_at is None and credential.status != "active":
        return None
    return at(credential.revoked_at) or at(credential.expires_at)
