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
_FIND = "SELECT DISTINCT session_key FROM events WHERE {} ORDER BY 1 LIMIT 6"


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
    rows = lake.sql(_query("timeline.sql"), {"session": key}, as_of)
    version = rows.version if as_of is None else as_of
    values = lake.sql(_query("timeline_summary.sql"), {"session": key}, version).arrow().to_pylist()[0]
    return Timeline(Summary(session=key, **values), rows)


def find_session(lake: Lake, session: str, as_of: AsOf = None) -> str:
    """Return the session_key meant by a key, a unique prefix of one, or a raw session id."""
    for key in (session.lower(), lake.session_key(session)):
        if _KEY.fullmatch(key) and _keys(lake, "session_key = $key", key, as_of):
            return key
    prefix = session.lower()
    if len(prefix) < _SHORTEST_PREFIX or not _KEY.fullmatch(prefix):
        raise _unknown("no session has this id")
    found = _keys(lake, "starts_with(session_key, $key)", prefix, as_of)
    if not found:
        raise _unknown(f"no session begins with {prefix}")
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
        raise UsageError(f"{prefix} begins more than one session", hint=f"give more of it: {shown}")
    return found[0]


def _keys(lake: Lake, condition: str, key: str, as_of: AsOf) -> list[str]:
    rows = lake.sql(_FIND.format(condition), {"key": key}, as_of).arrow()
    return [str(value) for value in rows.column(0).to_pylist()]


def _unknown(message: str) -> UsageError:
    return UsageError(
        message, hint='list them: tooltrail sql "SELECT session_key, count(*) FROM events GROUP BY 1"'
    )


@cache
def _query(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")
