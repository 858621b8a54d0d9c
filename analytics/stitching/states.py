"""Sessions in numbers, and the denials that were got around in another session of the same person."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import polars as pl

from analytics.elsewhere import BOUND
from analytics.timeline import over, with_ways_around

CERTAIN = 0.99
"""The confidence of a session whose every join an id makes: an id may still be forged."""
CROSSED = (
    "event_id", "event_time", "event_class", "outcome", "user_id", "user_email", "client_oauth_id", "client_name",
    "credential_id", "tool_name", "server_name", "resource_uri", "args_hmac", "args_keys", "args_leaves",
)  # fmt: skip
"""Columns of events that `crossings` asks for, beside `session`."""


def summed(story: pl.DataFrame, crossed: pl.DataFrame) -> pl.DataFrame:
    """Return a row per session with its numbers, from its events as `prepared` makes them and from `crossings`."""
    story = _placed(_told(story).with_columns(person="user"), "session")
    elsewhere = pl.DataFrame({"event_id": pl.concat([crossed["denied_event"], crossed["reached_event"]])})
    with closing(over(story=story.to_arrow(), elsewhere=elsewhere.to_arrow())) as connection:
        states: pl.DataFrame = connection.sql(_query("states.sql"), params={"certain": CERTAIN}).pl()
        return states


def crossings(events: pl.DataFrame, sessions: Collection[str]) -> pl.DataFrame:
    """Return denials that people of some sessions got around in another session, within BOUND, by another way.

    A row has denied_event, denied_session, reached_event and reached_session. An id that an address stands behind is
    one person with all others of that address.
    """
    known = (
        events.filter(pl.col("user_email").is_not_null())
        .group_by("user_id")
        .agg(address=pl.col("user_email").min())
    )
    events = events.join(known, on="user_id", how="left").with_columns(
        who=pl.coalesce(pl.coalesce("user_email", "address").str.to_lowercase(), "user_id"),
        client=pl.coalesce("client_oauth_id", "client_name"),
    )
    events = _told(events).filter(pl.col("who").is_not_null() & (pl.col("denied") | pl.col("reached")))
    asked = pl.col("session").is_in(sorted(sessions)).any().over("who")
    people = events.filter(asked & pl.col("denied").any().over("who"))
    with closing(over(people=_placed(people, "who").to_arrow())) as connection:
        found: pl.DataFrame = connection.sql(
            _query("crossings.sql"), params={"bound": BOUND.total_seconds()}
        ).pl()
        return found


def _told(events: pl.DataFrame) -> pl.DataFrame:
    """Add who acted, and whether a call was attempted, denied, or reached a server."""
    return events.with_columns(
        user=pl.coalesce("user_email", "user_id"),
        denied=pl.col("event_class") == "denial",
        attempted=pl.col("event_class").is_in(["tool_call", "denial"]),
        reached=(pl.col("event_class") == "tool_call")
        & pl.col("outcome").is_in(["success", "tool_error", "input_required"]),
    )


def _placed(events: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add the place of each event, in order of time, among those that have a column in common."""
    ordered = events.sort(column, "event_time", "event_id")
    return ordered.with_columns(place=pl.int_range(pl.len()).over(column))


def _query(name: str) -> str:
    return with_ways_around(Path(__file__).with_name(name).read_text("utf-8"))
