"""The tables beside the page of a review, each whole."""

from __future__ import annotations

from dataclasses import fields

import pyarrow as pa

from analytics.review import campaign as campaigns
from analytics.review import sections
from analytics.review.basis import Query, SourceCoverage
from analytics.review.campaign import Campaign
from analytics.review.model import Assessment, Cell, Item, State, Stray
from reports.review import rows
from reports.review.frameworks import framework_rows
from reports.review.rows import as_table

_LISTS = {
    "standing": sections.Standing, "late_uses": sections.LateUse, "dormant": sections.Dormant,
    "inherited": sections.Inherited, "toxic": sections.Toxic, "attempts": sections.Attempt,
    "findings": sections.FindingNote, "exclusions": sections.Exclusion, "queries": Query,
}  # fmt: skip
_CAMPAIGN = {
    "decisions": campaigns.Decision, "quality": campaigns.ReviewerQuality, "closures": campaigns.Closure,
    "changes": campaigns.Change,
}  # fmt: skip


def tables_of(found: Assessment, campaign: Campaign | None) -> dict[str, pa.Table]:
    """Return every table by its name."""
    made = {
        "grants": as_table(rows.item_rows(found), [f.name for f in fields(Item)]),
        "not_granted": as_table(rows.stray_rows(found), [f.name for f in fields(Stray)]),
        "states": as_table(rows.state_rows(found), ["server", *State]),
        "matrix": as_table(rows.cell_rows(found), [f.name for f in fields(Cell)]),
        "policies": as_table(rows.policy_rows(found), [f.name for f in fields(sections.Policy)]),
        "frameworks": as_table(framework_rows(found)),
        "sources": _table(SourceCoverage, found.coverage.sources),
    }
    made |= {name: _table(kind, getattr(found, name)) for name, kind in _LISTS.items()}
    if found.debt is not None:
        made["credentials"] = found.debt.by("credential")
        made["pay_first"] = found.debt.pay_first()
        made["burn_down"] = found.debt.weeks("server")
    if campaign is not None:
        made |= {name: _table(kind, getattr(campaign, name)) for name, kind in _CAMPAIGN.items()}
    return made


def _table(kind: type, found: tuple[object, ...]) -> pa.Table:
    return as_table(rows.plain_rows(found), [f.name for f in fields(kind)])  # type: ignore[arg-type]
