"""The client inventory as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.catalog import Report, Request

if TYPE_CHECKING:
    from reports.page import Page
    from store.lake import Lake


def build(lake: Lake, request: Request) -> Page:
    """Return the inventory of all clients that were seen, or of those first seen in a period."""
    from reports.clients.context import clients_page

    return clients_page(lake, request)


REPORT = Report(
    "List every client that was seen: what vouches for it, who used it, where, and what was found.",
    build,
    more="With --since only clients first seen from then on.",
    example="tooltrail report clients --out reports",
)
