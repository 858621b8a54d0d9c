"""The table of scheduled reports: when each was due, what became of it, and where it was sent."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

REPORT_RUNS = Table(
    name="report_runs",
    meaning=(
        "What became of each scheduled report. registered: a schedule was first seen; began, made, sent, failed: to be"
        " tried again; gave_up: not tried any more."
    ),
    schema=pa.schema(
        [
            pa.field("run_id", events.TEXT, nullable=False),
            pa.field("schedule", events.TEXT, nullable=False),
            pa.field("report", events.TEXT, nullable=False),
            pa.field("due_time", events.TIME, nullable=False),
            pa.field("state", events.TEXT, nullable=False),
            pa.field("target", events.TEXT),
            pa.field("missed", events.INT),
            pa.field("title", events.TEXT),
            pa.field("page", events.TEXT),
            pa.field("page_sha256", events.TEXT),
            pa.field("events_version", events.INT),
            pa.field("error", events.TEXT),
            pa.field("run_time", events.TIME, nullable=False),
            pa.field("run_date", pa.date32(), nullable=False),
        ]
    ),
    partition="run_date",
    statistics=("run_time",),
)
