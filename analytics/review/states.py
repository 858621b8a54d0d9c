"""The state of each grant: used, unused, denied only, too new to be judged, or not to be observed at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from analytics.review.basis import Scope
from analytics.review.model import State

Row = Mapping[str, Any]
_WHOM = {"human": "who called", "client": "which client called", "credential": "which credential was used"}


def state_of(row: Row, scope: Scope, since: datetime, until: datetime) -> tuple[State, str]:
    """Return the state of a grant by the end of a period, and why: use counts before all that might excuse disuse."""
    if row["calls"]:
        return State.USED, f"{row['calls']:,} calls, the last on {row['last_use']:%Y-%m-%d}"
    if row["denied"]:
        return (
            State.DENIED_ONLY,
            f"{row['denied']:,} calls, all refused, the last on {row['last_denied']:%Y-%m-%d}",
        )
    if row["any_first"] is None:
        return State.NOT_OBSERVABLE, f"no log in the lake is of {_servers(row)} in this period"
    if row["observed"] is None:
        return State.NOT_OBSERVABLE, f"the logs of {_servers(row)} do not say {_WHOM[row['kind']]}"
    if (
        row["policy_language"] is None
        and not row["has_holders"]
        and row["principal_kind"] in ("group", "role")
    ):
        return State.NOT_OBSERVABLE, f"who is in {row['principal_kind']} {row['principal']} was not imported"
    least = timedelta(days=scope.least_days)
    begins = row["begins"]
    if begins is not None and begins > until - least:
        return State.TOO_NEW, f"granted {_days(until - begins)} before the end of the period"
    watched = until - max(since, row["observed"])
    if watched < least:
        return (
            State.NOT_OBSERVABLE,
            f"the log of {_servers(row)} covers {_days(watched)} of it, less than {scope.least_days}",
        )
    return (
        State.UNUSED,
        f"no call in {_days(min(watched, until - begins) if begins else watched)}, which the log covers",
    )


def _servers(row: Row) -> str:
    return "any server" if row["server_name"] == "*" else str(row["server_name"])


def _days(span: timedelta) -> str:
    days = max(0, span.days)
    return "1 day" if days == 1 else f"{days:,} days"
