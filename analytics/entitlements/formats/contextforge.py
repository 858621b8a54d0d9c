"""ContextForge's roles and teams as one JSON object: roles, user_roles, teams, and what each team has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from analytics.entitlements.facts import Entitlement, Facts, Fault, Place, Principal
from analytics.entitlements.reading import File, Read, When, at, document, json_records

_CALLS = ("*", "tools.*", "tools.execute")
"""The permissions by which a tool may be called."""


class Role(msgspec.Struct):
    """A role and its permissions, those it inherits included (`effective_permissions`)."""

    id: str
    name: str
    permissions: list[str] = []
    effective_permissions: list[str] = []
    is_active: bool = True


class UserRole(msgspec.Struct):
    """A role given to a user: everywhere, in a team (`scope_id`), or over what is their own."""

    id: str
    user_email: str
    role_id: str
    scope: str
    scope_id: str | None = None
    granted_by: str | None = None
    granted_at: When | None = None
    expires_at: When | None = None
    is_active: bool = True


class Member(msgspec.Struct):
    """A member of a team."""

    user_email: str
    is_active: bool = True


class Team(msgspec.Struct):
    """A team, its members, and the virtual servers that are its own."""

    id: str
    name: str
    members: list[Member] = []
    servers: list[str] = []


def read(file: File) -> Facts:
    """Read who may call tools by which role; roles that call no tool grant nothing here."""
    found, _, fault = document(file)
    if fault is not None:
        return Facts(faults=(fault,))
    parts = {"roles": Role, "user_roles": UserRole, "teams": Team}
    lacking = [n for n in parts if not isinstance(found, dict) or n not in found]
    if lacking:
        return Facts(faults=(Fault(Place(file.name, 1, 1), f"the object lacks {', '.join(lacking)}"),))
    reads: dict[str, Read[Any]] = {name: json_records(file, kind, name) for name, kind in parts.items()}
    faults = [f for read in reads.values() for f in read.faults]
    roles = {r.id: r for r, _ in reads["roles"].records}
    teams = {t.id: t for t, _ in reads["teams"].records}
    if not faults:
        faults = list(_dangling(reads["user_roles"], roles, teams))
    if faults:
        return Facts(faults=tuple(faults))
    given = reads["user_roles"].records
    entitlements = tuple(e for g, place in given for e in _entitlements(g, place, roles[g.role_id], teams))
    return Facts(entitlements, tuple(_people(reads["teams"])))


def _dangling(given: Read[UserRole], roles: dict[str, Role], teams: dict[str, Team]) -> Iterator[Fault]:
    for one, place in given.records:
        if one.role_id not in roles:
            yield Fault(place, f"role_id {one.role_id!r} is not among the roles: the export is partial")
        if one.scope == "team" and one.scope_id not in teams:
            yield Fault(place, f"scope_id {one.scope_id!r} is not among the teams: the export is partial")


def _entitlements(given: UserRole, place: Place, role: Role, teams: dict[str, Team]) -> Iterator[Entitlement]:
    calls = any(p in _CALLS for p in (*role.permissions, *role.effective_permissions))
    if not (calls and given.is_active and role.is_active):
        return
    team = teams.get(given.scope_id or "")
    for server in team.servers if given.scope == "team" and team is not None else ["*"]:
        yield Entitlement(
            "human", given.user_email, server, source="role", via=role.name,
            resource_scope={"personal": "their own"}.get(given.scope) if team is None else f"team {team.name}",
            granted_by=given.granted_by, granted_at=at(given.granted_at), expires_at=at(given.expires_at),
            native_id=f"{given.id}/{server}", place=place,
        )  # fmt: skip


def _people(teams: Read[Team]) -> Iterator[Principal]:
    """Yield the members of teams, each once, with all their teams."""
    member_of: dict[str, tuple[list[str], Place]] = {}
    for team, place in teams.records:
        for member in team.members:
            if member.is_active:
                member_of.setdefault(member.user_email, ([], place))[0].append(team.name)
    for email, (names, place) in member_of.items():
        yield Principal("human", email, member_of=tuple(names), place=place)
