"""Sessions at the console: the job with its progress, and the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from analytics.wording import many
from console.exits import say
from console.options import Place
from console.output import Output

if TYPE_CHECKING:
    from analytics.stitching.trust import Doubt
    from store.lake import Lake

_LIST = """
SELECT session, confidence, "user", client, first, last, calls, denied, sidestepped, anomaly, top_event,
       anomaly_reason, servers, joined_by
FROM sessions
WHERE ($user IS NULL OR "user" = $user) AND ($client IS NULL OR client = $client)
ORDER BY last DESC, session"""
_SHORT = """
SELECT left(session, 8) AS session, round(confidence, 2) AS sure, "user", client,
       strftime(first, '%m-%d %H:%MZ') AS first, calls, denied, sidestepped, round(anomaly, 2) AS anomaly
FROM ({})"""
"""For a person: what fits a line. The beginning of a session's id is enough to name it."""


def list_sessions(place: Place, output: Output, chosen: Mapping[str, str | None], *, update: bool) -> None:
    """Print the sessions that fit, after stitching what is new if asked."""
    lake = place.open_to_ask()
    if update:
        stitch_new(lake)
    output.write(lake.sql(_SHORT.format(_LIST) if output.chosen == "table" else _LIST, chosen))


def stitch_new(lake: Lake) -> None:
    """Run the sessions job and say what it did."""
    from analytics.stitching import job

    done = job.update(lake)
    if done.events:
        merged = f", {done.merged:,} merged into others" if done.merged else ""
        say(f"{many(done.events, 'new event')} in {many(done.sessions, 'session')}{merged}")
    for line in _told(done.doubts):
        say(line)
    say(f"sessions as of events version {done.version}")


def _told(doubts: Iterable[Doubt]) -> Iterable[str]:
    for doubt in doubts:
        where = f"{doubt.source_system}, client {doubt.client or 'not known'}"
        yield f"not believed: {many(doubt.keys, 'value')} of {doubt.column} ({where}): {doubt.why}"
