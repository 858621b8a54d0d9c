"""Ways around a denial that cross sessions: what one person was denied in one session and reached in another."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from analytics.timeline import over, text, with_ways_around

if TYPE_CHECKING:
    import pyarrow as pa

    from store.lake import AsOf, Lake

BOUND = timedelta(hours=4)
"""How long after a denial a call of the same person in another session may count as its way around."""
MOST = 50_000
"""Events of other sessions that are looked at; the earliest are taken."""

_SHARED = (
    "event_id", "event_time", "event_class", "tool_name", "server_name", "resource_uri", "args_keys", "args_hmac",
    "args_leaves", "outcome", "credential_id", "client", "denied", "reached", "session",
)  # fmt: skip


def ways_elsewhere(lake: Lake, story: pa.Table, as_of: AsOf = None) -> list[dict[str, Any]]:
    """Return the denials got around by a person of this session with one side here and the other in another session.

    A row has denied_event, reached_event, link, way, both tools, servers, times and sessions.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    people = _names(story, "user_id")
    addresses = [address.lower() for address in _names(story, "user_email")]
    if not people and not addresses:
        return []
    times = pc.min_max(story["event_time"]).as_py()
    denied_here = bool(pc.any(story["denied"]).as_py())
    asked: dict[str, Any] = {
        "people": people or [""], "addresses": addresses or [""], "since": times["min"] - BOUND,
        "until": times["max"] + (BOUND if denied_here else timedelta()), "most": MOST,
    }  # fmt: skip

    def others_of(also_reached: bool) -> pa.Table:
        found = lake.sql(text("elsewhere.sql"), {**asked, "also_reached": also_reached}, as_of).arrow()
        return found.filter(pc.invert(pc.is_in(found["event_id"], story["event_id"])))

    others = others_of(denied_here)
    if others.num_rows and not denied_here:
        others = others_of(also_reached=True)
    if not others.num_rows:
        return []
    here = story.select(_SHARED).append_column("here", pa.array([True] * story.num_rows))
    there = others.select(_SHARED).append_column("here", pa.array([False] * others.num_rows))
    person = pa.concat_tables([here, there], promote_options="permissive")
    with closing(over(person=person)) as told:
        pairs = told.sql(
            with_ways_around(text("elsewhere_pairs.sql")), params={"bound": BOUND.total_seconds()}
        )
        found: list[dict[str, Any]] = pairs.to_arrow_table().to_pylist()
    return found


def _names(story: pa.Table, column: str) -> list[str]:
    return sorted({value for value in story[column].unique().to_pylist() if value})
