"""Which ids deserve belief: an id that is new for every call, or that several people share, says nothing of work.

Both are seen in the field: clients that open one protocol session per call, and gateways that pool one session over
users (posthog/posthog-js#4428, anthropics/claude-ai-mcp#539).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_ENOUGH_KEYS = 20
_EVENTS_PER_KEY = 1.3
_CALLS = pl.col("event_kind") == "tool_call"
PLACE = ("source_system", "source_instance", "product")
"""Where ids are of one making: what one system does for one client, whatever version the client calls itself."""


@dataclass(frozen=True)
class Doubt:
    """Ids that are not believed: where, of which column, why, and how many."""

    column: str
    why: str
    source_system: str
    client: str | None
    keys: int
    events: int


def believed(events: pl.DataFrame, column: str, *, naming: bool) -> tuple[pl.Series, list[Doubt]]:
    """Return the column with ids that deserve no belief set to null, and the doubts.

    `events` has the column, PLACE, `person`, `person_kind`, `event_kind`, and `near`: whether the event follows the
    one before of its principal within a pause that is usual inside work.
    """
    shared = _shared(events, column)
    in_doubt = pl.col(column).is_in(shared.implode())
    frame = events.with_columns(pl.when(~in_doubt).then(pl.col(column)).alias(column))
    doubts = _doubts(events.filter(in_doubt), column, "one id, several people")
    if naming and (lone := _one_per_call(frame, column)).height:
        marked = frame.join(
            lone.with_columns(lone=True), on=PLACE, how="left", nulls_equal=True, maintain_order="left"
        )
        doubts += _doubts(marked.filter("lone"), column, "a new id for every call")
        frame = marked.with_columns(pl.when(pl.col("lone").is_null()).then(pl.col(column)).alias(column))
    return frame[column], doubts


def _shared(events: pl.DataFrame, column: str) -> pl.Series:
    """Return the ids under which people act who are not the same, told apart by one kind of name."""
    people = events.filter(pl.col(column).is_not_null() & pl.col("person").is_not_null())
    return (
        people.group_by(column, "person_kind")
        .agg(pl.col("person").n_unique())
        .filter(pl.col("person") > 1)[column]
        .unique()
    )


def _one_per_call(events: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the places whose ids are new for nearly every call though the calls follow on each other."""
    calls = events.filter(_CALLS & pl.col(column).is_not_null())
    counts = calls.group_by(PLACE).agg(
        keys=pl.col(column).n_unique(), calls=pl.len(), near=pl.col("near").mean()
    )
    return counts.filter(
        (pl.col("keys") >= _ENOUGH_KEYS)
        & (pl.col("calls") < _EVENTS_PER_KEY * pl.col("keys"))
        & (pl.col("near") > 0.5)
    ).select(PLACE)


def _doubts(events: pl.DataFrame, column: str, why: str) -> list[Doubt]:
    grouped = events.group_by("source_system", client="product").agg(
        keys=pl.col(column).n_unique(), events=pl.len()
    )
    return [
        Doubt(column, why, **row) for row in grouped.sort("source_system", "client").iter_rows(named=True)
    ]
