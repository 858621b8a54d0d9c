"""A session in order: what was attempted, decided and reached, and which denials were got around."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from analytics import engine
from store.errors import UsageError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from store.lake import AsOf, Lake

_KEY = re.compile(r"[0-9a-f]{1,32}")
_SHORTEST_PREFIX = 4
_SHOWN = 5
_FIND = """
SELECT DISTINCT coalesce(r.merged_into, known.session) AS session FROM (
    SELECT session FROM sessions WHERE {0}
    UNION SELECT session_key AS session FROM events WHERE {1}
    UNION SELECT session FROM session_merges WHERE {0}
) known LEFT JOIN session_roots r ON r.session = known.session ORDER BY 1 LIMIT 6"""


@dataclass(frozen=True)
class Summary:
    """One session in a few numbers and names. `reached` counts calls a server answered."""

    session: str
    first: datetime
    last: datetime
    events: int
    attempted: int
    denied: int
    reached: int
    users: list[str]
    clients: list[str]
    credentials: list[str]
    servers: list[str]


@dataclass(frozen=True)
class Rows:
    """The events of a session in order, one row each, and the version of the events table they were taken from."""

    table: pa.Table
    version: int

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self.table.schema

    def batches(self) -> Iterable[pa.RecordBatch]:
        """Return the rows, batch by batch."""
        return list(self.table.to_batches())


@dataclass(frozen=True)
class Timeline:
    """A session's summary and its events in order, both of one version; `story` has what they were told from."""

    summary: Summary
    rows: Rows
    story: pa.Table


def timeline(lake: Lake, session: str, as_of: AsOf = None) -> Timeline:
    """Return the timeline of a session, named by its id, a unique prefix of it, or the raw session id.

    The lake is read once. Raises UsageError when no session, or more than one, fits.
    """
    key = find_session(lake, session, as_of)
    condition, span = _whole(lake, key, as_of)
    question = text("timeline_events.sql").replace("{events}", condition)
    answer = lake.sql(question, {"session": key, **span}, as_of)
    story = answer.arrow()
    with closing(over(story=story)) as told:
        summary = told.sql(text("timeline_summary.sql")).to_arrow_table().to_pylist()[0]
        rows = told.sql(with_ways_around(text("timeline.sql"))).to_arrow_table()
    return Timeline(Summary(session=key, **summary), Rows(rows, answer.version), story)


def over(**tables: pa.Table) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of its own that sees these tables by their names."""
    connection = engine.connect({"threads": 2})
    for name, table in tables.items():
        connection.register(name, table)
    return connection


_SPAN = "SELECT first, last, joined_by FROM sessions WHERE session = $session"
_BY_KEY = "session_key = $session"
_STITCHED = """event_time BETWEEN $first AND $last
AND e.event_id IN (SELECT event_id FROM session_events WHERE session = $session)"""


def _whole(lake: Lake, session: str, as_of: AsOf) -> tuple[str, dict[str, datetime | None]]:
    """Return the condition that finds a session's events, and the time in which they were stitched.

    Where its id alone makes the session, the id finds them, those too that came in since sessions were stitched.
    """
    rows = lake.sql(_SPAN, {"session": session}, as_of).arrow().to_pylist()
    if not rows:
        return _BY_KEY, {"first": None, "last": None}
    span = {"first": rows[0]["first"], "last": rows[0]["last"]}
    return _BY_KEY if rows[0]["joined_by"] == ["session_id"] else _STITCHED, span


def find_session(lake: Lake, session: str, as_of: AsOf = None) -> str:
    """Return the session meant by its id, a unique prefix of one, or a raw session id; space around it is ignored."""
    session = session.strip()  # a CSV line's end, as `$(tooltrail sql --output csv ... | tail -1)` has one
    for key in (session.lower(), lake.session_key(session)):
        if _KEY.fullmatch(key) and (found := _keys(lake, "session = $key", key, as_of)):
            return found[0]
    prefix = session.lower()
    if len(prefix) < _SHORTEST_PREFIX or not _KEY.fullmatch(prefix):
        raise _unknown("no session has this id")
    found = _keys(lake, "starts_with(session, $key)", prefix, as_of)
    if not found:
        raise _unknown(f"no session begins with {prefix}")
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
        raise UsageError(f"{prefix} begins more than one session", hint=f"give more of it: {shown}")
    return found[0]


def _keys(lake: Lake, condition: str, key: str, as_of: AsOf) -> list[str]:
    by_key = condition.replace("session", "session_key", 1)
    rows = lake.sql(_FIND.format(condition, by_key), {"key": key}, as_of).arrow()
    return [str(value) for value in rows.column(0).to_pylist()]


def _unknown(message: str) -> UsageError:
    return UsageError(message, hint="`tooltrail sessions` lists them")


@cache
def text(name: str) -> str:
    """Return a question of this folder."""
    return Path(__file__).with_name(name).read_text("utf-8")


def with_ways_around(question: str) -> str:
    """Return a question over `story` with the expression it names by {ways_around} filled in."""
    return question.replace("{ways_around}", text("ways_around.sql"))
