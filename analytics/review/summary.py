"""The summary of a review: six numbers with those of the period before, three sentences, and the queries behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from analytics.debt import TrustDebt, debt
from analytics.review.basis import Basis, Population
from analytics.review.model import Advice, Headline, Item, State, Stray
from analytics.review.queries import queries_of
from analytics.review.sections import FindingNote
from analytics.review.world import World

_PRINCIPALS = """
SELECT count(DISTINCT principal) FILTER (principal_kind = 'human') AS humans,
       count(DISTINCT (kind, principal)) FILTER (kind IN ('client', 'credential')) AS non_humans, count(*) AS grants
FROM entitlements_at($version)"""
_IMPORTED_BY = "SELECT max(version) AS version FROM entitlement_imports WHERE import_time <= $moment"
_OPEN_BEFORE = """
SELECT count(*) AS n FROM findings
WHERE NOT rollout AND event_time >= $since AND event_time < $until AND state = 'open'"""

_CLOSED = """
SELECT c.scope, (SELECT avg(CASE WHEN state = 'used' THEN 1.0 ELSE 0.0 END) FROM review_items i
                 WHERE i.review = c.review AND what = 'grant' AND state IN ('used', 'unused', 'denied_only')) AS share
FROM campaigns c WHERE closed_at < $moment ORDER BY closed_at DESC"""


def summarise(
    world: World, basis: Basis, items: Sequence[Item], strays: Sequence[Stray], population: Population,
    owed: TrustDebt | None, findings: Sequence[FindingNote],
) -> dict[str, Any]:  # fmt: skip
    """Return the fields of Assessment that sum up the others."""
    states = states_of(items, strays)
    return {
        "headlines": tuple(_headlines(world, items, population, owed, findings)),
        "states": states,
        "states_by_server": _by_server(items, strays),
        "severities": dict(Counter(f.severity for f in findings if f.state in ("open", "true"))),
        "sentences": tuple(_sentences(items, strays, states, owed)),
        "queries": queries_of(world, basis),
    }


def states_of(items: Sequence[Item], strays: Sequence[Stray]) -> dict[State, int]:
    """Return how many items are in each state, zero included."""
    found = Counter(item.state for item in items)
    return {state: found[state] + (len(strays) if state is State.USED_NOT_GRANTED else 0) for state in State}


def _by_server(items: Sequence[Item], strays: Sequence[Stray]) -> dict[str, dict[State, int]]:
    servers = sorted({item.server_name for item in items} | {stray.server_name for stray in strays})
    found: dict[str, dict[State, int]] = {server: dict.fromkeys(State, 0) for server in servers}
    for item in items:
        found[item.server_name][item.state] += 1
    for stray in strays:
        found[stray.server_name][State.USED_NOT_GRANTED] += 1
    return found


def _headlines(
    world: World,
    items: Sequence[Item],
    population: Population,
    owed: TrustDebt | None,
    findings: Sequence[FindingNote],
) -> Iterator[Headline]:
    before = _before(world)
    judged = [i for i in items if i.state in (State.USED, State.UNUSED, State.DENIED_ONLY)]
    used = sum(i.state is State.USED for i in judged) / len(judged) if judged else None
    yield Headline(
        "humans",
        "People with grants of their own",
        population.humans,
        before.get("humans"),
        "people",
        "population",
    )
    yield Headline(
        "non_humans", "Clients, agents and credentials with grants", population.non_humans, before.get("non_humans"),
        "identities", "population",
    )  # fmt: skip
    yield Headline("grants", "Grants", population.grants, before.get("grants"), "grants", "population")
    yield Headline(
        "used_share", "Grants used, of those that can be judged", used, _used_before(world), "share", "use"
    )
    yield Headline(
        "idle_key_days",
        "Privileged idle key-days",
        owed.total["debt"] if owed else None,
        before.get("debt"),
        "key-days",
        "credentials",
    )
    opened = sum(finding.state == "open" for finding in findings)
    yield Headline("open_findings", "Open findings", opened, before.get("findings"), "findings", "findings")


def _before(world: World) -> dict[str, float | None]:
    """Return the numbers of the period before, where the lake goes back that far."""
    since, until = world.since - (world.until - world.since), world.since
    found: dict[str, float | None] = {}
    version = _one(world, _IMPORTED_BY, moment=until)["version"]
    if version is not None:
        found |= _one(world, _PRINCIPALS, version=version)
    if _known_in(world, since, until):
        owed = debt(world.lake, since, until, as_of=world.events.version)
        found["debt"] = owed.total["debt"] if owed else None
        found["findings"] = _one(world, _OPEN_BEFORE, since=since, until=until)["n"]
    return found


def _used_before(world: World) -> float | None:
    """Return the share of grants used in the review of the same scope that was closed last before this one."""
    asked = world.scope
    for row in world.lake.sql(_CLOSED, {"moment": world.moment}).arrow().to_pylist():
        scope = json.loads(row["scope"])
        if all(tuple(scope[name]) == getattr(asked, name) for name in ("servers", "principals", "kinds")):
            share: float | None = row["share"]
            return share
    return None


def _known_in(world: World, since: datetime, until: datetime) -> bool:
    return any(
        f.least is not None and f.least < until and f.greatest is not None and f.greatest >= since
        for f in world.events.files
    )


def _one(world: World, question: str, **asked: Any) -> dict[str, Any]:
    rows: list[dict[str, Any]] = world.lake.sql(question, asked).arrow().to_pylist()
    return rows[0]


def _sentences(
    items: Sequence[Item], strays: Sequence[Stray], states: dict[State, int], owed: TrustDebt | None
) -> Iterator[str]:
    judged = states[State.USED] + states[State.UNUSED] + states[State.DENIED_ONLY]
    open_ = states[State.TOO_NEW] + states[State.NOT_OBSERVABLE]
    yield (
        f"Of {len(items):,} grants under review {states[State.USED]:,} were used, {states[State.UNUSED]:,} were not, "
        f"{states[State.DENIED_ONLY]:,} were only ever refused, and {open_:,} cannot be judged."
        if judged or open_ else "There are no grants to review."
    )  # fmt: skip
    advised = Counter(item.advice for item in items)
    risky = sum(item.privileged for item in items if item.advice is Advice.REVOKE)
    yield (
        f"Recommended is to revoke {advised[Advice.REVOKE]:,} ({risky:,} of them privileged), to narrow "
        f"{advised[Advice.NARROW]:,} and to make {advised[Advice.MAKE_JIT]:,} just-in-time; "
        f"{len(strays):,} uses have no grant behind them."
    )  # fmt: skip
    if owed is not None:
        yield (
            f"Standing credentials owe {owed.total['debt']:,.1f} privileged idle key-days; "
            f"{owed.total['structural']:,.1f} more cannot be avoided where they are used."
        )  # fmt: skip
