"""What an import says: entitlements and principals, with the faults that keep it from being taken in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

KINDS = {
    "human": "human",
    "group": "human",
    "role": "human",
    "client": "client",
    "agent": "client",
    "credential": "credential",
    "tool": "tool",
}
"""Of which kind an entitlement is, by the kind of its principal."""


@dataclass(frozen=True)
class Place:
    """Where something stands in a file, counted from 1; in CSV the column is the number of the field."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Fault:
    """Something that cannot be taken as it is: where, and what is wrong with it."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True)
class Entitlement:
    """Someone may, or must not, use tools of servers.

    `server_name` and `tool_name` are names or patterns with `*` and `?`. `principal` is `*` for everybody; of a tool's
    own entitlement the principal is the tool. `source` is direct, role or group, `via` its name. A policy is kept as
    its text, to be evaluated with the others of its source.
    """

    principal_kind: str
    principal: str
    server_name: str = "*"
    tool_name: str = "*"
    effect: str = "permit"
    resource_scope: str | None = None
    conditions: str | None = None
    source: str = "direct"
    via: str | None = None
    granted_by: str | None = None
    granted_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    ticket: str | None = None
    owner: str | None = None
    break_glass: bool = False
    policy_language: str | None = None
    policy: str | None = None
    policy_entities: str | None = None
    native_id: str | None = None
    place: Place | None = field(default=None, compare=False)

    def identity(self) -> tuple[str, ...]:
        """Return what makes it the same entitlement in the next import, whatever else of it changes."""
        if self.native_id is not None:
            return ("native", self.native_id)
        names = (
            self.principal_kind, self.principal, self.effect, self.server_name, self.tool_name,
            self.resource_scope or "", self.source, self.via or "", self.policy or "",
        )  # fmt: skip
        return ("facts", *names)

    def row(self) -> dict[str, Any]:
        """Return its columns."""
        return {"kind": KINDS[self.principal_kind], **_columns(self)}


@dataclass(frozen=True)
class Principal:
    """Someone or something that can be granted access, as an inventory knows it.

    `aliases` are other names it goes by in logs and grants; `status` is active, left, disabled or revoked; `since` and
    `until` bound its life: joining and leaving, issue and expiry.
    """

    principal_kind: str
    principal: str
    aliases: tuple[str, ...] = ()
    name: str | None = None
    member_of: tuple[str, ...] = ()
    status: str = "active"
    owner: str | None = None
    purpose: str | None = None
    credential_kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    rotated_at: datetime | None = None
    place: Place | None = field(default=None, compare=False)

    def identity(self) -> tuple[str, ...]:
        """Return what makes it the same principal in the next import."""
        return (self.principal_kind, self.principal)

    def row(self) -> dict[str, Any]:
        """Return its columns."""
        return _columns(self)


Fact = Entitlement | Principal


@dataclass(frozen=True)
class Facts:
    """All that one import says, or what keeps it from being taken in."""

    entitlements: tuple[Entitlement, ...] = ()
    principals: tuple[Principal, ...] = ()
    faults: tuple[Fault, ...] = ()

    def __add__(self, other: Facts) -> Facts:
        return Facts(
            self.entitlements + other.entitlements,
            self.principals + other.principals,
            self.faults + other.faults,
        )

    def repeats(self) -> Iterator[Fault]:
        """Yield a fault for each fact that says again, or otherwise, what another of the same import says."""
        first: dict[tuple[str, ...], Fact] = {}
        facts: tuple[Fact, ...] = (*self.entitlements, *self.principals)
        for fact in facts:
            known = first.setdefault((type(fact).__name__, *fact.identity()), fact)
            if known is not fact and fact.place is not None:
                yield Fault(fact.place, f"this was said before, at {known.place}")


def fact_id(import_source: str, fact: Fact) -> str:
    """Return a stable id of a fact of one source."""
    text = json.dumps([import_source, type(fact).__name__, *fact.identity()])
    return hashlib.sha256(text.encode()).hexdigest()


def _columns(fact: Fact) -> dict[str, Any]:
    values = {f.name: getattr(fact, f.name) for f in fields(fact) if f.name != "place"}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
