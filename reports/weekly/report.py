"""The weekly summary of the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.catalog import Report, Request

if TYPE_CHECKING:
    from reports.page import Page
    from store.lake import Lake


def build(lake: Lake, request: Request) -> Page:
    """Return the summary of seven days, compared with the seven before."""
    from reports.weekly.context import weekly_page

    return weekly_page(lake, request)


REPORT = Report(
    "Sum up seven days of the fleet beside the seven before: volume, denials, what is new, findings, debt.",
    build,
    more="The seven days end with the newest event's day, or before --until. --since is not taken.",
    example="tooltrail report weekly --until 2026-10-08 --out reports",
)
