"""Everything a review says, as plain facts: what `assess` finds, section by section of the report.

Times are in UTC; of a period the end does not belong to it. Calls are attempts to use a tool: those that reached it
(it answered, be it with an error of its own) and those that were refused. Event ids are the events' own `event_id`,
of each list the first few in time. Lists are sorted, the gravest first, so that equal input gives equal output.
What a campaign adds, decisions and what came of them, is in `campaign.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from analytics.debt import TrustDebt
from analytics.review.basis import Basis, Coverage, Population, Query, Scope
from analytics.review.sections import (
    Attempt,
    Dormant,
    Exclusion,
    FindingNote,
    Inherited,
    LateUse,
    Policy,
    Standing,
    Toxic,
)


class State(StrEnum):
    """What became of a grant in the period; of each grant exactly one."""

    USED = "used"
    UNUSED = "unused"
    DENIED_ONLY = "denied_only"
    USED_NOT_GRANTED = "used_not_granted"
    TOO_NEW = "too_new"
    NOT_OBSERVABLE = "not_observable"


class Advice(StrEnum):
    """What a review recommends for an item."""

    KEEP = "keep"
    REVOKE = "revoke"
    NARROW = "narrow"
    MAKE_JIT = "make_jit"
    CONFIRM_DENIED = "confirm_denied"
    GRANT_OR_DENY = "grant_or_deny"
    MARK_OWNER = "mark_owner"
    WAIT = "wait"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Headline:
    """One number of the summary. `before` is that of the period before, of equal length; None: not known.

    That of `used_share` is of the review of the same scope that was closed last: grants are judged in reviews alone.

    `id` is humans, non_humans, grants, used_share, idle_key_days or open_findings; `query` the id of its query.
    """

    id: str
    label: str
    value: float | None
    before: float | None
    unit: str
    query: str


@dataclass(frozen=True)
class Peers:
    """Who else is like the holder: of a `group` of `size` people how many hold such a grant, and how many used it."""

    group: str
    size: int
    holding: int
    using: int


@dataclass(frozen=True)
class Item:
    """One grant under review, with what became of it and what is recommended.

    `calls` and `denied` are what it allowed and what was refused within its reach; `users` how many people used it.
    `reach` is how many known tools it covers, `used_tools` how many of them were used through it. `windows` is in how
    many just-in-time windows all its use fits (None: not used). `breaks` is how many calls of the period nothing else
    would have allowed. `risk` is low, medium or high, by the classes of the tools in reach; high is privileged.
    `standing` has no end and no condition. A recommendation stands on `reason`; `risk_if_kept` is what keeping costs.
    """

    item_id: str
    kind: str
    principal_kind: str
    principal: str
    principal_name: str | None
    server_name: str
    tool_name: str
    resource_scope: str | None
    conditions: str | None
    source: str
    via: str | None
    granted_by: str | None
    granted_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    ticket: str | None
    owner: str | None
    break_glass: bool
    import_source: str
    policy: str | None
    orphan: bool | None
    risk: str
    risk_classes: tuple[str, ...]
    privileged: bool
    standing: bool
    age_days: int | None
    state: State
    state_reason: str
    calls: int
    denied: int
    users: int
    first_use: datetime | None
    last_use: datetime | None
    last_denied: datetime | None
    events: tuple[str, ...]
    denied_events: tuple[str, ...]
    reach: int
    used_tools: int
    unused_tools: tuple[str, ...]
    over_broad: bool
    windows: int | None
    convertible: bool
    breaks: int
    peers: Peers | None
    advice: Advice
    reason: str
    risk_if_kept: str

    @property
    def used_share(self) -> float | None:
        """Return the share of the tools in reach that was used; None where no tool in reach is known."""
        return self.used_tools / self.reach if self.reach else None


@dataclass(frozen=True)
class Stray:
    """Used and not granted: calls that reached a tool though no grant of one leg was in force, or one forbade it.

    `leg` is human, client, credential or tool; `item_id` tells it among the items of a review. The state of each is
    USED_NOT_GRANTED.
    """

    item_id: str
    leg: str
    principal: str
    principal_kind: str
    server_name: str
    tool_name: str
    calls: int
    people: tuple[str, ...]
    clients: tuple[str, ...]
    first_use: datetime
    last_use: datetime
    events: tuple[str, ...]
    orphan: bool | None
    forbidden_by: str | None
    risk: str
    risk_classes: tuple[str, ...]
    privileged: bool
    advice: Advice
    reason: str
    risk_if_kept: str


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix of principals and servers: how many grants are in each state, and how often used."""

    kind: str
    principal: str
    server_name: str
    states: Mapping[State, int]
    grants: int
    tools_granted: int
    tools_used: int
    calls: int
    denied: int


@dataclass(frozen=True)
class Assessment:
    """All that is found for a scope. `empty` says in a sentence why there is nothing to review, else it is None."""

    scope: Scope
    basis: Basis
    empty: str | None
    coverage: Coverage
    headlines: tuple[Headline, ...]
    population: Population
    states: Mapping[State, int]
    states_by_server: Mapping[str, Mapping[State, int]]
    severities: Mapping[str, int]
    sentences: tuple[str, ...]
    items: tuple[Item, ...]
    strays: tuple[Stray, ...]
    cells: tuple[Cell, ...]
    standing: tuple[Standing, ...]
    debt: TrustDebt | None
    late_uses: tuple[LateUse, ...]
    dormant: tuple[Dormant, ...]
    inherited: tuple[Inherited, ...]
    toxic: tuple[Toxic, ...]
    attempts: tuple[Attempt, ...]
    findings: tuple[FindingNote, ...]
    policies: tuple[Policy, ...]
    exclusions: tuple[Exclusion, ...]
    queries: tuple[Query, ...] = field(default=())
