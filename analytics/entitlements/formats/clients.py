"""A registry of client applications and agents as CSV or JSON: who owns each, and what it may reach."""

from __future__ import annotations

from typing import Literal

import msgspec

from analytics.entitlements.facts import Entitlement, Facts, Principal
from analytics.entitlements.reading import File, When, at, records


class Client(msgspec.Struct, forbid_unknown_fields=True):
    """One application or agent. Of `servers` and `tools` each pair is granted; `tools` may be patterns."""

    client_id: str
    kind: Literal["client", "agent"] = "client"
    name: str | None = None
    aliases: list[str] = []
    owner: str | None = None
    purpose: str | None = None
    status: Literal["active", "disabled"] = "active"
    servers: list[str] = []
    tools: list[str] = msgspec.field(default_factory=lambda: ["*"])
    approved_by: str | None = None
    approved_at: When | None = None
    expires_at: When | None = None
    ticket: str | None = None


def read(file: File) -> Facts:
    """Read a client registry: an array of objects, an object with `clients`, or CSV with lists parted by `;`."""
    found = records(file, Client, "clients")
    principals = tuple(
        Principal(
            client.kind, client.client_id, tuple(client.aliases), client.name, (), client.status, client.owner,
            client.purpose, since=at(client.approved_at), until=at(client.expires_at), place=place,
        )
        for client, place in found.records
    )  # fmt: skip
    entitlements = tuple(
        Entitlement(
            client.kind, client.client_id, server, tool, granted_by=client.approved_by,
            granted_at=at(client.approved_at), expires_at=at(client.expires_at), ticket=client.ticket,
            owner=client.owner, place=place,
        )
        for client, place in found.records
        for server in client.servers
        for tool in client.tools
    )  # fmt: skip
    return Facts(entitlements, principals, found.faults)
