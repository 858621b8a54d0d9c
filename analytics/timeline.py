"""A session in order: what was attempted, decided and reached, and which denials were got around."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import UsageError

if TYPE_CHECKING:
    from store.lake import AsOf, Lake
    from store.sql import Answer

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
class Timeline:
    """A session's summary and its events in order, both of one version of the lake."""

    summary: Summary
    rows: Answer


def timeline(lake: Lake, session: str, as_of: AsOf = None) -> Timeline:
    """Return the timeline of a session, named by its key, a unique prefix of it, or the raw session id.

    Raises UsageError when no session, or more than one, fits.
    """
    key = find_session(lake, session, as_of)
    whole, bound = _whole(lake, key, as_of)
    rows = lake.sql(_query("timeline.sql", whole), {"session": key, **bound}, as_of)
    version = rows.version if as_of is None else as_of
    summary = lake.sql(_query("timeline_summary.sql", whole), {"session": key, **bound}, version)
    return Timeline(Summary(session=key, **summary.arrow().to_pylist()[0]), rows)


_SPAN = "SELECT first, last, joined_by FROM sessions WHERE session = $session"
_BY_KEY = "session_key = $session"
_STITCHED = """event_time BETWEEN $first AND $last
AND event_id IN (SELECT event_id FROM session_events WHERE session = $session)"""


def _whole(lake: Lake, session: str, as_of: AsOf) -> tuple[str, dict[str, datetime]]:
    """Return the condition that finds a session's events, and what it binds.

    Where its id alone makes the session, the id finds them, those too that came in since sessions were stitched.
    """
    rows = lake.sql(_SPAN, {"session": session}, as_of).arrow().to_pylist()
    if not rows or rows[0]["joined_by"] == ["session_id"]:
        return _BY_KEY, {}
    return _STITCHED, {"first": rows[0]["first"], "last": rows[0]["last"]}


def find_session(lake: Lake, session: str, as_of: AsOf = None) -> str:
    """Return the session meant by its id, a unique prefix of one, or a raw session id."""
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
def _query(name: str, events: str) -> str:
    text, ways = (Path(__file__).with_name(n).read_text("utf-8") for n in (name, "ways_around.sql"))
    return text.replace("{events}", events).replace("{ways_around}", ways)
