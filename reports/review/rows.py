"""What a review found as rows, whole, for the files beside the page; the page shows the first of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from analytics.review.model import Assessment, Item, State

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = dict[str, Any]


def words(value: str | Enum) -> str:
    """Return a name of the model as words: denied_only is denied only."""
    text = value.value if isinstance(value, Enum) else value
    return "used, not granted" if text == State.USED_NOT_GRANTED else str(text).replace("_", " ")


def item_rows(found: Assessment) -> list[Row]:
    """Return the grants under review, one row each."""
    return [_item(item) for item in found.items]


def _item(item: Item) -> Row:
    peers = item.peers
    return {
        "item_id": item.item_id, "principal": item.principal_name or item.principal, "principal_id": item.principal,
        "principal_kind": item.principal_kind, "kind": item.kind, "server_name": item.server_name,
        "tool_name": item.tool_name, "grant": f"{item.server_name or '*'}/{item.tool_name or '*'}",
        "state": words(item.state), "state_reason": item.state_reason, "recommendation": words(item.advice),
        "reason": item.reason, "risk_if_kept": item.risk_if_kept, "risk": item.risk, "privileged": item.privileged,
        "calls": item.calls, "denied": item.denied, "users": item.users, "breaks": item.breaks,
        "first_use": item.first_use, "last_use": item.last_use, "used_share": item.used_share, "reach": item.reach,
        "used_tools": item.used_tools, "over_broad": item.over_broad, "standing": item.standing,
        "windows": item.windows, "convertible": item.convertible, "source": item.source, "via": item.via,
        "granted_at": item.granted_at, "granted_by": item.granted_by, "expires_at": item.expires_at,
        "revoked_at": item.revoked_at, "age_days": item.age_days, "owner": item.owner, "ticket": item.ticket,
        "break_glass": item.break_glass, "orphan": item.orphan, "import_source": item.import_source,
        "peers": peers and f"{peers.holding} of {peers.size} in {peers.group} hold it, {peers.using} use it",
        "resource_scope": item.resource_scope, "conditions": item.conditions, "policy": item.policy,
        "unused_tools": list(item.unused_tools), "event_ids": [*item.events, *item.denied_events],
    }  # fmt: skip


def stray_rows(found: Assessment) -> list[Row]:
    """Return what was used and not granted, one row each."""
    return [
        {
            **row, "grant": f"{row['server_name'] or '*'}/{row['tool_name'] or '*'}",
            "recommendation": words(row["advice"]), "state": words(State.USED_NOT_GRANTED), "event_ids": row["events"],
        }
        for row in plain_rows(found.strays)
    ]  # fmt: skip


def cell_rows(found: Assessment) -> list[Row]:
    """Return the squares of the matrix: how many grants of each state a principal has on a server."""
    return [
        {
            "principal": cell.principal, "kind": cell.kind, "server_name": cell.server_name, "grants": cell.grants,
            **{state.value: cell.states.get(state, 0) for state in State}, "tools_granted": cell.tools_granted,
            "tools_used": cell.tools_used, "calls": cell.calls, "denied": cell.denied,
        }
        for cell in found.cells
    ]  # fmt: skip


def state_rows(found: Assessment) -> list[Row]:
    """Return for each server how many grants are in each state, the most first."""
    counts = sorted(found.states_by_server.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    return [{"server": server, **{s.value: states.get(s, 0) for s in State}} for server, states in counts]


def policy_rows(found: Assessment) -> list[Row]:
    """Return the recommended policies with their backtests, one row each."""
    rows = []
    for policy in found.policies:
        test = policy.backtest
        row = plain_rows([policy])[0] | {f"backtest_{k}": v for k, v in plain_rows([test])[0].items()}
        rows.append({k: v for k, v in row.items() if k != "backtest"})
    return rows


def plain_rows(found: Iterable[DataclassInstance]) -> list[Row]:
    """Return dataclasses as rows: words for enumerations, lists for tuples, text for counts by name."""
    return [{f.name: _plain(getattr(one, f.name)) for f in dataclasses.fields(one)} for one in found]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return value


def as_table(rows: Sequence[Row], names: Iterable[str] = ()) -> pa.Table:
    """Return rows as a table; `names` are its columns where there is no row."""
    columns = list(rows[0]) if rows else list(names)
    return pa.table({name: [row[name] for row in rows] for name in columns})
