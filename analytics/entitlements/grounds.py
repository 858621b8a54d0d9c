"""What speaks for a call and what against it, in words: the grants and policies on which one judgement stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from analytics.entitlements.calls import Call, Ruling
from analytics.entitlements.policies import rule

Row = Mapping[str, Any]


def named(kind: str, name: str, server: str, tool: str) -> str:
    """Return what is asked, in words."""
    return f"{server}/{tool}" if kind == "tool" else f"{kind} {name} on {server}/{tool}"


@dataclass(frozen=True)
class Grounds:
    """Of the rows that bear on a call: what permits, forbids, would if its conditions hold, and was but is no more."""

    rows: tuple[Row, ...]
    permits: tuple[Row, ...]
    forbids: tuple[Row, ...]
    maybe_permits: tuple[Row, ...]
    maybe_forbids: tuple[Row, ...]
    lapsed: tuple[Row, ...]
    lacking: tuple[str, ...]
    rulings: tuple[tuple[tuple[Row, ...], Ruling, Call], ...]

    @classmethod
    def of(cls, rows: Sequence[Row], call: Call, moment: datetime) -> Grounds:
        """Sort the rows by what they say at a moment; policies are evaluated, source by source."""
        live = [row for row in rows if _is_live(row, moment)]
        plain = [row for row in live if row["policy_language"] is None]
        rulings = []
        written = sorted((r for r in live if r["policy_language"]), key=lambda r: str(r["import_source"]))
        for _, group in groupby(written, key=lambda r: str(r["import_source"])):
            policies = tuple(group)
            rulings.append((policies, rule(policies, call), call))
        deciding = [row for _, ruling, _ in rulings for row in ruling.deciding]
        undecided = [row for _, ruling, _ in rulings for row in ruling.undecided]
        sure = [row for row in plain if not _open(row)] + deciding
        unsure = [row for row in plain if _open(row)] + undecided
        return cls(
            tuple(rows),
            tuple(row for row in sure if row["effect"] == "permit"),
            tuple(row for row in sure if row["effect"] == "forbid"),
            tuple(row for row in unsure if row["effect"] == "permit"),
            tuple(row for row in unsure if row["effect"] == "forbid"),
            tuple(row for row in rows if not _is_live(row, moment) and row["policy_language"] is None),
            tuple(text for _, ruling, _ in rulings for text in ruling.lacking),
            tuple(rulings),
        )

    def verdict(self, asked: str) -> tuple[str, str, str, list[str]]:
        """Return the verdict, because of what, what it would be without that, and the ids it stands on."""
        if self.forbids:
            return (
                "denied",
                f"forbidden by {or_list(self.forbids)}",
                self._without_forbids(),
                _ids(self.forbids),
            )
        doubts = self.maybe_forbids if self.permits else self.maybe_permits
        if doubts:
            return (
                "depends",
                f"{self._doubt()}",
                f"then {or_list(self.permits or self.maybe_permits)} decides",
                _ids(doubts),
            )
        if self.permits:
            return (
                "allowed",
                f"granted by {or_list(self.permits)}",
                self._without_permits(),
                _ids(self.permits),
            )
        told = f"nothing grants {asked}"
        told += "".join(f"; {_text(row)} {_ended(row)}" for row in self.lapsed)
        return "denied", told, "would be allowed with a grant that is in force", _ids(self.lapsed)

    def _doubt(self) -> str:
        doubts = self.maybe_forbids if self.permits else self.maybe_permits
        lacking = f" ({'; '.join(self.lacking)})" if self.lacking else ""
        conditions = ", ".join(dict.fromkeys(text for row in doubts for text in _asked(row)))
        return f"only if {conditions}, by {or_list(doubts)}{lacking}"

    def _without_forbids(self) -> str:
        plain = len(self.permits) + len(self.maybe_permits)
        return (
            "would be judged by its grants without it"
            if plain or self.rulings
            else "would be denied all the same: nothing grants it"
        )

    def _without_permits(self) -> str:
        needed = [row for row in self.permits if not self._stands_without(row)]
        if needed:
            return f"would be denied without {or_list(needed)}"
        return f"any one of the {len(self.permits)} may go: the others still allow it"

    def _stands_without(self, gone: Row) -> bool:
        """Tell whether the call were allowed if one grant or policy were not there; policies are evaluated anew."""
        if any(row["policy_language"] is None and row is not gone for row in self.permits):
            return True
        return any(
            rule(rest, call).allowed
            for policies, _, call in self.rulings
            if (rest := [row for row in policies if row is not gone])
        )


def or_list(rows: Sequence[Row]) -> str:
    """Return rows in words; of many the first three and how many more."""
    shown = ", ".join(_text(row) for row in rows[:3])
    return f"{shown} and {len(rows) - 3:,} more" if len(rows) > 3 else shown


def _is_live(row: Row, moment: datetime) -> bool:
    started = row["granted_at"] is None or row["granted_at"] <= moment
    return started and all(row[name] is None or row[name] > moment for name in ("revoked_at", "expires_at"))


def _open(row: Row) -> bool:
    """Tell whether a grant depends on what was not given: a condition, or the resource of a scope."""
    return bool(row["conditions"] or row["scope_open"])


def _asked(row: Row) -> Iterator[str]:
    if row["policy_language"] is not None:
        yield str(row["conditions"] or row["policy"])
        return
    if row["conditions"]:
        yield str(row["conditions"])
    if row["scope_open"]:
        yield f"it is about {row['resource_scope']}"


def _ended(row: Row) -> str:
    if row["revoked_at"] is not None:
        return f"was revoked on {row['revoked_at']:%Y-%m-%d}"
    if row["expires_at"] is not None:
        return f"expired on {row['expires_at']:%Y-%m-%d}"
    return f"begins on {row['granted_at']:%Y-%m-%d}"


def _text(row: Row) -> str:
    what = "the policy" if row["policy_language"] else "the grant"
    who = "everybody" if row["principal"] == "*" else f"{row['principal_kind']} {row['principal']}"
    by = f" by {row['granted_by']}" if row["granted_by"] else ""
    via = f" via {row['source']} {row['via']}" if row["via"] and row["principal"] != row["via"] else ""
    ticket = f", {row['ticket']}" if row["ticket"] else ""
    target = f"{row['server_name']}/{row['tool_name']}"
    origin = f"{row['import_source']} version {row['version']}{ticket}"
    return f"{what} {row['entitlement_id'][:8]} of {target} to {who}{via}{by} ({origin})"


def _ids(rows: Sequence[Row]) -> list[str]:
    return [str(row["entitlement_id"]) for row in rows]
