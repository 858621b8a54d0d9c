"""Trust debt at the console: the rows asked for, and beside them what they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analytics.debt import BY, ShortLife, TrustDebt, debt
from console.exits import say
from console.exporting import moment
from console.options import Place
from console.output import MadeRows, Output
from store.settings import DebtSettings

_SHORT = ("credential_id", "owner", "debt", "structural", "weight", "valid_from", "ends", "risks")
_FIRST = 5


@dataclass(frozen=True)
class Question:
    """What is asked: the period, what to sum by, and the view: None, weeks or pay_first."""

    since: str | None
    until: str | None
    by: str
    view: str | None
    as_of: str | None


def print_debt(place: Place, output: Output, question: Question) -> None:
    """Print debt as asked, and say on stderr from what, and how much there is in all."""
    since, until = moment(question.since, "--from"), moment(question.until, "--to")
    lake = place.open_to_ask()
    found = debt(lake, since, until, short_life(place.settings().debt), question.as_of)
    if found is None:
        say("no events in this period: nothing is known of what is owed")
        output.write(MadeRows(pa.table({BY[question.by]: pa.array([], pa.string())})))
        return
    for line in _told(found, since, until):
        say(line)
    output.write(MadeRows(_view(found, question, short=output.chosen == "table")))


def short_life(told: DebtSettings) -> ShortLife:
    """Return what the settings say a use covers."""
    own = {life.name: timedelta(seconds=life.seconds) for life in told.short_lives}
    return ShortLife(timedelta(seconds=told.short_life), own)


def _view(found: TrustDebt, question: Question, *, short: bool) -> pa.Table:
    if question.view == "pay_first":
        table = found.pay_first()
    else:
        table = found.weeks(question.by) if question.view == "weeks" else found.by(question.by)
    return _for_people(table, question) if short else table


def _for_people(table: pa.Table, question: Question) -> pa.Table:
    """Return a table that fits a line: numbers with two digits, orphans named, risks as words."""
    rows = [_short(row) for row in table.to_pylist()]
    if question.view is None and question.by == "credential":
        names = _SHORT
    else:
        names = tuple(
            name for name in table.column_names if name not in {"proof", "days"} or question.by == "server"
        )
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def _short(row: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()}
    if "owner" in row:
        shown["owner"] = row["owner"] or "(orphan)"
    if "server_name" in row:
        shown["server_name"] = row["server_name"] or "(not named)"
    if "valid_from" in row:
        seen = "" if row["issued"] == "said" else "? "
        shown["valid_from"] = f"{seen}{_date(row['valid_from'])}"
        end = row["revoked_at"] if row["ended"] == "revoked" else row["expires_at"]
        shown["ends"] = "?" if end is None else _date(end)
        shown["risks"] = ", ".join(_risks(row))
    return shown


def _risks(row: dict[str, Any]) -> Iterator[str]:
    if row["sender_bound"] is False:
        yield "unbound"
    if row["shared"]:
        yield f"{row['users']} users at {row['addresses']} addresses"
    if row["cleartext"]:
        yield "in cleartext"


def _told(found: TrustDebt, since: datetime | None, until: datetime | None) -> Iterator[str]:
    yield f"answered from events version {found.version}, {_stamp(found.since)} to {_stamp(found.until)} UTC"
    if (since and since < found.since) or (until and until > found.until):
        yield "the lake holds events of no more than that: what came before or after is not counted"
    sums = found.total
    zero = sums["days_to_zero"]
    trend = "it is not falling" if zero is None else f"zero in {zero:,} days if it falls on like this"
    yield (
        f"{sums['debt']:,.2f} privileged idle key-days owed by {found.keys.num_rows:,} standing credentials, "
        f"{sums['structural']:,.2f} structural; {sums['pace']:,.2f} more each day, {trend}"
    )
    yield from _forecast(found, sums["pace"])
    yield from _assumed(found)


def _forecast(found: TrustDebt, pace: float) -> Iterator[str]:
    first = found.pay_first().slice(0, _FIRST)
    if first.num_rows:
        left = first["left"][-1].as_py()
        count = "the first" if first.num_rows == 1 else f"the first {first.num_rows}"
        yield f"moving {count} of --pay-first to just-in-time leaves {left:,.2f} a day of {pace:,.2f}"


def _assumed(found: TrustDebt) -> Iterator[str]:
    unknown = pc.sum(pc.equal(found.keys["issued"], "first seen")).as_py()
    endless = pc.sum(pc.equal(found.keys["ended"], "not known")).as_py()
    facts = (
        (unknown, "credentials without an issue date count from when they were first seen (?)"),
        (endless, "credentials without a known end count to the end of the period (?)"),
        (found.keys["owner"].null_count, "credentials are orphans: no event names their user"),
        (
            found.unclassified,
            "credentials are neither known as long-lived nor as short-lived, and not counted",
        ),
        (found.anonymous, "calls name no credential: what theirs owe is not known"),
    )
    yield from (f"{count:,} {what}" for count, what in facts if count)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _date(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d")
