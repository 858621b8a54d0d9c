"""Tables of what became no row: records that could not be read, and positions that were gone."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

DEAD_LETTERS = Table(
    name="dead_letters",
    meaning="Records that became no row: redacted bytes, phase, error and place.",
    schema=pa.schema(
        [
            pa.field("dead_id", events.TEXT, nullable=False),
            pa.field("ingest_time", events.TIME, nullable=False),
            pa.field("dead_date", pa.date32(), nullable=False),
            pa.field("source_topic", events.TEXT, nullable=False),
            pa.field("source_partition", events.INT, nullable=False),
            pa.field("source_offset", events.INT, nullable=False),
            pa.field("sub_index", events.INT, nullable=False),
            pa.field("place", events.TEXT, nullable=False),
            pa.field("source_format", events.TEXT),
            pa.field("phase", events.TEXT, nullable=False),
            pa.field("error", events.TEXT, nullable=False),
            pa.field("raw", pa.binary(), nullable=False),
            pa.field("raw_bytes", events.INT, nullable=False),
            pa.field("raw_sha256", events.TEXT, nullable=False),
            pa.field("redactions", events.REDACTIONS),
        ]
    ),
    partition="dead_date",
    statistics=("ingest_time", "source_offset"),
)

GAPS = Table(
    name="gaps",
    meaning="Positions that were gone from a source before they could be read.",
    schema=pa.schema(
        [
            pa.field("detected_time", events.TIME, nullable=False),
            pa.field("gap_date", pa.date32(), nullable=False),
            pa.field("source_topic", events.TEXT, nullable=False),
            pa.field("source_partition", events.INT, nullable=False),
            pa.field("first_offset", events.INT, nullable=False),
            pa.field("last_offset", events.INT, nullable=False),
            pa.field("cause", events.TEXT, nullable=False),
        ]
    ),
    partition="gap_date",
    statistics=("detected_time",),
)
