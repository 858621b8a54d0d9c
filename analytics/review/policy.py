"""The least each principal needs, learned from what they used, and what it would have broken had it stood before.

A tool that was used is permitted; a pattern that is granted today stays one where all known tools in it were used, and
nothing else is put together. What is too new, not to be observed, or its owner's to decide stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import unified_diff
from typing import Any

from analytics.review import cedar_text
from analytics.review.bounds import upper_bound
from analytics.review.cedar_text import Grant
from analytics.review.model import Advice, Item
from analytics.review.sections import Backtest, Policy
from analytics.review.world import World, text

Row = dict[str, Any]
KEPT = frozenset((Advice.WAIT, Advice.CANNOT_TELL, Advice.MARK_OWNER))
"""Recommendations by which a grant stays as it is, used or not."""
_FEW = 10
_COVERS = """
SELECT v.server_name, v.tool_name, coalesce(t.server_name, '') AS server, t.tool_name AS tool
FROM covers v JOIN tools t USING (tool)"""


@dataclass(frozen=True)
class _Known:
    """What is the same for all principals: which tools a pattern covers, and the items by id."""

    covers: Mapping[Grant, frozenset[Grant]]
    items: Mapping[str, Item]
    since: datetime
    split: datetime
    until: datetime
    least: timedelta


def policies_of(world: World, items: Sequence[Item]) -> tuple[Policy, ...]:
    """Return a policy for each person and client who holds or used something, those of most removals first.

    The first is all of them together (principal `*`), with the backtest over everybody.
    """
    known = _known(world, items)
    used, held = _grouped(world.ask(text("policy.sql"))), _grouped(world.ask(text("held.sql")))
    everybody = {kind: held.pop((kind, "*"), []) for kind in ("human", "client")}
    keys = sorted(used.keys() | held.keys())
    found = [_policy(known, key, used.get(key, []), held.get(key, []) + everybody[key[0]]) for key in keys]
    found.sort(key=lambda p: (-len(p.removed), -p.backtest.broken, p.principal_kind, p.principal))
    return (_together(known, found), *found) if found else ()


def _known(world: World, items: Sequence[Item]) -> _Known:
    covers: dict[Grant, set[Grant]] = {}
    for row in world.ask(_COVERS):
        covers.setdefault((row["server_name"], row["tool_name"]), set()).add((row["server"], row["tool"]))
    return _Known(
        {pattern: frozenset(tools) for pattern, tools in covers.items()}, {item.item_id: item for item in items},
        world.since, world.bounds["split"], world.until, timedelta(days=world.scope.least_days),
    )  # fmt: skip


def _grouped(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["kind"], row["who"]), []).append(row)
    return found


def _policy(known: _Known, key: tuple[str, str], used: Sequence[Row], held: Sequence[Row]) -> Policy:
    kind, principal = key
    today = {(row["server_name"], row["tool_name"]): known.items.get(row["entitlement_id"]) for row in held}
    tools = {(row["server_name"], row["tool_name"]) for row in used}
    protected = {grant for grant, item in today.items() if item is not None and _stays(item)}
    general = _general(known, today, tools)
    least = sorted(protected | general | {t for t in tools if not _covered(known, t, protected | general)})
    rules = _sayable(known, least)
    now = _sayable(known, sorted(today))
    cedar = cedar_text.policies(kind, principal, rules)
    before = cedar_text.policies(kind, principal, now)
    return Policy(
        principal_kind=kind, principal=principal, cedar=cedar,
        document=_document(kind, principal, least, protected, used), tools=_named(tools),
        kept=_named(g for g in least if g in today), added=_named(g for g in least if g not in today),
        removed=_named(g for g in today if g not in least), protected=_named(protected), generalised=_named(general),
        backtest=_backtest(known, today, used), diff=_diff(before, cedar), rollback=before,
    )  # fmt: skip


def _stays(item: Item) -> bool:
    return item.break_glass or item.advice in KEPT


def _general(known: _Known, today: Mapping[Grant, Item | None], tools: set[Grant]) -> set[Grant]:
    """Return today's patterns of which every known tool is among these."""
    reach = {grant: known.covers.get(grant, frozenset()) for grant in today}
    return {grant for grant, covered in reach.items() if len(covered) > 1 and covered <= tools}


def _covered(known: _Known, tool: Grant, grants: set[Grant]) -> bool:
    return any(tool in known.covers.get(grant, ()) for grant in grants)


def _sayable(known: _Known, grants: Sequence[Grant]) -> list[Grant]:
    """Return grants that Cedar can say; of patterns with other marks than `*` the known tools stand for them."""
    found: dict[Grant, None] = {}
    for server, tool in grants:
        plain = not set("?[") & set(tool) and (server == "*" or not set("*?[") & set(server))
        found |= dict.fromkeys([(server, tool)] if plain else sorted(known.covers.get((server, tool), ())))
    return list(found)


def _named(grants: Any) -> tuple[str, ...]:
    return tuple(f"{server}/{tool}" for server, tool in sorted(grants))


def _document(
    kind: str, principal: str, least: Sequence[Grant], protected: set[Grant], used: Sequence[Row]
) -> str:
    calls = {(row["server_name"], row["tool_name"]): row for row in used}
    permits = [
        {
            "server": server, "tool": tool, "because": "kept" if (server, tool) in protected else "used",
            "calls": calls[server, tool]["calls"] if (server, tool) in calls else None,
            "last_event": calls[server, tool]["last_event"] if (server, tool) in calls else None,
        }
        for server, tool in least
    ]  # fmt: skip
    return json.dumps({"principal_kind": kind, "principal": principal, "permit": permits}, ensure_ascii=False)


def _diff(before: str, after: str) -> str:
    lines = unified_diff(
        sorted(before.splitlines()), sorted(after.splitlines()), "today", "recommended", lineterm="", n=0
    )
    return "\n".join(lines)


# --- backtest ---------------------------------------------------------------------------------------------------


def _backtest(known: _Known, today: Mapping[Grant, Item | None], used: Sequence[Row]) -> Backtest:
    """Replay the last quarter of the calls on what would have been learned from the first three."""
    learned = {(row["server_name"], row["tool_name"]) for row in used if row["early"]}
    stood = {grant for grant, item in today.items() if item is not None and _stood(known, item)}
    allowed = stood | _general(known, today, learned)
    late = [(row, row["calls"] - row["early"]) for row in used if row["calls"] > row["early"]]
    broken = [
        (row, calls) for row, calls in late
        if (tool := (row["server_name"], row["tool_name"])) not in learned and not _covered(known, tool, allowed)
    ]  # fmt: skip
    return _tested(
        known, sum(row["early"] for row in used), sum(calls for _, calls in late), broken, 1 if broken else 0
    )


def _stood(known: _Known, item: Item) -> bool:
    """Tell whether a grant would have stayed whatever was learned: it is protected, or was too new at the time."""
    new = item.granted_at is not None and item.granted_at > known.split - known.least
    return item.break_glass or new or item.advice in (Advice.CANNOT_TELL, Advice.MARK_OWNER)


def _tested(
    known: _Known, learned: int, replayed: int, broken: Sequence[tuple[Row, int]], users: int
) -> Backtest:
    calls = sum(count for _, count in broken)
    upper, method = upper_bound(calls, replayed)
    worst = sorted(broken, key=lambda pair: -pair[1])[:_FEW]
    return Backtest(
        known.since, known.split, known.until, learned, replayed, calls, users, upper, method,
        tuple(f"{row['who']}: {row['server_name']}/{row['tool_name']} ({count:,} calls)" for row, count in worst),
        tuple(row["last_event"] for row, _ in worst),
    )  # fmt: skip


def _together(known: _Known, found: Sequence[Policy]) -> Policy:
    """Return all policies as one, with the sums of their backtests: of people, for a call is one of a person's."""
    people = [p for p in found if p.principal_kind == "human"] or list(found)
    tests = [p.backtest for p in people]
    broken, replayed = sum(t.broken for t in tests), sum(t.replayed for t in tests)
    upper, method = upper_bound(broken, replayed)
    worst = sorted(tests, key=lambda t: -t.broken)[:_FEW]
    test = Backtest(
        known.since, known.split, known.until, sum(t.learned for t in tests), replayed, broken,
        sum(t.users_affected for t in tests), upper, method, tuple(c for t in worst for c in t.broken_calls[:1]),
        tuple(e for t in worst for e in t.events[:1]),
    )  # fmt: skip
    return Policy(
        principal_kind="all", principal="*", cedar="\n\n".join(p.cedar for p in found if p.cedar),
        document="[" + ",\n".join(p.document for p in found) + "]", tools=_distinct(p.tools for p in found),
        kept=_distinct(p.kept for p in found), added=_distinct(p.added for p in found),
        removed=_distinct(p.removed for p in found), protected=_distinct(p.protected for p in found),
        generalised=_distinct(p.generalised for p in found), backtest=test,
        diff="\n".join(p.diff for p in found if p.diff), rollback="\n\n".join(p.rollback for p in found if p.rollback),
    )  # fmt: skip


def _distinct(lists: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for names in lists for name in names}))
