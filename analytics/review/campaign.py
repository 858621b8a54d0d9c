"""What a campaign adds to an assessment: who decided what, whether it adds up, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

DECISIONS = ("keep", "modify", "revoke", "defer", "exception")
"""What a reviewer may decide of an item. A deferral has an owner and a day, at most thirty days away."""
OVERDUE = ("keep", "revoke", "escalate")
"""What an item becomes that nobody decided in time."""


@dataclass(frozen=True)
class Decision:
    """One decision of one reviewer. `stage` is 1, or 2 for the second person a privileged item needs.

    `seconds` is the time since the same reviewer's decision before, or since the review began; of a batch it is
    shared by its items. `batch` names what was decided in one go. `overrides` is the recommendation it departs from.
    """

    item_id: str
    stage: int
    decision: str
    reason: str
    reviewer: str
    decided_at: datetime
    batch: str
    batch_size: int
    seconds: float
    overrides: str | None
    owner: str | None
    due: datetime | None
    ticket: str | None
    place: str | None


@dataclass(frozen=True)
class Verdict:
    """What stands for an item: its last decision of each stage. `status` is open, second_stage, disputed or decided.

    `closed_by` is reviewer, or the overdue policy that decided. `outcome` is the decision that stands, if any.
    """

    item_id: str
    status: str
    outcome: str | None
    closed_by: str | None
    first: Decision | None
    second: Decision | None


@dataclass(frozen=True)
class ReviewerQuality:
    """How one reviewer decided; `rubber_stamp`: more than 95 % kept or excepted, in under ten seconds each.

    `relations` counts what the reviewer is to the holders: manager, owner, granter, or none known.
    """

    reviewer: str
    decisions: int
    approved: int
    batches: int
    largest_batch: int
    median_seconds: float
    seconds_per_decision: float
    overrides: int
    first: datetime
    last: datetime
    relations: Mapping[str, int]
    rubber_stamp: bool


@dataclass(frozen=True)
class Arithmetic:
    """The sums that must close: population = reviewed + excluded + orphan; reviewed = keep + ... + exception.

    `orphan` items are decided like the others and counted apart. `faults` are sentences; while there is one the
    review cannot be closed.
    """

    population: int
    reviewed: int
    excluded: int
    orphan: int
    by_decision: Mapping[str, int]
    open_items: int
    faults: tuple[str, ...]

    @property
    def closes(self) -> bool:
        """Tell whether everything adds up."""
        return not self.faults


@dataclass(frozen=True)
class Closure:
    """What came of a revocation. `status` is enforced, still_reachable, not_proven or overdue.

    `proof` says how it is known: `import` with a version in `proof_id`, or `denial` with an event id. `used_since`
    are events that reached the tool after the decision.
    """

    item_id: str
    principal: str
    server_name: str
    tool_name: str
    decided_at: datetime
    ticket: str | None
    status: str
    proof: str | None
    proof_id: str | None
    proof_time: datetime | None
    hours: float | None
    used_since: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What differs from the campaign before. `what` is granted, gone, changed, not_carried_out or ignored_twice."""

    what: str
    item_id: str
    principal: str
    server_name: str
    tool_name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Seal:
    """What closing wrote: the files with their SHA-256, and the versions of the lake they stand on."""

    closed_at: datetime
    closed_by: str
    versions: Mapping[str, int]
    files: Mapping[str, str]
    digest: str


@dataclass(frozen=True)
class Campaign:
    """A review as people carry it out. `status` is open, overdue or closed; `previous` the campaign compared with."""

    name: str
    status: str
    created_at: datetime
    created_by: str
    due_at: datetime
    overdue_policy: str
    reviewers: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    decisions: tuple[Decision, ...]
    quality: tuple[ReviewerQuality, ...]
    arithmetic: Arithmetic
    closures: tuple[Closure, ...]
    previous: str | None
    changes: tuple[Change, ...]
    seal: Seal | None
