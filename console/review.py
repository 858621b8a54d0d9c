"""Reviews at the console: begin, look, decide, close; rows to stdout, talk to stderr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analytics.review import closing, deciding, ledger
from analytics.review.assess import assess
from analytics.review.basis import Scope
from analytics.review.campaign import Campaign
from analytics.review.forms import FORM, choices_of
from analytics.review.model import Assessment
from analytics.review.standing import campaign_of
from console.exits import say
from console.exporting import moment
from console.options import Place, duckdb_settings
from console.output import Output, rows_of
from store.errors import IntegrityError, UnreachableError, UsageError
from store.lake import AsOf, Lake

_SHORT = ("item", "principal", "server", "tool", "state", "calls", "risk", "advice")


@dataclass(frozen=True)
class Asked:
    """The period and patterns of a review, as they were given."""

    since: str | None
    until: str | None
    servers: tuple[str, ...]
    principals: tuple[str, ...]


@dataclass(frozen=True)
class Decided:
    """What goes with a decision on the command line."""

    by: str
    reason: str
    owner: str | None
    due: datetime | None
    ticket: str | None


def begin_review(
    place: Place, name: str, by: str, reviewers: tuple[str, ...], asked: Asked, previous: str | None
) -> None:
    """Freeze a review and say what there is to decide."""
    lake, told = place.open_to_ask(), place.settings().review
    opening = ledger.Opening(name, by, told.due_days, told.overdue, reviewers, previous)
    found = ledger.begin(lake, opening, _scope(place, lake, asked), _bounds(place))
    _say_found(found)
    say(f"{name}: {len(found.items) + len(found.strays):,} items to decide within {told.due_days} days")
    say(f"  tooltrail review show {name} --to-decide --to todo.csv")


def show_review(
    place: Place, output: Output, name: str | None, asked: Asked, as_of: AsOf, *, only_open: bool, form: bool
) -> None:
    """Print the items of a review as frozen, or of one that began now."""
    lake = place.open_to_ask()
    if name is None:
        found = assess(lake, _scope(place, lake, asked), as_of, settings=_bounds(place))
        _say_found(found)
        rows = [asdict(item) for item in found.items] + [_stray_row(asdict(stray)) for stray in found.strays]
    else:
        frozen = ledger.checked_items(lake, ledger.campaign_row(lake, name))
        rows = sorted((row for row in frozen if row["what"] != "excluded"), key=_gravest)
    if only_open or form:
        rows = _open_rows(lake, name, rows)
    shown = [_shown(row) for row in rows]
    if form:
        empty = dict.fromkeys(("reason", "owner", "ticket"))
        output.write(rows_of([row | empty | {"item": row["item_id"]} for row in shown], FORM))
    elif output.chosen == "table":
        output.write(rows_of(shown, _SHORT))
    else:
        output.write(rows_of([_flat(row) for row in rows], list(_flat(rows[0])) if rows else ["item_id"]))


def _open_rows(lake: Lake, name: str | None, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if name is None:
        raise UsageError(
            "only a review that was begun has open items", hint="`tooltrail review new NAME --by WHO`"
        )
    campaign = campaign_of(lake, name)
    open_ = {v.item_id for v in campaign.verdicts if v.status != "decided"}
    return [row for row in rows if row["item_id"] in open_]


def _gravest(row: Mapping[str, Any]) -> tuple[Any, ...]:
    risks = ("high", "medium", "low")
    return (
        risks.index(row["risk"]),
        row["what"],
        row["principal"],
        row["server_name"],
        row["tool_name"],
        row["item_id"],
    )


def _stray_row(stray: dict[str, Any]) -> dict[str, Any]:
    return {**stray, "kind": stray["leg"], "state": "used_not_granted", "last_use": stray["last_use"]}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    last = row.get("last_use")
    return {
        **{name: row.get(name) for name in ("item_id", "risk", "owner", "ticket", "calls")},
        "item": row["item_id"][:8], "principal": row["principal"],
        "server": row["server_name"], "tool": row["tool_name"], "state": str(row["state"]),
        "advice": str(row["advice"]),
        "last_use": f"{last:%Y-%m-%d}" if last else None, "reason": row.get("reason"), "recommended": row.get("reason"),
    }  # fmt: skip


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with plain values: lists stay lists, states and recommendations become their names."""
    return {
        name: str(value) if name in ("state", "advice") else value
        for name, value in row.items()
        if name != "peers"
    }


def decide_items(
    place: Place, name: str, items: Sequence[str], decision: str | None, file: Path | None, told: Decided
) -> None:
    """Take decisions in, and say what is left."""
    lake = place.open_to_ask()
    if (file is None) == (decision is None or not items):
        raise UsageError(
            "give items and a decision, or --file", hint="tooltrail review decide NAME ITEM... keep --by WHO"
        )
    if file is not None:
        choices = choices_of(str(file), _content(file), told.by)
    else:
        due = told.due.replace(tzinfo=UTC) if told.due else None
        assert decision is not None
        choices = [
            deciding.Choice(item, decision, told.reason, told.by, told.owner, due, told.ticket)
            for item in items
        ]
    made = deciding.decide(lake, name, choices)
    left = campaign_of(lake, name).arithmetic.open_items
    say(f"{len(made):,} decided, {sum(d.stage == 2 for d in made):,} of them as second; {left:,} are open")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreachableError(f"cannot be read: {error.strerror}", where=str(file)) from error


def close_review(place: Place, name: str, by: str, *, with_report: bool) -> None:
    """Close and seal a review, and say where its records lie."""
    lake = place.open_to_ask()
    campaign = closing.close(lake, name, by, settings=_bounds(place), pages=_pages, with_report=with_report)
    assert campaign.seal is not None
    say(f"{name} is closed and sealed: {campaign.seal.digest}")
    say(f"records: {closing.record_folder(lake, name)}, {len(campaign.seal.files):,} files")
    pending = sum(closure.status != "enforced" for closure in campaign.closures)
    if pending:
        say(f"{pending:,} revocations are not proven yet: `tooltrail review status {name}` follows them")


def _pages(found: Assessment, campaign: Campaign) -> dict[str, bytes]:
    """Return the report of a campaign as files: the page, its tables as CSV, all of it as JSON."""
    from console.reporting import contents
    from reports.review.report import campaign_page

    return dict(contents(campaign_page(found, campaign)))


def check_review(place: Place, name: str) -> None:
    """Say whether sealed files are whole; IntegrityError where they are not."""
    lake = place.open()
    wrong = closing.check_seal(lake, name)
    if wrong:
        raise IntegrityError("\n".join(wrong))
    say(f"{name}: every file in {closing.record_folder(lake, name)} is what was sealed")


def _scope(place: Place, lake: Lake, asked: Asked) -> Scope:
    told = place.settings().review
    since, until = moment(asked.since, "--since"), moment(asked.until, "--until")
    if since is not None and until is not None and since >= until:
        raise UsageError("the period ends before it begins", hint="--since is before --until")
    last = max((f.greatest for f in lake.snapshot("events").files if f.greatest is not None), default=None)
    end = until or (last or datetime.now(UTC)) + timedelta(microseconds=1)
    return Scope(
        since=since or end - timedelta(days=told.period_days), until=end, servers=asked.servers,
        principals=asked.principals, least_days=told.least_days, window_hours=told.window_hours,
        most_windows=told.most_windows,
    )  # fmt: skip


def _bounds(place: Place) -> dict[str, str | int]:
    return duckdb_settings(place.settings().query)


def _say_found(found: Assessment) -> None:
    since, until = (f"{at:%Y-%m-%d}" for at in (found.basis.since, found.basis.until))
    say(f"answered from events version {found.basis.events_version}, {since} to {until} UTC")
    if found.empty:
        say(found.empty)
    for sentence in found.sentences if not found.empty else ():
        say(sentence)
    for limit in found.coverage.limits:
        say(f"note: {limit}")
