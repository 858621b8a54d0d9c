"""What a review finds beside its items: each class is a row of one section of the report.

Lists are sorted, the gravest first; event ids are the first few in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Standing:
    """Standing and just-in-time grants of one server; a JIT grant has an end no further than a day after its begin."""

    server_name: str
    standing: int
    jit: int
    bounded: int
    convertible: int
    median_age_days: float | None
    median_jit_hours: float | None
    median_jit_used_share: float | None


@dataclass(frozen=True)
class LateUse:
    """Access that was used after it had ended. `what` is grant, credential or person; `ended` revoked, expired or left.

    `grace_seconds` is how long after the end the last use was.
    """

    what: str
    name: str
    ended: str
    ended_at: datetime
    said_by: str
    server_name: str
    tool_name: str
    calls: int
    first_use: datetime
    last_use: datetime
    grace_seconds: float
    events: tuple[str, ...]


@dataclass(frozen=True)
class Dormant:
    """A credential or person who may still act and did nothing for long. `last_use` None: never seen."""

    what: str
    name: str
    owner: str | None
    last_use: datetime | None
    idle_days: int | None
    grants: int


@dataclass(frozen=True)
class Inherited:
    """One identity acting with the access of another. `who` did not hold what `through` gave.

    `how` is person_through_client (the client or tool entitlement does not permit the person's call), or
    client_beyond_person (the person's own does not), or shared_credential.
    """

    how: str
    who: str
    through: str
    server_name: str
    tool_name: str
    calls: int
    first_use: datetime
    last_use: datetime
    events: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Toxic:
    """A principal who can reach private data, what strangers wrote, and a way out: all three, before any incident.

    Tools are `server/tool`, the first few of each; `grants` are the items that give them. `realised` counts the windows
    of the period, each `Scope.window_hours` long (8 by default), in which all three were used; sessions play no part.
    """

    kind: str
    principal: str
    sources: tuple[str, ...]
    taints: tuple[str, ...]
    sinks: tuple[str, ...]
    grants: tuple[str, ...]
    used: tuple[str, ...]
    realised: int
    reason: str


@dataclass(frozen=True)
class Attempt:
    """Someone tried a tool and was refused. `sidestepped` has findings in which it was then reached another way."""

    principal: str
    server_name: str
    tool_name: str
    granted: bool
    denied: int
    reached: int
    reasons: tuple[str, ...]
    first: datetime
    last: datetime
    events: tuple[str, ...]
    sidestepped: tuple[str, ...]


@dataclass(frozen=True)
class FindingNote:
    """A finding of the period that touches a principal under review."""

    finding_id: str
    detection: str
    title: str
    severity: str
    p_value: float | None
    confidence: float
    event_time: datetime
    principal: str
    server_name: str | None
    explanation: str
    state: str
    reason: str | None
    tags: tuple[str, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Backtest:
    """A policy learned on the first part of the period, replayed on the rest.

    `broken` of `replayed` calls would have been refused, of `users_affected` people. `upper` is the 95 % upper bound
    of the share broken, by `method`: rule of three where nothing broke, else Clopper-Pearson. None: nothing to replay.
    """

    learned_from: datetime
    learned_until: datetime
    replayed_until: datetime
    learned: int
    replayed: int
    broken: int
    users_affected: int
    upper: float | None
    method: str
    broken_calls: tuple[str, ...]
    events: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """The least a principal needs, as Cedar and JSON, with its backtest, the diff to what stands, and the way back.

    `added` and `removed` are `server/tool` (patterns as granted) against today's grants. `generalised` names the
    declared hierarchies along which single tools were put together; without one each tool stands by itself.
    """

    principal_kind: str
    principal: str
    cedar: str
    document: str
    tools: tuple[str, ...]
    kept: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    protected: tuple[str, ...]
    generalised: tuple[str, ...]
    backtest: Backtest
    diff: str
    rollback: str


@dataclass(frozen=True)
class Exclusion:
    """A grant nobody has to decide upon, and why: a prohibition, or ended; or break-glass, which is with a mark."""

    item_id: str
    why: str
    principal_kind: str
    principal: str
    server_name: str
    tool_name: str
    owner: str | None
    ticket: str | None
    expires_at: datetime | None
    last_use: datetime | None
