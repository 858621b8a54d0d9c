"""What is recommended for a grant, why, and what keeping it would cost: rules in order, the first that holds counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from analytics.review.model import Advice, State

Row = Mapping[str, Any]
RISKS = {
    "exec": "runs code", "destructive": "destroys", "persistent": "steers agents later", "sink": "sends data out",
    "write": "changes things", "private": "reads what is private", "untrusted": "brings in what strangers wrote",
}  # fmt: skip
"""Classes of tools that make a grant risky, the gravest first, and what they do."""
_HIGH = ("exec", "destructive", "persistent", "sink")
_MEDIUM = ("write", "private")


def classes_of(row: Row) -> tuple[str, ...]:
    """Return the risky classes among the tools in reach, the gravest first."""
    return tuple(name for name in RISKS if row[name])


def risk_of(classes: tuple[str, ...]) -> str:
    """Return low, medium or high."""
    if any(name in classes for name in _HIGH):
        return "high"
    return "medium" if any(name in classes for name in _MEDIUM) else "low"


def advise(
    row: Row,
    state: State,
    risk: str,
    classes: tuple[str, ...],
    *,
    broad: bool,
    convertible: bool,
    now: datetime,
) -> tuple[Advice, str, str]:
    """Return the recommendation, its reason, and the risk if kept. Nothing takes break-glass away but its owner."""
    advice, reason = _plain(row, state, risk, broad=broad, convertible=convertible, now=now)
    if row["break_glass"] and advice in (Advice.REVOKE, Advice.NARROW, Advice.MAKE_JIT):
        owner = f"its owner, {row['owner']}," if row["owner"] else "an owner, whom it does not name,"
        advice, reason = Advice.MARK_OWNER, f"break-glass: {owner} must say whether it goes; else: {reason}"
    return advice, reason, _cost(row, state, risk, classes)


def _plain(
    row: Row, state: State, risk: str, *, broad: bool, convertible: bool, now: datetime
) -> tuple[Advice, str]:
    if row["gone_status"] is not None and row["gone_at"] <= now:
        word = row["gone_status"] if row["gone_status"] != "active" else "expired"
        return (
            Advice.REVOKE,
            f"{row['principal']} {_was(word)} on {row['gone_at']:%Y-%m-%d} ({row['said_by']})",
        )
    if state is State.NOT_OBSERVABLE:
        return Advice.CANNOT_TELL, "use cannot be seen here: ask its owner"
    if state is State.TOO_NEW:
        return Advice.WAIT, "too new to be judged"
    if state is State.DENIED_ONLY:
        return (
            Advice.CONFIRM_DENIED,
            f"granted, tried {row['denied']:,} times and never let through: something else refuses it",
        )
    if state is State.UNUSED:
        return Advice.REVOKE, f"not used{_peers(row)}"
    if row["orphan"]:
        return Advice.MARK_OWNER, f"used, and {row['principal']} is in no inventory: find who answers for it"
    if broad:
        return Advice.NARROW, f"{row['used_tools']:,} of {row['reach']:,} tools in reach were used"
    if convertible and risk != "low":
        return Advice.MAKE_JIT, f"all use fits in {row['windows']} short windows"
    return Advice.KEEP, f"used{_peers(row)}"


def _was(status: str) -> str:
    return {"left": "left", "expired": "expired"}.get(status, f"was {status}")


def _peers(row: Row) -> str:
    if not row["peer_size"]:
        return ""
    return f"; {row['peers_using']} of {row['peer_size']} in {row['peer_group']} use the same"


def _cost(row: Row, state: State, risk: str, classes: tuple[str, ...]) -> str:
    """Return in a sentence what keeping it leaves open."""
    idle = "" if state is State.USED else ", for no use that was seen"
    end = "" if row["ends"] else ", without an end"
    return f"{risk}: {told(classes)}{idle}{end}"


def advise_stray(row: Row) -> tuple[Advice, str]:
    """Return what is recommended for what was used and not granted."""
    if row["forbidden_by"]:
        return (
            Advice.GRANT_OR_DENY,
            "it is forbidden and was let through: whatever let it through does not ask this policy",
        )
    return Advice.GRANT_OR_DENY, "nothing that was imported grants it: grant it, or find what let it through"


def told(classes: tuple[str, ...]) -> str:
    """Return in words what tools of these classes do."""
    return ", ".join(RISKS[name] for name in classes[:3]) or "only reads, as far as its tools' names tell"
