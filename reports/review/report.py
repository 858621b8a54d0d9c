"""The report of an entitlement review."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reports.catalog import Report, Request
from store.errors import UsageError

if TYPE_CHECKING:
    from analytics.review.campaign import Campaign
    from analytics.review.model import Assessment
    from reports.asking import Source
    from reports.page import Page
    from store.lake import Lake


def build(lake: Lake, request: Request) -> Page:
    """Return the report of the campaign that is named; without one a draft, which nobody was asked to decide."""
    from reports.asking import Source

    source = Source.of(lake, request)
    return _campaign(source, request.subject) if request.subject else _draft(source)


def _draft(source: Source) -> Page:
    from analytics.review.assess import assess
    from analytics.review.basis import Scope
    from reports.review.context import review_page

    request, moment = source.request, source.moment()
    means = request.means
    until = request.until or (source.last() or moment) + timedelta(microseconds=1)
    since = request.since or until - timedelta(days=means.period_days)
    if since >= until:
        raise UsageError("the period ends before it begins", hint="--since is before --until")
    scope = Scope(
        since, until, request.servers, request.principals, least_days=means.least_days,
        window_hours=means.window_hours, most_windows=means.most_windows,
    )  # fmt: skip
    found = assess(
        source.lake,
        scope,
        request.as_of,
        version=_import_at(source, moment),
        moment=moment,
        settings=means.bounds,
    )
    asked = Request(since=since, until=until, servers=request.servers, principals=request.principals)
    return review_page(found, command=source.command("review", asked))


def _campaign(source: Source, name: str) -> Page:
    """Return what was frozen when the campaign began, with what was decided up to the moment that is asked of."""
    from analytics.review.ledger import campaign_row, frozen_assessment
    from analytics.review.standing import campaign_of

    if source.request.as_of is not None:
        raise UsageError(
            "a campaign is reported as it stands", hint="leave out --as-of: what was frozen stays frozen"
        )
    means = source.request.means
    found = frozen_assessment(source.lake, campaign_row(source.lake, name), means.bounds)
    campaign = campaign_of(source.lake, name, now=source.moment(), enforce_hours=means.enforce_hours)
    return campaign_page(found, campaign)


def campaign_page(found: Assessment, campaign: Campaign) -> Page:
    """Return the report of what was frozen for a campaign, with what was decided of it."""
    from reports.review.context import review_page

    return review_page(found, campaign, f"tooltrail report review {shlex.quote(campaign.name)}")


def _import_at(source: Source, moment: datetime) -> int | None:
    """Return the last import of entitlements at a moment; None: there was none."""
    question = "SELECT max(version) AS version FROM entitlement_imports WHERE import_time <= $moment"
    found: int | None = source.lake.sql(question, {"moment": moment}).arrow()["version"][0].as_py()
    return found


REPORT = Report(
    "Review what is granted against what was used: what to revoke, to narrow, to make just-in-time, and why.", build,
    "REVIEW", subject_needed=False,
    more="REVIEW is one of `tooltrail review status`; without it a draft is made of the period: [review] period_days to"
    " the newest event, or --since to --until.",
    example="tooltrail report review --since 2026-07-01 --until 2026-10-01 --out reports",
    mailed=("grants", "not_granted"),
)  # fmt: skip
