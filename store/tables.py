"""The lake's tables: schema, partition, sort order, and which columns may be seen in table statistics."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from store import events


@dataclass(frozen=True)
class Table:
    """One Delta table.

    `statistics` are the columns whose least and greatest values go into the table's log: never personal ones,
    because what is in the log outlives an erasure. `blooms` get a Bloom filter in each file; `indexed` columns get
    a list of their values' hashes beside each file, by which files are skipped; those of `keyed`, the personal ones
    among them, are hashed under a key of the lake. Rows whose column has the value of `apart` lie before the others
    of their file, in row groups of their own. `packed` columns are stored as packed differences.
    """

    name: str
    schema: pa.Schema
    partition: str
    statistics: tuple[str, ...]
    order: tuple[str, ...] = ()
    blooms: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()
    keyed: tuple[str, ...] = ()
    apart: tuple[str, str] | None = None
    packed: tuple[str, ...] = ()

    @property
    def stored(self) -> pa.Schema:
        """The schema of the data files: the partition column lives in the path."""
        return pa.schema([f for f in self.schema if f.name != self.partition])


EVENTS = Table(
    name="events",
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

DEAD_LETTERS = Table(
    name="dead_letters",
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

TABLES: dict[str, Table] = {table.name: table for table in (EVENTS, DEAD_LETTERS, GAPS)}
