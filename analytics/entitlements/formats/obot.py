"""obot's access control rules: the answer of GET /api/access-control-rules, or an array of rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from analytics.entitlements.facts import Entitlement, Facts, Fault, Place
from analytics.entitlements.reading import File, When, at, json_records


class Named(msgspec.Struct):
    """A subject or a resource of a rule; a selector has the id `*`."""

    type: Literal["user", "group", "selector", "mcpServerCatalogEntry", "mcpServer", "mcpCatalog"]
    id: str


class Rule(msgspec.Struct, rename={"display_name": "displayName", "catalog": "mcpCatalogID"}):
    """An access control rule; each of its subjects may use each of its resources."""

    id: str
    display_name: str | None = None
    catalog: str | None = None
    subjects: list[Named] = []
    resources: list[Named] = []
    created: When | None = None
    deleted: When | None = None


_SUBJECTS = {"user": "human", "group": "group", "selector": "human"}


def read(file: File) -> Facts:
    """Read access control rules; what a rule names by a catalog is a scope within any server."""
    found = json_records(file, Rule, "items")
    faults = [fault for rule, place in found.records for fault in _faults(rule, place)]
    rules = found.records if not faults else ()
    return Facts(
        tuple(e for rule, place in rules for e in _entitlements(rule, place)), faults=(*found.faults, *faults)
    )


def _faults(rule: Rule, place: Place) -> Iterator[Fault]:
    for named, allowed in ((rule.subjects, True), (rule.resources, False)):
        for one in named:
            if (one.type in ("user", "group")) != allowed and one.type != "selector":
                role = "subject" if allowed else "resource"
                yield Fault(place, f"{one.type!r} is no type of a {role} in rule {rule.id}")
            elif (one.type == "selector") != (one.id == "*"):
                yield Fault(place, f"a selector has the id *, and nothing else has, in rule {rule.id}")


def _entitlements(rule: Rule, place: Place) -> Iterator[Entitlement]:
    for subject in rule.subjects:
        for resource in rule.resources:
            named = resource.type in ("mcpServer", "mcpServerCatalogEntry")
            catalog = resource.id if resource.type == "mcpCatalog" else rule.catalog
            pair = f"{subject.type}:{subject.id}/{resource.type}:{resource.id}"
            yield Entitlement(
                _SUBJECTS[subject.type], subject.id, resource.id if named else "*",
                resource_scope=None if named or catalog is None else f"catalog {catalog}",
                via=rule.display_name or rule.id, source="role", granted_at=at(rule.created),
                revoked_at=at(rule.deleted), native_id=f"{rule.id}/{pair}",
                place=place,
            )  # fmt: skip
