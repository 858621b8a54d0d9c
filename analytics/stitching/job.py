"""The sessions job: stitch what came in since the last run, and keep each session's numbers up to date.

A run costs the new events and their neighbours, not the history. Links are only ever added: an event keeps the
session it was first given, and what is learned later is a merge of sessions, recorded with the event that showed it.
The order of commits makes a crash harmless: links, merges, states with the position; a run that finds links of new
events without the position goes on from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pyarrow as pa

from analytics.anomaly import kept
from analytics.elsewhere import BOUND
from analytics.stitching.gaps import Gaps, as_list
from analytics.stitching.habits import Habits
from analytics.stitching.products import product
from analytics.stitching.states import CROSSED, crossings, summed
from analytics.stitching.stitch import KEYS, Model, own_session, stitch
from analytics.stitching.trust import Doubt
from store.commit import Advance
from store.lake import Lake
from store.locks import alone
from store.tables import TABLES

POSITION = "job:sessions"
CONTEXT = timedelta(hours=2)
"""How far around new events old ones are looked at: a pause beyond it is never inside work by pauses alone."""
TOGETHER = 500_000
"""Events that are stitched in one go, for what a go costs by itself; a single day may have more."""
_DAY = timedelta(days=1)
_READ = (
    "event_id", "event_time", "user_id", "user_issuer", "user_id_kind", "user_email", "client_oauth_id",
    "client_name", "agent_id", "credential_id", "client_address", "source_system", "source_instance", "event_kind",
    "event_class", "mcp_method", "server_name", "tool_name", "resource_uri", "outcome", "args_hmac", "args_keys",
    "args_leaves", "result_leaves", "args_addresses", "ingest_time", "source_topic", *KEYS,
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one run did: events stitched, sessions touched and merged, ids not believed, and the version stood on."""

    version: int
    events: int
    sessions: int
    merged: int
    doubts: list[Doubt]


def update(lake: Lake, progress: Callable[[int, int], None] | None = None) -> Outcome:
    """Stitch what came in since the last run; `progress` is told events done and events in all.

    Raises TooltrailError when another run is at work on the lake.
    """
    with alone(lake, "sessions"):
        lake.check_writable()
        version = lake.snapshot("events").version
        done, _ = lake.position("session_states", POSITION)
        if done == version:
            return Outcome(version, 0, 0, 0, [])
        return _Run(lake, version, done).run(progress or (lambda _done, _all: None))


class _Run:
    """One run over the events between two versions, a day at a time."""

    def __init__(self, lake: Lake, version: int, done: int | None) -> None:
        self._lake = lake
        self._version = version
        self._done = done
        self._now = datetime.now(UTC)
        self._model = read_model(lake)
        self._touched: set[str] = set()
        self._times: list[datetime] = []
        self._merged = 0
        self._doubts: list[Doubt] = []

    def run(self, progress: Callable[[int, int], None]) -> Outcome:
        fresh = self._lake.scan("events", ("event_id", "event_time"), since=self._done).collect()
        fresh = fresh.with_columns(day=pl.col("event_time").dt.date())
        days = fresh.group_by("day").len().sort("day").rows()
        seen = 0
        for first, last, count in spans(days):
            self._span(first, last)
            seen += count
            progress(seen, fresh.height)
        self._write_model()
        self._write_doubts()
        self._write_states()
        kept.keep_up(self._lake, lambda: session_events(self._lake), self._version)
        return Outcome(self._version, fresh.height, len(self._touched), self._merged, self._doubts)

    def _span(self, first: date, last: date) -> None:
        """Stitch the new events of some days, both ends included."""
        between = (_midnight(first), _midnight(last + _DAY) - timedelta(microseconds=1))
        ids = (
            self._lake.scan("events", ("event_id",), since=self._done, between=between)
            .collect()["event_id"]
            .unique()
        )
        self._times += between
        around = (between[0] - CONTEXT, between[1] + CONTEXT)
        linked = session_events(self._lake, around)
        self._touched |= set(linked.filter(pl.col("event_id").is_in(ids.implode()))["session"].to_list())
        events = prepared(self._lake.scan("events", _READ, between=around).collect())
        events = events.join(linked.select("event_id", known="session"), on="event_id", how="left")
        new = pl.col("event_id").is_in(ids.implode()) & pl.col("known").is_null()
        fresh = events.filter(new)
        if not fresh.height:
            return
        beside = _beside(events.filter(pl.col("known").is_not_null()), fresh)
        found = stitch(_with_roots(pl.concat([fresh, beside]), roots(self._lake)), self._model)
        self._model = found.model
        self._doubts += found.doubts
        self._write(found.links, found.merges)

    def _write(self, links: pl.DataFrame, merges: pl.DataFrame) -> None:
        dated = links.with_columns(link_date=pl.col("event_time").dt.date())
        self._lake.append("session_links", _arrow(dated, "session_links"))
        into = roots(self._lake)
        if merges.height:
            self._lake.append("session_merges", _arrow(self._flattened(merges, into), "session_merges"))
            self._merged += merges.height
            into = roots(self._lake)
        named = links.select("session").unique().join(into, on="session", how="left")
        self._touched |= set(named.select(pl.coalesce("merged_into", "session")).to_series().to_list())

    def _flattened(self, merges: pl.DataFrame, into: pl.DataFrame) -> pl.DataFrame:
        """Add, for each session merged now, those merged into it before: every root is one step away."""
        earlier = into.join(merges, left_on="merged_into", right_on="session", suffix="_now").select(
            "session", merged_into="merged_into_now", event_id="event_id"
        )
        every = pl.concat([merges.select("session", "merged_into", "event_id"), earlier])
        return every.with_columns(
            merged_time=self._now, merge_date=self._now.date(), revision=pl.lit(self._version, pl.Int64)
        )

    def _write_doubts(self) -> None:
        if self._doubts:
            facts = {"revision": self._version, "doubt_time": self._now, "doubt_date": self._now.date()}
            rows = pl.DataFrame([{**asdict(doubt), **facts} for doubt in self._doubts]).rename(
                {"column": "id_column"}
            )
            self._lake.append("session_doubts", _arrow(rows, "session_doubts"))

    def _write_states(self) -> None:
        states = self._states() if self._touched else None
        rows = _arrow(states, "session_states") if states is not None else None
        advance = Advance(POSITION, self._done, self._version)
        empty = _arrow(pl.DataFrame(), "session_states")
        self._lake.append("session_states", empty if rows is None else rows, [advance])

    def _states(self) -> pl.DataFrame:
        crossed = self._crossed()
        beside = {*crossed["denied_session"].to_list(), *crossed["reached_session"].to_list()} - self._touched
        if beside:  # their numbers change too
            self._touched |= beside
            crossed = self._crossed()
        between = self._lasting()
        members = session_events(self._lake, between).filter(pl.col("session").is_in(sorted(self._touched)))
        events = prepared(self._lake.scan("events", _READ, between=between).collect())
        story = events.join(members.drop("event_time"), on="event_id")
        states = summed(story, crossed).join(kept.scored(self._lake, story), on="session", how="left")
        return states.with_columns(
            revision=pl.lit(self._version, pl.Int64), state_time=self._now, state_date=self._now.date()
        )

    def _crossed(self) -> pl.DataFrame:
        """Return what people of the touched sessions were denied in one session and reached in another."""
        first, last = self._lasting()
        around = (first - BOUND, last + BOUND)
        events = self._lake.scan("events", CROSSED, between=around).collect().unique("event_id")
        members = session_events(self._lake, around).select("event_id", "session")
        return crossings(events.join(members, on="event_id"), self._touched)

    def _lasting(self) -> tuple[datetime, datetime]:
        """Return from when to when the touched sessions last, by their new events and by what was known of them."""
        merged = roots(self._lake).filter(pl.col("merged_into").is_in(sorted(self._touched)))["session"]
        names = sorted(self._touched | set(merged.to_list()))
        states = self._lake.scan("session_states", ("session", "first", "last"))
        known = states.filter(pl.col("session").is_in(names)).collect()
        times = [*self._times, *known["first"].to_list(), *known["last"].to_list()]
        return min(times), max(times)

    def _write_model(self) -> None:
        row = {"name": "sessions", "revision": self._version, "trained_time": self._now, "model_date": self._now.date(),
               "body": json.dumps(_plain(self._model))}  # fmt: skip
        self._lake.append("models", _arrow(pl.DataFrame([row]), "models"))


def spans(days: Sequence[tuple[date, int]]) -> Iterator[tuple[date, date, int]]:
    """Yield first day, last day and events of runs of neighbouring days with about TOGETHER events at most."""
    if not days:
        return
    first = last = days[0][0]
    count = 0
    for day, events in days:
        if count and (day - last > _DAY or count + events > TOGETHER):
            yield first, last, count
            first, count = day, 0
        last, count = day, count + events
    yield first, last, count


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def session_events(lake: Lake, between: tuple[datetime, datetime] | None = None) -> pl.DataFrame:
    """Return event_id, event_time, session (as merged by now), joined_by and log_odds of stitched events."""
    columns = ("event_id", "event_time", "session", "joined_by", "log_odds")
    links = lake.scan("session_links", columns, between=between).collect()
    joined = links.join(roots(lake), on="session", how="left")
    return joined.with_columns(session=pl.coalesce("merged_into", "session")).drop("merged_into")


def roots(lake: Lake) -> pl.DataFrame:
    """Return session and merged_into of every session that is part of another one."""
    merges = lake.scan("session_merges", ("session", "merged_into", "revision")).collect()
    return merges.sort("revision").group_by("session").agg(pl.col("merged_into").last())


def prepared(events: pl.DataFrame) -> pl.DataFrame:
    """Add who acted, by which client, on what, as stitching and the numbers want them; events once each."""
    issuer = pl.col("user_issuer").fill_null("")
    return events.unique("event_id", keep="first", maintain_order=True).with_columns(
        person=pl.when(pl.col("user_id").is_not_null()).then(pl.concat_str(issuer, pl.lit("|"), "user_id")),
        person_kind=pl.col("user_id_kind").fill_null(""),
        client=pl.coalesce("client_oauth_id", "client_name", "agent_id"),
        product=pl.coalesce("client_oauth_id", product("client_name"), "agent_id"),
        tool=pl.concat_str(
            pl.col("server_name").fill_null(""),
            pl.lit("/"),
            pl.coalesce("tool_name", "mcp_method", "event_kind"),
        ),
    )


def _beside(events: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """Return the earlier events that new ones may belong to: of the same principal, or with an id in common."""
    who = ("person", "product", "credential_id")
    same = [events.join(fresh.select(who).unique(), on=who, how="semi", nulls_equal=True)]
    same += [events.join(fresh.select(key).unique(), on=key, how="semi") for key in KEYS]
    return pl.concat(same).unique("event_id", keep="first", maintain_order=True)


def _with_roots(events: pl.DataFrame, into: pl.DataFrame) -> pl.DataFrame:
    """Add `root`: where what an event's ids stand for has been merged into another session."""
    frame = events.with_columns(own=own_session())
    return frame.join(into.rename({"session": "own", "merged_into": "root"}), on="own", how="left").drop(
        "own"
    )


def _arrow(frame: pl.DataFrame, table: str) -> pa.Table:
    schema = TABLES[table].schema
    if frame.width == 0:
        return schema.empty_table()
    return pa.table(frame.select(schema.names).to_arrow()).cast(schema)


# --- the model as plain data ------------------------------------------------------------------------------------


def read_model(lake: Lake) -> Model:
    """Return what the last run learned; the usual beliefs before the first."""
    kept = lake.scan("models", ("name", "revision", "body")).filter(pl.col("name") == "sessions").collect()
    if not kept.height:
        return Model()
    body = json.loads(kept.sort("revision")["body"][-1])
    clients = {name: Gaps(*numbers) for name, numbers in body["clients"].items()}
    return Model(clients, Gaps(*body["usual"]), Habits(**body["habits"]))


def _plain(model: Model) -> dict[str, object]:
    return {
        "usual": as_list(model.usual),
        "clients": {name: as_list(gaps) for name, gaps in sorted(model.clients.items())},
        "habits": asdict(model.habits),
    }
