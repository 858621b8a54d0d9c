"""`tooltrail review status NAME`: few rows however many items there are, and what is late by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.review import ledger
from analytics.review.campaign import Arithmetic, Campaign, Verdict
from console import review_status
from console.options import Place
from console.output import Output
from store.lake import Lake

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SUMS = Arithmetic(30, 30, 0, 0, {}, 25, ())
CAMPAIGN = Campaign(
    name="q1", status="overdue", created_at=NOW, created_by="dora", due_at=NOW, overdue_policy="escalate",
    reviewers=(), decisions=(), quality=(), arithmetic=SUMS, closures=(), previous=None, changes=(), seal=None,
    verdicts=(
        *(Verdict(f"{n:064x}", "open", None, None, None, None) for n in range(25)),
        *(Verdict(f"{n:064x}", "decided", "keep", "overdue: keep", None, None) for n in range(25, 30)),
    ),
)  # fmt: skip
ITEMS = [
    {
        "item_id": f"{n:064x}",
        "principal": "ana\x1b[31m",
        "server_name": "github",
        "tool_name": "*",
        "advice": "keep",
    }
    for n in range(30)
]


def shown(
    lake: Lake, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, every: bool
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Return the lines of stdout and stderr."""

    def standing(*_args: object, **_more: object) -> Campaign:
        return campaign

    def items(*_args: object) -> list[dict[str, Any]]:
        return ITEMS

    monkeypatch.setattr(review_status, "campaign_of", standing)
    monkeypatch.setattr(ledger, "items_of", items)
    review_status.print_status(Place(lake.path), Output("csv"), "q1", every=every)
    told = capsys.readouterr()
    return told.out.splitlines(), told.err.splitlines()


def test_items_that_stand_alike_are_one_row(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is open comes first; --items prints each."""
    rows, _ = shown(lake, CAMPAIGN, monkeypatch, capsys, every=False)
    assert rows == ["status,by,outcome,enforced,items", "open,,,,25", "decided,overdue: keep,keep,,5"]
    rows, _ = shown(lake, CAMPAIGN, monkeypatch, capsys, every=True)
    assert len(rows) == 31


def test_what_is_late_is_named_up_to_a_bound(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first ten by name, made harmless, and how many more there are; before its day nothing is late."""
    _, lines = shown(lake, CAMPAIGN, monkeypatch, capsys, every=False)
    late = [line for line in lines if line.startswith("late:")]
    assert (len(late), late[-1]) == (11, "late: 15 more, with --items")
    assert late[0].endswith("github/*: open, overdue")
    assert "\x1b" not in late[0]
    _, lines = shown(lake, replace(CAMPAIGN, status="open"), monkeypatch, capsys, every=False)
    assert not [line for line in lines if line.startswith("late:")]
