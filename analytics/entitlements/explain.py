"""Effective access for one call: what human, client, tool and credential may do, and their intersection.

Each is judged by what was imported. One of which nothing at all was imported is not judged, and the answer says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics.entitlements.calls import Call
from analytics.entitlements.grounds import Grounds, named
from store.lake import Lake

Row = Mapping[str, Any]

_QUESTION = Path(__file__).with_suffix(".sql")
_RECORDED = {
    "tool": "SELECT count(*) AS n FROM entitlements WHERE kind = 'tool' AND $server GLOB server_name",
    "other": "SELECT count(*) AS n FROM entitlements WHERE kind = $kind",
}
_PEOPLE = """
SELECT principal_kind, principal, aliases, member_of, status, until, import_source, version FROM principals
WHERE (CASE WHEN principal_kind = 'agent' THEN 'client' ELSE principal_kind END) = $kind
  AND (principal = $name OR list_contains(aliases, $name)) ORDER BY version"""
_INVENTORY = """
SELECT count(*) AS n FROM principals
WHERE (CASE WHEN principal_kind = 'agent' THEN 'client' ELSE principal_kind END) = $kind"""


@dataclass(frozen=True)
class Question:
    """A call to be judged: by whom, by which client, with which credential, of which tool, now or at a moment."""

    principal: str
    server: str
    tool: str
    client: str | None = None
    credential: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    moment: datetime | None = None
    resource: str | None = None


@dataclass(frozen=True)
class Leg:
    """One judgement: `verdict` is allowed, denied, depends or not judged; `entitlements` are what it stands on."""

    leg: str
    verdict: str
    because: str
    without: str
    entitlements: list[str]
    orphan: bool | None


def explain(lake: Lake, question: Question) -> list[Leg]:
    """Return a leg for each side of the call, and last the effective access."""
    moment = question.moment or datetime.now(UTC)
    legs = [
        _judge(lake, question, "human", question.principal, moment),
        _judge(lake, question, "client", question.client, moment),
        _judge(lake, question, "tool", question.tool, moment),
        _judge(lake, question, "credential", question.credential, moment),
    ]
    return [*legs, _effective(legs)]


def _judge(lake: Lake, question: Question, kind: str, name: str | None, moment: datetime) -> Leg:
    if name is None:
        return Leg(kind, "not judged", f"no {kind} was named", "", [], None)
    people = [] if kind == "tool" else _rows(lake, _PEOPLE, kind=kind, name=name)
    known = None
    if kind != "tool":
        known = bool(people) or None if not _rows(lake, _INVENTORY, kind=kind)[0]["n"] else bool(people)
    gone = next((p for p in people if _is_gone(p, moment)), None)
    if gone is not None:
        since = f" since {gone['until']:%Y-%m-%d}" if gone["until"] else ""
        state = gone["status"] if gone["status"] != "active" else "expired"
        told = f"{name} is not active: {state}{since} ({gone['import_source']} version {gone['version']})"
        return Leg(kind, "denied", told, f"would be judged by its grants if {name} were active", [], False)
    grounds = _grounds(lake, question, kind, name, people, moment)
    asked = {"server": question.server} if kind == "tool" else {"kind": kind}
    recorded = bool(grounds.rows) or _rows(lake, _RECORDED.get(kind, _RECORDED["other"]), **asked)[0]["n"] > 0
    if not recorded:
        of = f"of {question.server}" if kind == "tool" else ""
        told = f"no {kind} entitlements {of}".rstrip() + " were imported"
        return Leg(kind, "not judged", told, "", [], None if known is None else not known)
    verdict, because, without, on = grounds.verdict(named(kind, name, question.server, question.tool))
    return Leg(kind, verdict, because, without, on, None if known is None else not known)


def _grounds(
    lake: Lake, question: Question, kind: str, name: str, people: Sequence[Row], moment: datetime
) -> Grounds:
    """Return what speaks for and against, of grants by their columns and of policies by evaluation."""
    names = list(dict.fromkeys([name, *(n for p in people for n in (p["principal"], *p["aliases"]))]))
    groups = list(dict.fromkeys(g for p in people for g in p["member_of"]))
    rows = _rows(
        lake, _QUESTION.read_text("utf-8"), kind=kind, server=question.server, tool=question.tool, names=names,
        groups=groups, resource=question.resource, arguments=json.dumps(dict(question.arguments)),
    )  # fmt: skip
    call = Call(names, groups, question.server, question.tool, question.claims, question.arguments)
    return Grounds.of(rows, call, moment)


def _is_gone(person: Row, moment: datetime) -> bool:
    if person["status"] != "disabled" and person["until"] is not None:
        return bool(person["until"] <= moment)
    return bool(person["status"] != "active")


def _rows(lake: Lake, query: str, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.sql(query, parameters).arrow().to_pylist()
    return rows


def _effective(legs: Sequence[Leg]) -> Leg:
    """Return the intersection: one denial denies, and without a judged human nothing is known to be allowed."""
    judged = [leg for leg in legs if leg.verdict != "not judged"]
    open_ = [leg.leg for leg in legs if leg.verdict == "not judged"]
    order = ("denied", "depends", "allowed")
    verdict = next((v for v in order if any(leg.verdict == v for leg in judged)), "not judged")
    if verdict == "allowed" and legs[0].verdict == "not judged":
        verdict = "not judged"
    told = "; ".join(f"{leg.leg}: {leg.because}" for leg in judged if verdict in ("allowed", leg.verdict))
    because = told or "no entitlements of the human were imported"
    because += f" (not judged: {', '.join(open_)})" if open_ else ""
    orphans = [leg.leg for leg in legs if leg.orphan]
    because += f" (orphan to review: {', '.join(orphans)})" if orphans else ""
    without = "; ".join(
        f"{leg.leg}: {leg.without}" for leg in judged if leg.without and verdict in ("allowed", leg.verdict)
    )
    on = [e for leg in judged for e in leg.entitlements]
    return Leg("effective", verdict, because, without, on, bool(orphans))
