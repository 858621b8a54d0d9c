"""The report of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.catalog import Report, Request
from store.errors import UsageError

if TYPE_CHECKING:
    from analytics.ladder import Ladder
    from reports.page import Page
    from store.lake import Lake


def build(lake: Lake, request: Request) -> Page:
    """Return the report of the session that is asked for."""
    from analytics.ladder import ladder

    if not request.subject:
        raise UsageError("a session report is about a session", hint="`tooltrail sessions` lists them")
    return page_of(ladder(lake, request.subject, request.as_of))


def page_of(told: Ladder) -> Page:
    """Return the report of a session from its ladder."""
    from reports.page import Page
    from reports.session.context import session_page

    context = session_page(told)
    summary = [f"{words}: {count:,}" for _, words, count in context.rungs]
    stem = f"session-{told.session[:12]}"
    return Page(stem, "session/page.html.j2", context, {"events": told.rows}, context.about, summary)


REPORT = Report(
    "Tell one session: its ladder, lanes, data flow and story, every sentence with its events.", build, "SESSION",
    more="SESSION is a session_key, the beginning of one, or the raw session id as the client sent it.",
    example="tooltrail report session 3f2a --out reports",
)  # fmt: skip
