"""The table of events."""

from __future__ import annotations

from store import events
from store.tables.table import Table

EVENTS = Table(
    name="events",
    meaning="Everything that happened or was decided, one row each; denials, calls and the rest.",
    schema=events.arrow_schema(),
    partition=events.PARTITION,
    statistics=("event_time", "ingest_time", "source_offset"),
    order=("user_id", "session_key", "event_time"),
    blooms=("event_id", "session_key", "credential_id", "trace_id", "event_class"),
    indexed=("session_key", "credential_id", "trace_id", "user_id"),
    keyed=("user_id",),
    apart=("event_class", "denial"),
    packed=("event_time",),
)
