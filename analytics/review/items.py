"""The items of a review: each grant with its state and recommendation, and what was used without one."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from analytics.review import advice, states
from analytics.review.model import Item, Peers, State, Stray
from analytics.review.sections import Exclusion
from analytics.review.world import World, text

Row = dict[str, Any]
_WILD = frozenset("*?[")
_AS_GRANTED = (
    "kind", "principal_kind", "principal", "principal_name", "server_name", "tool_name", "resource_scope", "conditions",
    "source", "via", "granted_by", "granted_at", "expires_at", "revoked_at", "ticket", "owner", "break_glass",
    "import_source", "policy", "orphan",
)  # fmt: skip
_AS_USED = (
    "calls",
    "denied",
    "users",
    "first_use",
    "last_use",
    "last_denied",
    "used_tools",
    "windows",
    "breaks",
)
_FEW_TOOLS = 20
_SMALL_PART = 0.25


def items_of(world: World) -> tuple[tuple[Item, ...], tuple[Exclusion, ...]]:
    """Return every grant of the population, each once: as an item to decide upon, or as excluded from that and why."""
    names = {row["tool"]: _shown(row) for row in world.ask("SELECT tool, server_name, tool_name FROM tools")}
    items, out = [], []
    for row in world.ask(text("population.sql")):
        why = _excluded(row, world)
        if why is None:
            items.append(_item(row, world, names))
        if why is not None or row["break_glass"]:
            out.append(_exclusion(row, why or "break-glass: decided upon only with its owner's mark"))
    order = {"high": 0, "medium": 1, "low": 2}
    items.sort(
        key=lambda item: (
            order[item.risk],
            item.kind,
            item.principal,
            item.server_name,
            item.tool_name,
            item.item_id,
        )
    )
    return tuple(items), tuple(out)


def _shown(row: Row) -> str:
    return f"{row['server_name'] or ''}/{row['tool_name']}"


def _excluded(row: Row, world: World) -> str | None:
    """Return why nobody has to decide upon a grant, if so."""
    if row["effect"] == "forbid":
        return "a prohibition grants nothing"
    if row["tool_name"] == "-":
        return "it is about prompts or resources, not tools"
    if row["ends"] is not None and row["ends"] <= world.until:
        word = "expired" if row["ends"] == row["expires_at"] else "was revoked"
        return f"it {word} on {row['ends']:%Y-%m-%d}"
    return None


def _exclusion(row: Row, why: str) -> Exclusion:
    return Exclusion(
        row["entitlement_id"], why, row["principal_kind"], row["principal"], row["server_name"], row["tool_name"],
        row["owner"], row["ticket"], row["expires_at"], row["last_use"],
    )  # fmt: skip


def _item(row: Row, world: World, names: dict[int, str]) -> Item:
    scope = world.scope
    state, why = states.state_of(row, scope, world.since, world.until)
    classes = advice.classes_of(row)
    risk = advice.risk_of(classes)
    begins = row["begins"]
    standing = not row["conditions"] and row["ends"] is None
    reach, used = row["reach"] or 0, set(row["used"] or ())
    unused = [names[tool] for tool in row["tools"] or () if tool not in used]
    wild = bool(_WILD & set(row["server_name"] + row["tool_name"]))
    broad = wild and reach > 1 and state is State.USED and row["used_tools"] < scope.broad_share * reach
    convertible = _fits(row, world) and standing and state is State.USED and row["kind"] != "tool"
    advised = advice.advise(row, state, risk, classes, broad=broad, convertible=convertible, now=world.until)
    return Item(
        item_id=row["entitlement_id"], **{name: row[name] for name in _AS_GRANTED},
        risk=risk, risk_classes=classes, privileged=risk == "high", standing=standing,
        age_days=None if begins is None else max(0, (world.until - begins) // timedelta(days=1)),
        state=state, state_reason=why, **{name: row[name] for name in _AS_USED},
        events=few(row["events"], row["last_event"], scope.evidence),
        denied_events=few(row["denied_events"], row["last_refusal"], scope.evidence),
        reach=reach, unused_tools=tuple(unused[:_FEW_TOOLS]), over_broad=broad, convertible=convertible,
        peers=_peers(row), advice=advised[0], reason=advised[1], risk_if_kept=advised[2],
    )  # fmt: skip


def _fits(row: Row, world: World) -> bool:
    """Tell whether all use fits in few short windows, which also are no large part of the period."""
    windows, scope = row["windows"] or 0, world.scope
    watched = world.until - max(world.since, row["observed"] or world.since)
    part = windows * scope.window_hours / max(1.0, watched / timedelta(hours=1))
    return (
        0 < windows <= scope.most_windows
        and part <= _SMALL_PART
        and watched >= timedelta(days=scope.least_days)
    )


def _peers(row: Row) -> Peers | None:
    if not row["peer_group"]:
        return None
    return Peers(row["peer_group"], row["peer_size"], row["peers_holding"], row["peers_using"])


def few(first: list[str] | None, last: str | None, most: int) -> tuple[str, ...]:
    """Return a few event ids: the first of each cell, and the very last."""
    kept = list(first or ())
    if last is not None and last not in kept:
        kept = [*kept[: most - 1], last]
    return tuple(kept)


def strays_of(world: World) -> tuple[Stray, ...]:
    """Return what was used and not granted."""
    return tuple(_stray(row, world.scope.evidence) for row in world.ask(text("strays.sql")))


def _stray(row: Row, most: int) -> Stray:
    classes = advice.classes_of(row)
    risk = advice.risk_of(classes)
    advised, reason = advice.advise_stray(row)
    same = (
        "leg",
        "principal",
        "principal_kind",
        "server_name",
        "tool_name",
        "calls",
        "first_use",
        "last_use",
        "orphan",
    )
    return Stray(
        item_id=stray_id(row["leg"], row["principal"], row["server_name"], row["tool_name"]),
        **{name: row[name] for name in same}, people=tuple(row["people"] or ()), clients=tuple(row["clients"] or ()),
        events=few(row["events"], row["last_event"], most), forbidden_by=row["forbidden_by"],
        risk=risk, risk_classes=classes, privileged=risk == "high", advice=advised, reason=reason,
        risk_if_kept=f"{risk}: {advice.told(classes)}, and nobody answers for it",
    )  # fmt: skip


def stray_id(leg: str, principal: str, server: str, tool: str) -> str:
    """Return a stable id of what was used and not granted."""
    return hashlib.sha256(json.dumps(["stray", leg, principal, server, tool]).encode()).hexdigest()
