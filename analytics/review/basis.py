"""What a review is asked, what its numbers stand on, and what it can and cannot say.

Times are in UTC; of a period the end does not belong to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Scope:
    """What is asked: a period, and what of it. Patterns have `*` and `?`; empty means all.

    Servers and principals bound the items, and what was used and not granted; the sections beside them tell of all.
    `kinds` are human, client, credential and tool. A grant younger than `least_days` is not judged. A just-in-time
    window is `window_hours` long; use that fits in `most_windows` of them, and in no more than a quarter of the
    period, needs no standing grant. A pattern of which less than `broad_share` is used is over-broad. Peers are told
    of from `least_peers` on. `evidence` is how many event ids a list holds at most.
    """

    since: datetime | None = None
    until: datetime | None = None
    servers: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("human", "client", "credential", "tool")
    least_days: int = 30
    window_hours: int = 8
    most_windows: int = 12
    broad_share: float = 0.5
    least_peers: int = 3
    evidence: int = 5


@dataclass(frozen=True)
class ImportNote:
    """A snapshot of entitlements or principals that the population stands on."""

    version: int
    import_source: str
    format: str
    files: tuple[str, ...]
    sha256: tuple[str, ...]
    import_time: datetime
    entitlements: int
    principals: int


@dataclass(frozen=True)
class Basis:
    """What the numbers were computed from: with it and the scope the same assessment can be made again.

    `events_version` is a version of the events table, `entitlements_version` the last import that counts (None:
    nothing was imported), `moment` the time up to which findings and triage count. `config_hash` is the SHA-256 of
    scope and tool classes; `root_hash` that of the names of the version's data files, which never change. `log_root`,
    in base64, is the root over the first `log_size` entries of the transparency log `log_origin`, which tell of every
    event up to the version; None for a lake without a log.
    """

    since: datetime
    until: datetime
    events_version: int
    entitlements_version: int | None
    moment: datetime
    config_hash: str
    root_hash: str
    imports: tuple[ImportNote, ...]
    command: str
    log_origin: str | None = None
    log_size: int | None = None
    log_root: str | None = None


@dataclass(frozen=True)
class SourceCoverage:
    """What one source of logs could show: shares are of its events in the period, from 0 to 1."""

    source: str
    evidence_kinds: tuple[str, ...]
    servers: tuple[str, ...]
    events: int
    first: datetime
    last: datetime
    hours: int
    hours_with_events: int
    gaps: int
    longest_gap_hours: float
    with_human: float
    with_client: float
    with_credential: float


@dataclass(frozen=True)
class NotEvaluable:
    """A detection that could not say anything on some days of the period, for want of these columns."""

    detection: str
    days: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """What the review can and cannot say. `limits` are sentences for the first page, the gravest first.

    `sessions` counts stitched sessions by confidence: sure (0.9 and more), likely (0.5 and more), doubtful.
    `silent_servers` are granted and have no event in the period: nothing of them is judged.
    """

    sources: tuple[SourceCoverage, ...]
    events: int
    calls: int
    sessions: Mapping[str, int]
    lost_records: int
    dead_letters: int
    silent_servers: tuple[str, ...]
    not_evaluable: tuple[NotEvaluable, ...]
    never_evaluated_days: int
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """A question behind a number, to be asked again with `tooltrail sql`: its text, and what it answered.

    `digest` is the SHA-256 of the rows as CSV, `event_ids` the first few of the events it counts.
    """

    id: str
    meaning: str
    sql: str
    rows: int
    digest: str
    event_ids: tuple[str, ...]


@dataclass(frozen=True)
class Population:
    """How many grants there are, and what they are: grants = reviewed + excluded + orphans, or nothing is said.

    `no_record` are people who acted and are in no roster, `left_but_granted` those who left and hold grants.
    """

    grants: int
    reviewed: int
    excluded: int
    orphans: int
    strays: int
    humans: int
    non_humans: int
    no_record: tuple[str, ...]
    left_but_granted: tuple[str, ...]
