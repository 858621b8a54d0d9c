"""Legal holds: rows that expiry, erasure and vacuum may not take, until two people release them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from store.errors import UsageError
from store.keeping.second_copy import enter_hold
from store.keeping.selecting import Selector, parse_condition
from store.lake import Lake
from store.tables import TABLES
from store.tables.keeping import HOLD_STATES
from store.tables.table import Table


@dataclass(frozen=True)
class Hold:
    """A hold in force: what it covers, why, and by whom it was set."""

    hold_id: str
    selector: Selector
    reason: str
    by: str
    case_id: str | None = None


def put(
    lake: Lake,
    reason: str,
    by: str,
    *,
    case_id: str | None = None,
    subject: str | None = None,
    session: str | None = None,
    events: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    conditions: Sequence[str] = (),
    second_copy: Path | None = None,
) -> str:
    """Set a hold on rows that meet all that is given; returns its id. UsageError when nothing is given.

    `second_copy` is that of the ledger: a hold that is in it outlives the restore of an older backup.
    """
    if not any((subject, session, events, since, until, conditions)):
        raise UsageError(
            "a hold needs to say what it covers", hint="--subject, --session, --event, --since, --where"
        )
    for condition in conditions:
        parse_condition(condition)
    hold_id, whom = secrets.token_hex(6), subject.strip() if subject else None
    row = {"hold_id": hold_id, "state": "set", "case_id": case_id, "subject": whom, "session": session,
           "events": list(events) or None, "since": since, "until": until, "conditions": list(conditions) or None,
           "reason": reason, "said_by": by}  # fmt: skip
    row = _now(row)
    if second_copy is not None:
        enter_hold(lake, second_copy, row)
    _write(lake, row)
    return hold_id


def lift(lake: Lake, hold_id: str, reason: str, by: str, *, second_copy: Path | None = None) -> None:
    """Record that a hold is released; who may do so is settled before (`store.keeping.approving`)."""
    row = _now({"hold_id": find(lake, hold_id).hold_id, "state": "released", "reason": reason, "said_by": by})
    _write(lake, row)
    if second_copy is not None:
        enter_hold(lake, second_copy, row)


def _now(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(HOLD_STATES.stored.names), **row, "hold_time": datetime.now(UTC)}


def _write(lake: Lake, row: Mapping[str, Any]) -> None:
    held = pa.Table.from_pylist([{**row, "hold_date": row["hold_time"].date()}], HOLD_STATES.schema)
    lake.append(HOLD_STATES.name, held, note={"operation": "hold" if row["state"] == "set" else "release"})


def states(lake: Lake) -> list[dict[str, Any]]:
    """Return holds as they were set and released, the oldest first: what a lake's own ledger says."""
    return lake.scan(HOLD_STATES.name, HOLD_STATES.stored.names).collect().sort("hold_time").to_dicts()


def replay(lake: Lake, rows: Iterable[Mapping[str, Any]]) -> int:
    """Set and release again what ledgers say was and the lake does not know, as after a restore; returns how many."""
    known = {(row["hold_id"], row["state"]) for row in states(lake)}
    fresh = {key: row for row in rows if (key := (row["hold_id"], row["state"])) not in known}
    for row in sorted(fresh.values(), key=lambda row: row["hold_time"]):
        _write(lake, row)
    return len(fresh)


def in_force(lake: Lake) -> list[Hold]:
    """Return the holds in force, the oldest first."""
    rows = states(lake)
    released = {row["hold_id"] for row in rows if row["state"] == "released"}
    return [_hold(lake, row) for row in rows if row["state"] == "set" and row["hold_id"] not in released]


def find(lake: Lake, hold_id: str) -> Hold:
    """Return the hold in force whose id begins so; UsageError when that is none or several."""
    found = [hold for hold in in_force(lake) if hold_id and hold.hold_id.startswith(hold_id)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} holds in force have an id that begins with {hold_id!r}",
            hint="`tooltrail lake hold list`",
        )
    return found[0]


def _hold(lake: Lake, row: Mapping[str, Any]) -> Hold:
    session, events = row["session"], list(row["events"] or ())
    names = () if session is None else (session, lake.session_key(session))
    chosen = tuple(events if session is None else events + _members(lake, session))
    conditions = tuple(parse_condition(c) for c in row["conditions"] or ())
    selector = Selector(
        row["subject"], names, chosen if chosen or names else None, row["since"], row["until"], conditions
    )
    return Hold(row["hold_id"], selector, row["reason"], row["said_by"], row["case_id"])


def _members(lake: Lake, session: str) -> list[str]:
    """Return the events of a stitched session, which may span several raw ones or have none."""
    found = lake.sql("SELECT event_id FROM session_events WHERE session = ?", [session]).arrow()
    ids: list[str] = found["event_id"].to_pylist()
    return ids


def count(lake: Lake, hold: Hold) -> int:
    """Return how many rows of all tables but the holds' own a hold covers now."""
    total = 0
    for table in TABLES.values():
        if table is HOLD_STATES:
            continue
        condition = covered(table, [hold])
        needed = condition.meta.root_names()
        if needed:
            rows = lake.scan(table.name, [name for name in needed if name != table.partition])
            total += int(rows.select(condition.sum()).collect().item())
    return total


def covered(table: Table, holds: Sequence[Hold]) -> pl.Expr:
    """Return the condition that a row of a table is under any of some holds."""
    return reduce(or_, (hold.selector.within(table) for hold in holds), pl.lit(value=False))
