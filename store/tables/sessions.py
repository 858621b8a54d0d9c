"""Tables of what stitching and scoring make: sessions, their links and merges, and what was learned."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

SESSION_LINKS = Table(
    name="session_links",
    meaning="Which session each event was joined to, why, and how sure that is. Ask the view session_events.",
    schema=pa.schema(
        [
            pa.field("event_id", events.TEXT, nullable=False),
            pa.field("event_time", events.TIME, nullable=False),
            pa.field("link_date", pa.date32(), nullable=False),
            pa.field("session", events.TEXT, nullable=False),
            pa.field("joined_by", events.TEXT, nullable=False),
            pa.field("log_odds", pa.float64()),
            pa.field("linked_to", events.TEXT),
        ]
    ),
    partition="link_date",
    statistics=("event_time",),
    order=("session", "event_time"),
    blooms=("event_id", "session"),
)

SESSION_MERGES = Table(
    name="session_merges",
    meaning="Sessions that turned out to be part of another one, and the event that showed it.",
    schema=pa.schema(
        [
            pa.field("session", events.TEXT, nullable=False),
            pa.field("merged_into", events.TEXT, nullable=False),
            pa.field("event_id", events.TEXT, nullable=False),
            pa.field("merged_time", events.TIME, nullable=False),
            pa.field("merge_date", pa.date32(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
        ]
    ),
    partition="merge_date",
    statistics=("merged_time",),
)

SESSION_DOUBTS = Table(
    name="session_doubts",
    meaning="Ids that stitching did not believe, as each run found them: new for every call, or of several people.",
    schema=pa.schema(
        [
            pa.field("id_column", events.TEXT, nullable=False),
            pa.field("why", events.TEXT, nullable=False),
            pa.field("source_system", events.TEXT, nullable=False),
            pa.field("client", events.TEXT),
            pa.field("keys", events.INT, nullable=False),
            pa.field("events", events.INT, nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("doubt_time", events.TIME, nullable=False),
            pa.field("doubt_date", pa.date32(), nullable=False),
        ]
    ),
    partition="doubt_date",
    statistics=("doubt_time",),
)

SESSION_STATES = Table(
    name="session_states",
    meaning="Sessions in numbers, as known after each revision. Ask the view sessions for the newest.",
    schema=pa.schema(
        [
            pa.field("session", events.TEXT, nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("state_time", events.TIME, nullable=False),
            pa.field("state_date", pa.date32(), nullable=False),
            pa.field("confidence", pa.float64(), nullable=False),
            pa.field("user", events.TEXT),
            pa.field("client", events.TEXT),
            pa.field("first", events.TIME, nullable=False),
            pa.field("last", events.TIME, nullable=False),
            pa.field("events", events.INT, nullable=False),
            pa.field("calls", events.INT, nullable=False),
            pa.field("denied", events.INT, nullable=False),
            pa.field("sidestepped", events.INT, nullable=False),
            pa.field("reached", events.INT, nullable=False),
            pa.field("servers", events.TEXTS),
            pa.field("joined_by", events.TEXTS),
            pa.field("anomaly", pa.float64()),
            pa.field("top_event", events.TEXT),
            pa.field("anomaly_reason", events.TEXT),
        ]
    ),
    partition="state_date",
    statistics=("first",),
    order=("session",),
)

MODELS = Table(
    name="models",
    meaning="What the jobs learned, as plain data: by which a judgement can be made again.",
    schema=pa.schema(
        [
            pa.field("name", events.TEXT, nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("trained_time", events.TIME, nullable=False),
            pa.field("model_date", pa.date32(), nullable=False),
            pa.field("body", events.TEXT, nullable=False),
        ]
    ),
    partition="model_date",
    statistics=("trained_time",),
)
