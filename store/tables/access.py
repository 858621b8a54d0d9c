"""The table of who asked what through the guarded door."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

ACCESS_LOG = Table(
    name="access_log",
    meaning="Every question asked through the guarded door, the denied ones too, before its answer was given.",
    schema=pa.schema(
        [
            pa.field("access_id", events.TEXT, nullable=False),
            pa.field("asked_time", events.TIME, nullable=False),
            pa.field("os_user", events.TEXT, nullable=False),
            pa.field("os_uid", events.INT, nullable=False),
            pa.field("stated", events.TEXT),
            pa.field("via", events.TEXT, nullable=False),
            pa.field("role", events.TEXT, nullable=False),
            pa.field("why", events.TEXT),
            pa.field("statement", events.TEXT, nullable=False),
            pa.field("statement_digest", events.TEXT, nullable=False),
            pa.field("outcome", events.TEXT, nullable=False),
            pa.field("reason", events.TEXT),
            pa.field("events_version", events.INT),
            pa.field("versions", events.TEXT),
            pa.field("rows", events.INT),
            pa.field("result_digest", events.TEXT),
            pa.field("duration_ms", events.INT, nullable=False),
            pa.field("access_date", pa.date32(), nullable=False),
        ]
    ),
    partition="access_date",
    statistics=("asked_time",),
)
