"""Decisions: who may make which, with what reason, and that all of a batch is taken in or nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from analytics.review import ledger
from analytics.review.campaign import DECISIONS, Decision
from analytics.review.identities import Identities
from store.commit import Advance
from store.errors import UsageError
from store.lake import Lake
from store.tables import TABLES

Row = Mapping[str, Any]
LONGEST_DEFERRAL = timedelta(days=30)
FOLLOWS = {
    "keep": ("keep",), "revoke": ("revoke",), "narrow": ("modify",), "make_jit": ("modify",),
    "confirm_denied": ("revoke",),
    "wait": ("keep", "defer"), "grant_or_deny": (), "mark_owner": (), "cannot_tell": (),
}  # fmt: skip
"""Decisions that follow each recommendation; every other departs from it and needs a reason."""
_MOST_FAULTS = 20


@dataclass(frozen=True)
class Choice:
    """One decision as it is asked for. `item` is an id or the beginning of one, `place` where it stands in a file.

    `columns` says in which column of the file each field stands.
    """

    item: str
    decision: str
    reason: str
    reviewer: str
    owner: str | None = None
    due: datetime | None = None
    ticket: str | None = None
    place: str | None = None
    columns: Mapping[str, int] | None = None


@dataclass(frozen=True)
class _Fault:
    choice: Choice
    field: str
    message: str

    def __str__(self) -> str:
        if self.choice.place is None:
            return f"{self.choice.item}: {self.message}"
        return f"{self.choice.place}:{(self.choice.columns or {}).get(self.field, 1)}: {self.message}"


def decide(
    lake: Lake, name: str, choices: Sequence[Choice], *, now: datetime | None = None
) -> list[Decision]:
    """Take decisions in as one batch; durable when this returns, and nothing of it where one of them is wrong.

    Raises UsageError that names every fault with its place, FencedError when another batch came in between.
    """
    campaign = ledger.campaign_row(lake, name)
    if campaign["closed_at"] is not None:
        raise UsageError(
            f"{name} was closed on {campaign['closed_at']:%Y-%m-%d}: nothing more is decided in it"
        )
    last, _ = lake.position("review_decisions", _batches(name))
    items = ledger.checked_items(lake, campaign)
    made = ledger.decisions_of(lake, name)
    judge = _Judge(
        campaign, items, made, Identities.of(lake, [c.reviewer for c in choices]), now or datetime.now(UTC)
    )
    judged = [judge.judged(choice) for choice in choices]
    faults = [fault for _, found in judged for fault in found] + list(_twice(choices, judged))
    if faults or not judged:
        _refuse(faults)
    number = (last or 0) + 1
    decisions = judge.decisions([(choice, item) for (item, _), choice in zip(judged, choices, strict=True)])
    rows = [
        {**asdict(d), "review": name, "batch_number": number, "decided_date": d.decided_at.date()}
        for d in decisions
    ]
    table = pa.Table.from_pylist(rows, TABLES["review_decisions"].schema)
    lake.append("review_decisions", table, [Advance(_batches(name), last, number)])
    return decisions


def _batches(name: str) -> str:
    return f"review-decisions:{name}"


def _twice(choices: Sequence[Choice], judged: Sequence[tuple[Row, list[_Fault]]]) -> Iterator[_Fault]:
    seen: set[tuple[str, str]] = set()
    for choice, (item, _) in zip(choices, judged, strict=True):
        key = (str(item.get("item_id", choice.item)), choice.reviewer)
        if key in seen:
            yield _Fault(choice, "item", "this item is decided twice in one go")
        seen.add(key)


def _refuse(faults: Sequence[_Fault]) -> None:
    if not faults:
        raise UsageError("there is no decision in it", hint="fill in the column decision")
    more = len(faults) - _MOST_FAULTS
    lines = [str(fault) for fault in faults[:_MOST_FAULTS]] + [f"and {more:,} more"] * (more > 0)
    raise UsageError("nothing was decided:\n" + "\n".join(lines))


class _Judge:
    """Knows a campaign's items and decisions, and judges further ones."""

    def __init__(
        self, campaign: Row, items: Sequence[Row], made: Sequence[Decision], people: Identities, now: datetime
    ) -> None:
        self._campaign, self._people, self._now = campaign, people, now
        self._items = {str(item["item_id"]): item for item in items}
        self._first = {d.item_id: d for d in made if d.stage == 1}
        self._last: dict[str, datetime] = {}
        for decision in made:
            self._last[people.key(decision.reviewer)] = decision.decided_at

    def judged(self, choice: Choice) -> tuple[Row, list[_Fault]]:
        """Return the item meant, and everything that is wrong with the decision."""
        found = (
            [item for key, item in self._items.items() if key.startswith(choice.item.lower())]
            if choice.item
            else []
        )
        exact = self._items.get(choice.item)
        if exact is None and len(found) != 1:
            told = f"{len(found):,} items begin so" if found else "there is no such item in this review"
            return {}, [_Fault(choice, "item", told)]
        item = exact or found[0]
        return item, [_Fault(choice, field, message) for field, message in self._faults(choice, item)]

    def _faults(self, choice: Choice, item: Row) -> Iterator[tuple[str, str]]:
        if item["what"] == "excluded":
            yield "item", f"this is not decided upon: {item['reason']}"
            return
        if choice.decision not in DECISIONS:
            yield "decision", f"a decision is one of {', '.join(DECISIONS)}, not {choice.decision!r}"
            return
        if not choice.reviewer.strip():
            yield "reviewer", "nobody answers for it: name the reviewer"
        elif not self._may_review(choice.reviewer):
            yield "reviewer", f"{choice.reviewer} is not among this review's reviewers"
        elif own := self._people.own(choice.reviewer, item):
            yield "reviewer", f"no one certifies their own access: {own}"
        yield from self._reasons(choice, item)

    def _reasons(self, choice: Choice, item: Row) -> Iterator[tuple[str, str]]:
        if not choice.reason.strip() and (why := _reason_needed(choice, item)):
            yield "reason", f"a reason is needed: {why}"
        if choice.decision == "defer":
            if not (choice.owner or "").strip():
                yield "owner", "a deferral has an owner"
            if choice.due is None or not self._now < choice.due <= self._now + LONGEST_DEFERRAL:
                yield "due", f"a deferral has a day ahead, at most {LONGEST_DEFERRAL.days} days away"

    def _may_review(self, reviewer: str) -> bool:
        allowed = self._campaign["reviewers"]
        return not allowed or self._people.key(reviewer) in {self._people.key(name) for name in allowed}

    def decisions(self, chosen: Sequence[tuple[Choice, Row]]) -> list[Decision]:
        """Return the decisions, each with its stage, and the time that was taken over each."""
        batch = secrets.token_hex(8)
        sizes: dict[str, int] = {}
        for choice, _ in chosen:
            key = self._people.key(choice.reviewer)
            sizes[key] = sizes.get(key, 0) + 1
        return [
            self._decision(choice, item, batch, sizes[self._people.key(choice.reviewer)])
            for choice, item in chosen
        ]

    def _decision(self, choice: Choice, item: Row, batch: str, size: int) -> Decision:
        key = self._people.key(choice.reviewer)
        began: datetime = self._last.get(key) or self._campaign["created_at"]
        follows = choice.decision in FOLLOWS[item["advice"]]
        return Decision(
            item_id=item["item_id"], stage=self._stage(choice, item), decision=choice.decision,
            reason=choice.reason.strip(), reviewer=choice.reviewer, decided_at=self._now, batch=batch, batch_size=size,
            seconds=max(0.0, (self._now - began).total_seconds()) / size,
            overrides=None if follows else item["advice"], owner=choice.owner, due=choice.due, ticket=choice.ticket,
            place=choice.place,
        )  # fmt: skip

    def _stage(self, choice: Choice, item: Row) -> int:
        """Return 2 where a privileged item was decided by another person before."""
        first = self._first.get(item["item_id"])
        if not item["privileged"] or first is None:
            return 1
        return 1 if self._people.key(first.reviewer) == self._people.key(choice.reviewer) else 2


def _reason_needed(choice: Choice, item: Row) -> str | None:
    """Return why a decision cannot go without a reason: only keeping what is used and of low risk can, or following."""
    if choice.decision not in FOLLOWS[item["advice"]]:
        return f"{choice.decision} departs from the recommendation, {item['advice']}"
    if choice.decision == "keep" and (item["state"] != "used" or item["risk"] != "low"):
        return "only what is used and of low risk is kept without one"
    return "what is put off or excepted says why" if choice.decision in ("defer", "exception") else None
