"""The roster of a personnel department as CSV or JSON: who works here, in which groups, and who has left."""

from __future__ import annotations

from typing import Literal

import msgspec

from analytics.entitlements.facts import Facts, Fault, Principal
from analytics.entitlements.reading import File, When, at, records


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """One person. `user_id` is as logs name them, `email` and `aliases` how else they may be named."""

    user_id: str
    email: str | None = None
    aliases: list[str] = []
    name: str | None = None
    groups: list[str] = []
    manager: str | None = None
    status: Literal["active", "left", "disabled"] = "active"
    joined: When | None = None
    left: When | None = None


def read(file: File) -> Facts:
    """Read people: an array of objects, an object with `people`, or CSV with lists parted by `;`."""
    found = records(file, Person, "people")
    faults = [
        Fault(place, "status is left, and no day of leaving is given")
        for person, place in found.records
        if person.status == "left" and person.left is None
    ]
    principals = tuple(
        Principal(
            "human", p.user_id, tuple(([p.email] if p.email else []) + p.aliases), p.name, tuple(p.groups),
            "left" if p.left is not None and p.status == "active" else p.status, p.manager,
            since=at(p.joined), until=at(p.left), place=place,
        )
        for p, place in found.records
    )  # fmt: skip
    return Facts(principals=principals, faults=(*found.faults, *faults))
