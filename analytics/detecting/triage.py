"""What people say of findings: kept beside them, never instead of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from store.errors import UsageError
from store.lake import Lake
from store.tables import TABLES

STATES = ("open", "true", "false", "accepted")


def find(lake: Lake, name: str) -> str:
    """Return the id of the finding that an id or the beginning of one names; UsageError when none or several do."""
    rows = lake.sql(
        "SELECT finding_id FROM findings WHERE starts_with(finding_id, $name) ORDER BY 1 LIMIT 2",
        {"name": name.lower()},
    ).arrow()
    ids = rows["finding_id"].to_pylist()
    if len(ids) == 1:
        return str(ids[0])
    reason = f"{name} begins more than one finding" if ids else f"there is no finding {name!r}"
    raise UsageError(reason, hint="`tooltrail findings list` shows them")


def say(lake: Lake, finding: str, state: str, reason: str, by: str) -> None:
    """Record that someone judges a finding so, and why; durable when this returns.

    Raises UsageError for an unknown state, or without a reason or a name: a judgement nobody answers for is none.
    """
    if state not in STATES:
        raise UsageError(f"a finding is one of {', '.join(STATES)}")
    if not reason.strip() or not by.strip():
        raise UsageError("a judgement needs a reason and a name", hint="--reason TEXT --by NAME")
    now = datetime.now(UTC)
    row = {
        "finding_id": finding,
        "state": state,
        "reason": reason,
        "judge": by,
        "triage_time": now,
        "triage_date": now.date(),
    }
    lake.append("triage", pa.Table.from_pylist([row], TABLES["triage"].schema))
