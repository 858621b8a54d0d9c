"""The report of an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.catalog import Report, Request

if TYPE_CHECKING:
    from reports.page import Page
    from store.lake import Lake


def build(lake: Lake, request: Request) -> Page:
    """Return the report of an incident; of the riskiest where none is named."""
    from reports.incident.context import incident_page

    return incident_page(lake, request)


REPORT = Report(
    "Tell one incident: its findings in order of time, who and what is in it, evidence, and what to do next.",
    build,
    "INCIDENT",
    subject_needed=False,
    more="INCIDENT is the beginning of an id of `tooltrail findings incidents`; without one it is the riskiest.",
    example="tooltrail report incident 156df75e --out reports",
)
