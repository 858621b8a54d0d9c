"""Table of what is left in proofs of rows that retention took out."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

RETIRED_LEAVES = Table(
    name="retired_leaves",
    meaning="Hashes of subtrees over rows that are gone, so that the rows of the same commit that stay can be proven.",
    schema=pa.schema(
        [
            pa.field("batch_id", events.TEXT, nullable=False),
            pa.field("source_topic", events.TEXT, nullable=False),
            pa.field("source_partition", events.INT, nullable=False),
            pa.field("first_leaf", events.INT, nullable=False),
            pa.field("leaves", events.INT, nullable=False),
            pa.field("hash", pa.binary(), nullable=False),
            pa.field("removal", events.TEXT, nullable=False),
            pa.field("reason", events.TEXT, nullable=False),
            pa.field("retired_time", events.TIME, nullable=False),
            pa.field("retired_date", pa.date32(), nullable=False),
        ]
    ),
    partition="retired_date",
    statistics=("retired_time",),
    order=("batch_id", "source_topic", "source_partition", "first_leaf"),
)
