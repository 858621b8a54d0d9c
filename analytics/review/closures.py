"""What came of each revocation: an import without it, or a later refusal, proves it; a later call disproves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from analytics.entitlements.facts import KINDS
from analytics.review.campaign import Closure, Verdict
from analytics.review.world import text
from store.lake import Lake

Row = Mapping[str, Any]
_ORDER = ("still_reachable", "overdue", "not_proven", "enforced")
_GONE = """
WITH newest AS (
    FROM entitlement_changes QUALIFY row_number() OVER (PARTITION BY entitlement_id ORDER BY version DESC) = 1
)
SELECT n.entitlement_id AS item_id, n.version, i.import_time AS gone_at
FROM newest n JOIN entitlement_imports i USING (version)
WHERE n.entitlement_id IN (SELECT unnest($ids)) AND (change = 'revoked' OR least(revoked_at, expires_at) <= $now)"""
_NAMES = """
SELECT CASE principal_kind WHEN 'agent' THEN 'client' ELSE principal_kind END AS kind, principal, aliases,
       member_of
FROM principals"""


def closures_of(
    lake: Lake, items: Sequence[Row], verdicts: Sequence[Verdict], now: datetime, hours: float
) -> tuple[Closure, ...]:
    """Return what came of each item that was decided to be revoked; `hours` is how long enforcement may take."""
    known = {item["item_id"]: item for item in items}
    revoked = [v for v in verdicts if v.outcome == "revoke" and v.first is not None]
    if not revoked:
        return ()
    gone = {
        row["item_id"]: row
        for row in _rows(lake, _GONE, {"ids": [v.item_id for v in revoked], "now": now})
    }  # fmt: skip
    later = {row["item_id"]: row for row in _later(lake, [(known[v.item_id], _when(v)) for v in revoked])}
    found = [
        _closure(known[v.item_id], v, gone.get(v.item_id), later.get(v.item_id), now, hours) for v in revoked
    ]
    return tuple(
        sorted(
            found, key=lambda c: (_ORDER.index(c.status), c.principal, c.server_name, c.tool_name, c.item_id)
        )
    )


def _when(verdict: Verdict) -> datetime:
    last = verdict.second or verdict.first
    assert last is not None
    return last.decided_at


def _later(lake: Lake, asked: Sequence[tuple[Row, datetime]]) -> list[dict[str, Any]]:
    """Return what was refused and reached after each decision, under every name of the one it was about."""
    people = _rows(lake, _NAMES, {})
    lists: dict[str, list[Any]] = {
        name: [] for name in ("ids", "kinds", "names", "servers", "tools", "times")
    }
    for item, decided in asked:
        kind = item["kind"] if item["what"] == "stray" else KINDS[item["principal_kind"]]
        for name in _called(people, item, kind):
            values = (item["item_id"], kind, name, item["server_name"], item["tool_name"], decided)
            for column, value in zip(lists.values(), values, strict=True):
                column.append(value)
    return _rows(lake, text("closures.sql"), {**lists, "since": min(decided for _, decided in asked)})


def _called(people: Sequence[Row], item: Row, kind: str) -> list[str]:
    """Return the names under which events may show who held an item; those of all members of a group."""
    if kind == "tool":
        return ["*"]
    principal = item["principal"]
    grouped = item["principal_kind"] in ("group", "role")
    names = set() if grouped else {principal}
    for person in people:
        own = {person["principal"], *person["aliases"]}
        if person["kind"] == kind and principal in (person["member_of"] if grouped else own):
            names |= own
    return sorted(names)


def _closure(
    item: Row, verdict: Verdict, gone: Row | None, later: Row | None, now: datetime, hours: float
) -> Closure:
    decided = _when(verdict)
    proof, name, at = _proof(gone, later)
    reached = later["reached_at"] if later else None
    if reached is not None and (at is None or reached > at):
        status = "still_reachable"
    elif proof is not None:
        status = "enforced"
    else:
        status = "overdue" if (now - decided).total_seconds() > hours * 3600 else "not_proven"
    ticket = (verdict.second.ticket if verdict.second else None) or (
        verdict.first.ticket if verdict.first else None
    )
    return Closure(
        item_id=verdict.item_id, principal=item["principal"], server_name=item["server_name"],
        tool_name=item["tool_name"], decided_at=decided, ticket=ticket, status=status, proof=proof, proof_id=name,
        proof_time=at,
        hours=None if at is None else max(0.0, (at - decided).total_seconds() / 3600),
        used_since=tuple((later["reached"] if later else None) or ()),
    )  # fmt: skip


def _proof(gone: Row | None, later: Row | None) -> tuple[str | None, str | None, datetime | None]:
    """Return how it is known that access ended, by what, and since when: the latest of what shows it."""
    shown: list[tuple[datetime, str, str]] = []
    if gone is not None:
        shown.append((gone["gone_at"], "import", str(gone["version"])))
    if later is not None and later["refused_at"] is not None:
        shown.append((later["refused_at"], "denial", later["refusal"]))
    if not shown:
        return None, None, None
    at, proof, name = max(shown)
    return proof, name, at


def _rows(lake: Lake, question: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.sql(question, asked or None).arrow().to_pylist()
    return rows
