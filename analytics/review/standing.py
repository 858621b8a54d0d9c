"""How a campaign stands: what is decided, whether it adds up, how reviewers worked, what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from analytics.review import ledger
from analytics.review.campaign import DECISIONS, Arithmetic, Campaign, Decision, ReviewerQuality, Verdict
from analytics.review.changes import changes_of
from analytics.review.closures import closures_of
from analytics.review.identities import Identities
from analytics.review.seals import seal_of
from store.lake import Lake

Row = Mapping[str, Any]
APPROVED, HASTE = 0.95, 10.0
"""More than this share approved, at fewer seconds each than this, is the mark of a rubber stamp."""


def campaign_of(lake: Lake, name: str, *, now: datetime | None = None, enforce_hours: float = 24) -> Campaign:
    """Return a campaign with its decisions, sums, evidence of closure, and what changed since the one before."""
    row, moment = ledger.campaign_row(lake, name), now or datetime.now(UTC)
    items, decisions = ledger.checked_items(lake, row), ledger.decisions_of(lake, name)
    verdicts = verdicts_of(row, items, decisions, moment)
    closures = closures_of(lake, items, verdicts, moment, enforce_hours)
    return Campaign(
        name=name, status=_status(row, moment), created_at=row["created_at"], created_by=row["created_by"],
        due_at=row["due_at"], overdue_policy=row["overdue"], reviewers=tuple(row["reviewers"]),
        verdicts=verdicts, decisions=tuple(decisions), quality=tuple(_quality(lake, items, decisions)),
        arithmetic=arithmetic_of(row, items, verdicts), closures=closures, previous=row["previous"],
        changes=changes_of(lake, row["previous"], items), seal=seal_of(row),
    )  # fmt: skip


def _status(row: Row, moment: datetime) -> str:
    if row["closed_at"] is not None:
        return "closed"
    return "overdue" if moment >= row["due_at"] else "open"


def verdicts_of(
    row: Row, items: Sequence[Row], decisions: Sequence[Decision], moment: datetime
) -> tuple[Verdict, ...]:
    """Return what stands for each item: decisions, or past their day what the overdue policy makes of none."""
    stages: dict[tuple[str, int], Decision] = {}
    for decision in decisions:
        stages[decision.item_id, decision.stage] = decision
    late = (row["closed_at"] or moment) >= row["due_at"]
    policy = row["overdue"] if late and row["overdue"] != "escalate" else None
    return tuple(_verdict(item, stages, policy) for item in items if item["what"] != "excluded")


def _verdict(item: Row, stages: Mapping[tuple[str, int], Decision], overdue: str | None) -> Verdict:
    key = item["item_id"]
    first, second = stages.get((key, 1)), stages.get((key, 2))
    if second is not None and (first is None or second.decided_at <= first.decided_at):
        second = None  # the first was decided anew: somebody has to look again
    status = _stage_status(item, first, second)
    if status == "decided":
        assert first is not None
        return Verdict(key, status, first.decision, "reviewer", first, second)
    if overdue is not None:
        return Verdict(key, status, overdue, f"overdue: {overdue}", first, second)
    return Verdict(key, status, None, None, first, second)


def _stage_status(item: Row, first: Decision | None, second: Decision | None) -> str:
    if first is None:
        return "open"
    if not item["privileged"]:
        return "decided"
    if second is None:
        return "second_stage"
    return "decided" if first.decision == second.decision else "disputed"


# --- sums -------------------------------------------------------------------------------------------------------


def arithmetic_of(row: Row, items: Sequence[Row], verdicts: Sequence[Verdict]) -> Arithmetic:
    """Return the sums of a campaign, with every way in which they do not close."""
    excluded = sum(item["what"] == "excluded" for item in items)
    orphans = {item["item_id"] for item in items if item["orphan"] and item["what"] != "excluded"}
    reviewed = len(items) - excluded - len(orphans)
    by_decision: Counter[str] = Counter(v.outcome for v in verdicts if v.outcome is not None)
    open_ = [v for v in verdicts if v.outcome is None]
    return Arithmetic(
        population=len(items), reviewed=reviewed, excluded=excluded, orphan=len(orphans),
        by_decision={name: by_decision[name] for name in DECISIONS}, open_items=len(open_),
        faults=tuple(_faults(row, items, verdicts, open_, by_decision)),
    )  # fmt: skip


def _faults(
    row: Row,
    items: Sequence[Row],
    verdicts: Sequence[Verdict],
    open_: Sequence[Verdict],
    by_decision: Counter[str],
) -> Iterator[str]:
    recorded = row["items"] + row["strays"] + row["excluded"]
    if recorded != len(items):
        yield f"the population was {recorded:,} when the review began, and {len(items):,} are there"
    if sum(by_decision.values()) + len(open_) != len(verdicts):
        yield "decisions and open items do not add up to what is under review"
    for status, words in (
        ("open", "are not decided"), ("second_stage", "wait for a second reviewer"),
        ("disputed", "were decided differently by two"),
    ):  # fmt: skip
        those = [v for v in open_ if v.status == status]
        if those:
            yield f"{len(those):,} items {words}: {_few(those)}"


def _few(verdicts: Sequence[Verdict]) -> str:
    shown = ", ".join(v.item_id[:8] for v in verdicts[:5])
    return f"{shown} and {len(verdicts) - 5:,} more" if len(verdicts) > 5 else shown


# --- reviewers --------------------------------------------------------------------------------------------------


def _quality(lake: Lake, items: Sequence[Row], decisions: Sequence[Decision]) -> Iterator[ReviewerQuality]:
    """Yield how each reviewer worked, those of most decisions first."""
    people = Identities.of(lake, [d.reviewer for d in decisions])
    known = {item["item_id"]: item for item in items}
    by_reviewer: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_reviewer.setdefault(people.key(decision.reviewer), []).append(decision)
    managers = _managers(lake, people)
    for _, made in sorted(by_reviewer.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        relations = Counter(_relation(people, managers, d, known[d.item_id]) for d in made)
        yield _worked(made, dict(sorted(relations.items())))


def _worked(made: Sequence[Decision], relations: dict[str, int]) -> ReviewerQuality:
    approved = sum(d.decision in ("keep", "exception") for d in made)
    sizes = Counter(d.batch for d in made)
    seconds = sum(d.seconds for d in made) / len(made)
    return ReviewerQuality(
        reviewer=made[0].reviewer, decisions=len(made), approved=approved, batches=len(sizes),
        largest_batch=max(sizes.values()), median_seconds=median(d.seconds for d in made), seconds_per_decision=seconds,
        overrides=sum(d.overrides is not None for d in made), first=made[0].decided_at, last=made[-1].decided_at,
        relations=relations,
        rubber_stamp=len(made) >= 10 and approved > APPROVED * len(made) and median(d.seconds for d in made) < HASTE,
    )  # fmt: skip


def _managers(lake: Lake, people: Identities) -> dict[str, str]:
    """Return who manages whom, as the roster says: the owner of a person is their manager."""
    rows = lake.sql(
        "SELECT principal, owner FROM principals WHERE principal_kind = 'human' AND owner IS NOT NULL"
    ).arrow()
    return {people.key(row["principal"]): people.key(row["owner"]) for row in rows.to_pylist()}


def _relation(people: Identities, managers: Mapping[str, str], decision: Decision, item: Row) -> str:
    """Return what a reviewer is to what was reviewed; the first that holds."""
    me = people.key(decision.reviewer)
    if managers.get(people.key(item["principal"])) == me:
        return "manager"
    if item["owner"] and people.key(item["owner"]) == me:
        return "owner"
    if item["granted_by"] and people.key(item["granted_by"]) == me:
        return "granter"
    return "none known"
