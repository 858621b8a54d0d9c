"""What the weekly summary shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from analytics.debt import ShortLife, debt
from analytics.detecting.catalog import SEVERITIES
from reports.asking import Source
from reports.catalog import Request
from reports.charts import stacked_days
from reports.page import About, Figure, Listing, Page, Tile, listing
from reports.wording import day, some
from store.lake import Lake

WEEK = timedelta(days=7)
_EMPTY: Mapping[str, int] = dict.fromkeys(
    ("events", "calls", "denied", "failed", "users", "clients", "servers", "tools", "without_user", "days"), 0
)
_DENIED = (
    "server:text, tool:text, denied:number, before:number:the week before, people:number,"
    " usual_reason:long:usual reason"
)
_FOUND = "severity:tag, title:text, who:text, event_time:time:time, explanation:long, state:tag, finding:id"
_DEBT = (
    "server_name:text:server, credentials:number, debt:number, structural:number:structural exposure,"
    " pace:number:each day"
)
_SOURCES = (
    "source:text, events:number, before:number:the week before, hours_heard:number:hours heard of 168,"
    " last:time:last event"
)
_NEW = "kind:text, name:text, first:time:first seen, events:number, people:list, first_event:id:first event"


@dataclass(frozen=True)
class WeeklyPage:
    """The whole page."""

    about: About = field(metadata={"help": "what the page is, and the version of the events"})
    period: str = field(metadata={"help": "the seven days, and those they are compared with"})
    tiles: Sequence[Tile] = field(metadata={"help": "volume, each with the change since the week before"})
    sentences: Sequence[str] = field(metadata={"help": "the week in plain words"})
    limits: Sequence[str] = field(metadata={"help": "what the page cannot say"})
    chart: Figure | None = field(metadata={"help": "calls and denials by day"})
    days: Listing = field(metadata={"help": "the same as a table"})
    denials: Listing = field(metadata={"help": "what was refused most"})
    new: Listing = field(metadata={"help": "clients, servers and tools never seen before"})
    findings: Listing = field(metadata={"help": "findings of the week"})
    debt: Listing = field(metadata={"help": "what standing credentials owe, by server"})
    sources: Listing = field(metadata={"help": "what each source sent"})


def weekly_page(lake: Lake, request: Request) -> Page:
    """Return the summary of the seven days before a midnight (UTC), beside the seven before them."""
    source = Source.of(lake, request)
    until = _midnight(request.until, source.last())
    week, before = until - WEEK, until - 2 * WEEK
    bounds = {"week": week, "before": before, "until": until}
    tables = {
        name: source.ask(f"weekly/{name}.sql", bounds)
        for name in ("volume", "days", "denials", "sources", "findings")
    }
    tables["new"] = source.ask("weekly/new.sql", {"week": week, "until": until})
    tables["debt"], owed = _debt(source, request, week, until)
    command_again = source.command("weekly", Request(until=until))
    title = f"The week of {day(week)} to {day(until - timedelta(days=1))}"
    about = About("Weekly fleet summary", title, source.version, command_again)
    stem = f"weekly-{day(week)}"
    context = _context(about, stem, tables, owed, "Compared with the seven days before.")
    return Page(stem, "weekly/page.html.j2", context, tables, about, [*context.sentences, *context.limits])


def _context(
    about: About, stem: str, tables: Mapping[str, pa.Table], owed: str | None, period: str
) -> WeeklyPage:
    rows = {name: table.to_pylist() for name, table in tables.items()}
    now = next((row for row in rows["volume"] if row["this_week"]), _EMPTY)
    then = next((row for row in rows["volume"] if not row["this_week"]), _EMPTY)
    found = [row for row in rows["findings"] if row["this_week"]]
    new = rows["new"]
    return WeeklyPage(
        about,
        period,
        _tiles(now, then, len(found), len(rows["findings"]) - len(found)),
        list(_sentences(now, then, new, found, owed)),
        list(_limits(now, then, rows["sources"])),
        stacked_days(rows["days"]),
        listing(
            "days",
            "Calls by day",
            rows["days"],
            "day:time, passed:number:not refused, denied:number",
            stem=stem,
            nothing="no calls.",
        ),
        listing(
            "denials", "Refused most", rows["denials"], _DENIED, stem=stem, nothing="nothing was refused."
        ),
        listing("new", "Never seen before this week", new, _NEW, stem=stem, nothing="nothing new."),
        listing(
            "findings",
            "Findings of the week",
            found,
            _FOUND,
            stem=stem,
            nothing="none; `tooltrail detect` looks for them.",
        ),
        listing(
            "debt",
            "Owed by standing credentials in the week, in privileged idle key-days",
            rows["debt"],
            _DEBT,
            stem=stem,
            nothing="no standing credential is known.",
        ),
        listing(
            "sources",
            "Sources of logs",
            rows["sources"],
            _SOURCES,
            stem=stem,
            nothing="no events.",
        ),
    )


def _midnight(asked: datetime | None, last: datetime | None) -> datetime:
    """Return the midnight before which the week ends: that of what is asked, or after the newest event."""
    moment = asked or (last + timedelta(days=1) if last else datetime(1970, 1, 8, tzinfo=UTC))
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _debt(source: Source, request: Request, week: datetime, until: datetime) -> tuple[pa.Table, str | None]:
    life = ShortLife(request.means.short_life, dict(request.means.short_lives))
    found = debt(source.lake, week, until, life, request.as_of)
    if found is None:
        return pa.table(
            {
                name: pa.array([], pa.string())
                for name in ("server_name", "credentials", "debt", "structural", "pace")
            }
        ), None
    total = found.total
    return found.by(
        "server"
    ), f"{total['debt']:,.2f} privileged idle key-days, {total['pace']:,.2f} more each day"


def _tiles(now: Mapping[str, int], then: Mapping[str, int], found: int, found_before: int) -> list[Tile]:
    named = (
        ("calls", "calls", "asked"),
        ("denied", "denied", "denied"),
        ("users", "people and bots", "asked"),
        ("clients", "clients", "asked"),
        ("tools", "tools used or tried", "asked"),
    )
    tiles = [
        Tile(f"{now[name]:,}", words, kind, _change(now[name], then[name])) for name, words, kind in named
    ]
    return [*tiles, Tile(f"{found:,}", "findings", "denied", _change(found, found_before))]


def _change(now: int, then: int) -> str:
    if not then:
        return "nothing the week before"
    return f"{(now - then) / then:+.0%} from {then:,}" if now != then else f"as the week before ({then:,})"


def _sentences(
    now: Mapping[str, int],
    then: Mapping[str, int],
    new: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    owed: str | None,
) -> Iterator[str]:
    if not now["events"]:
        yield "No event of this week is in the lake."
        return
    share = now["denied"] / now["calls"] if now["calls"] else 0.0
    was = then["denied"] / then["calls"] if then["calls"] else None
    yield f"{some(now['calls'], 'call')} were made or tried; {share:.1%} were denied" + (
        f", {was:.1%} the week before." if was is not None else "."
    )
    kinds = {kind: sum(row["kind"] == kind for row in new) for kind in ("client", "server", "tool")}
    told = [some(number, kind) for kind, number in kinds.items() if number]
    yield f"New to the fleet: {', '.join(told)}." if told else "No client, server or tool was new."
    grave = [row for row in found if row["severity"] in SEVERITIES[-2:]]
    yield (
        f"{some(len(found), 'finding')}, {len(grave):,} of them high or critical."
        if found
        else "Nothing was found by detections."
    )
    if owed:
        yield f"Standing credentials owe {owed}."


def _limits(
    now: Mapping[str, int], then: Mapping[str, int], sources: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    for name, week in (("this week", now), ("the week before", then)):
        if 0 < week["days"] < 7:
            days = some(week["days"], "day")
            yield f"Of {name} the lake holds events of {days} of 7: changes compare unlike periods."
    silent = [row["source"] for row in sources if not row["events"]]
    if silent:
        yield f"Sources silent this week: {', '.join(silent)}. What happened there is not known."
    seldom = [row["source"] for row in sources if 0 < row["hours_heard"] < 24]
    if seldom:
        yield f"Heard in fewer than 24 of 168 hours: {', '.join(seldom)}."
    if now["without_user"]:
        yield f"{some(now['without_user'], 'event')} of {now['events']:,} name no person."
