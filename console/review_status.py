"""How a review stands, at the console: few rows that sum its items up, or every item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from analytics.review import ledger
from analytics.review.campaign import Campaign, Verdict
from analytics.review.standing import campaign_of
from console.exits import say
from console.options import Place
from console.output import Output, rows_of
from console.terminal import visible

MOST = 10
"""How many items that are late are named."""
_ORDER = ("open", "second_stage", "disputed", "decided")
_SUMMED = ("status", "by", "outcome", "enforced", "items")
_ITEM = ("item", "principal", "server", "tool", "advice", "status", "outcome", "by", "enforced")
_LISTED = """
SELECT review,
       CASE WHEN closed_at IS NOT NULL THEN 'closed' WHEN now() >= due_at THEN 'overdue' ELSE 'open' END AS status,
       items + strays AS items, (SELECT count(DISTINCT item_id) FROM review_verdicts v WHERE v.review = c.review
       AND v.status = 'decided') AS decided, created_by, created_at, due_at, overdue, closed_at
FROM campaigns c ORDER BY created_at DESC"""


def print_status(place: Place, output: Output, name: str | None, *, every: bool) -> None:
    """Print all reviews; of one how many items stand how by whom, or every item, and on stderr what is late."""
    lake = place.open_to_ask()
    if name is None:
        output.write(lake.sql(_LISTED))
        return
    campaign = campaign_of(lake, name, enforce_hours=place.settings().review.enforce_within / 3600)
    known = {row["item_id"]: row for row in ledger.items_of(lake, name)}
    followed = {closure.item_id: closure.status for closure in campaign.closures}
    rows = [_row(known[v.item_id], v, followed.get(v.item_id)) for v in campaign.verdicts]
    for line in (*_standing(campaign), *_late(campaign, rows)):
        say(line)
    output.write(rows_of(rows, _ITEM) if every else rows_of(list(_summed(rows)), _SUMMED))


def _row(item: Mapping[str, Any], verdict: Verdict, enforced: str | None) -> dict[str, Any]:
    last = verdict.second or verdict.first
    return {
        "item": item["item_id"][:8], "principal": item["principal"], "server": item["server_name"],
        "tool": item["tool_name"], "advice": item["advice"], "status": verdict.status, "outcome": verdict.outcome,
        "by": last.reviewer if last else verdict.closed_by, "enforced": enforced,
    }  # fmt: skip


def _summed(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield how many items stand alike, what is open first."""
    counts = Counter(tuple(row[name] for name in _SUMMED[:-1]) for row in rows)
    for alike, count in sorted(
        counts.items(), key=lambda pair: (_ORDER.index(pair[0][0]), [text or "" for text in pair[0][1:]])
    ):
        yield {**dict(zip(_SUMMED, alike, strict=False)), "items": count}


def _late(campaign: Campaign, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the first of what is late: items open past their day, revocations that were not carried out."""
    late = [row for row in rows if row["enforced"] in ("still_reachable", "overdue")]
    if campaign.status == "overdue":
        late += [row for row in rows if row["outcome"] is None]
    for row in late[:MOST]:
        why = (row["enforced"] or f"{row['status']}, overdue").replace("_", " ")
        yield f"late: {row['item']} {visible(row['principal'])}, {visible(row['server'])}/{visible(row['tool'])}: {why}"
    if len(late) > MOST:
        yield f"late: {len(late) - MOST:,} more, with --items"


def _standing(campaign: Campaign) -> Iterator[str]:
    sums = campaign.arithmetic
    yield f"{campaign.name} is {campaign.status}, due {campaign.due_at:%Y-%m-%d} (overdue: {campaign.overdue_policy})"
    yield (
        f"population {sums.population:,} = reviewed {sums.reviewed:,} + excluded {sums.excluded:,} "
        f"+ orphan {sums.orphan:,}; "
        + ", ".join(f"{name} {count:,}" for name, count in sums.by_decision.items())
        + f", open {sums.open_items:,}"
    )
    yield from (f"open: {fault}" for fault in sums.faults)
    for quality in campaign.quality:
        stamp = ": approves nearly all in no time" if quality.rubber_stamp else ""
        yield (
            f"{quality.reviewer} decided {quality.decisions:,} in {quality.batches:,} batches, "
            f"{quality.median_seconds:,.0f} s each{stamp}"
        )
    for what in ("still_reachable", "overdue"):
        count = sum(closure.status == what for closure in campaign.closures)
        if count:
            yield f"{count:,} revocations are {what.replace('_', ' ')}"
    if campaign.seal is not None:
        yield f"sealed by {campaign.seal.closed_by} on {campaign.seal.closed_at:%Y-%m-%d}: {campaign.seal.digest}"
