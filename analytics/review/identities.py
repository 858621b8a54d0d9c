"""Who is the same person under several names: so that no one certifies their own access by another of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.lake import Lake

Row = Mapping[str, Any]

_INVENTORY = """
SELECT principal_kind, principal, aliases, member_of, owner FROM principals
WHERE principal_kind IN ('human', 'client', 'agent', 'credential')"""
_EVENTS = """
SELECT DISTINCT user_id, user_email FROM events
WHERE user_id IS NOT NULL AND user_email IS NOT NULL
  AND (user_id IN (SELECT unnest($names)) OR lower(user_email) IN (SELECT unnest($names)))"""


@dataclass(frozen=True)
class Identities:
    """Names of people, folded together; what each is a member of; and who owns which client and credential."""

    keys: Mapping[str, str]
    groups: Mapping[str, frozenset[str]]
    owners: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, lake: Lake, reviewers: Sequence[str]) -> Identities:
        """Return what the inventories say, and for the reviewers also which names the events use together."""
        keys: dict[str, str] = {}
        groups: dict[str, frozenset[str]] = {}
        owners: dict[tuple[str, str], str] = {}
        for row in lake.sql(_INVENTORY).arrow().to_pylist():
            if row["principal_kind"] != "human":
                owners |= {
                    (row["principal_kind"], name): row["owner"] for name in _names(row) if row["owner"]
                }
                continue
            known = next(
                (keys[_fold(name)] for name in _names(row) if _fold(name) in keys), _fold(row["principal"])
            )
            keys |= {_fold(name): known for name in _names(row)}
            groups[known] = groups.get(known, frozenset()) | set(row["member_of"])
        asked = sorted({_fold(name) for name in reviewers} | set(reviewers))
        for row in lake.sql(_EVENTS, {"names": asked}).arrow().to_pylist():
            pair = [_fold(row["user_id"]), _fold(row["user_email"])]
            known = next((keys[name] for name in pair if name in keys), pair[0])
            keys |= dict.fromkeys(pair, known)
        return cls(keys, groups, owners)

    def key(self, name: str) -> str:
        """Return what stands for a person, whichever of their names is given."""
        return self.keys.get(_fold(name), _fold(name))

    def own(self, reviewer: str, item: Row) -> str | None:
        """Return in what way an item is a reviewer's own access, or None."""
        me = self.key(reviewer)
        kind, principal = item["principal_kind"], item["principal"]
        if kind == "human" and principal != "*" and self.key(principal) == me:
            return f"{reviewer} is {principal}"
        if kind in ("group", "role") and principal in self.groups.get(me, ()):
            return f"{reviewer} is in {principal}"
        owner = self.owners.get((kind, principal))
        if owner is not None and self.key(owner) == me:
            return f"{reviewer} owns {principal}"
        if item["what"] == "stray" and me in {self.key(name) for name in item["people"] or ()}:
            return f"{reviewer} used it"
        return None


def _names(row: Row) -> list[str]:
    return [row["principal"], *row["aliases"]]


def _fold(name: str) -> str:
    return name.strip().casefold()
