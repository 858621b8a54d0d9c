"""The report of an entitlement review."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from reports.catalog import Report, Request

if TYPE_CHECKING:
    from reports.asking import Source
    from reports.page import Page
    from store.lake import Lake


def build(lake: Lake, request: Request) -> Page:
    """Return a draft: what a review of the period would find, which nobody was asked to decide."""
    from analytics.review.assess import assess
    from analytics.review.basis import Scope
    from reports.asking import Source
    from reports.review.context import review_page

    source = Source.of(lake, request)
    moment = source.moment()
    scope = Scope(request.since, request.until, request.servers, request.principals)
    found = assess(lake, scope, request.as_of, version=_import_at(source, moment), moment=moment)
    bounds = Request(since=found.basis.since, until=found.basis.until)
    return review_page(found, command=source.command("review", bounds))


def _import_at(source: Source, moment: datetime) -> int | None:
    """Return the last import of entitlements at a moment; None: there was none."""
    question = "SELECT max(version) AS version FROM entitlement_imports WHERE import_time <= $moment"
    found: int | None = source.lake.sql(question, {"moment": moment}).arrow()["version"][0].as_py()
    return found


REPORT = Report(
    "Review what is granted against what was used: what to revoke, to narrow, to make just-in-time, and why.", build,
    more="The period is the ninety days before the newest event, or from --since until --until.",
    example="tooltrail report review --since 2026-07-01 --until 2026-10-01 --out reports",
)  # fmt: skip
