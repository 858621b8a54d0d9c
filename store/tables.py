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
    meaning: str
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

ACTIVITY = Table(
    name="activity",
    meaning="Events by the hour, in numbers: the history detections compare with. The newest revision of a day counts.",
    schema=pa.schema(
        [
            pa.field("hour", events.TIME, nullable=False),
            pa.field("activity_date", pa.date32(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
            *(pa.field(n, events.TEXT) for n in (
                "user_id", "client", "credential_id", "credential_kind", "client_address", "user_agent", "server_name",
                "tool_name", "event_kind")),
            *(pa.field(n, events.INT) for n in (
                "events", "calls", "denied", "failed", "request_bytes", "response_bytes", "resources", "results")),
            pa.field("first_event", events.TEXT, nullable=False),
            pa.field("last_event", events.TEXT, nullable=False),
            pa.field("first_time", events.TIME, nullable=False),
            pa.field("last_time", events.TIME, nullable=False),
        ]
    ),
    partition="activity_date",
    statistics=("hour",),
    order=("user_id", "client", "hour"),
)  # fmt: skip

FINDING_STATES = Table(
    name="finding_states",
    meaning="What detections found, with the evidence; one that grew has a later revision. Ask the view findings.",
    schema=pa.schema(
        [
            pa.field("finding_id", events.TEXT, nullable=False),
            pa.field("detection", events.TEXT, nullable=False),
            pa.field("title", events.TEXT, nullable=False),
            pa.field("severity", events.TEXT, nullable=False),
            pa.field("confidence", pa.float64(), nullable=False),
            pa.field("p_value", pa.float64()),
            pa.field("event_time", events.TIME, nullable=False),
            *(pa.field(n, events.TEXT) for n in (
                "user_id", "client", "credential_id", "server_name", "tool_name", "session")),
            pa.field("evidence", events.TEXTS, nullable=False),
            pa.field("explanation", events.TEXT, nullable=False),
            pa.field("rollout", pa.bool_(), nullable=False),
            pa.field("tags", events.TEXTS, nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("found_time", events.TIME, nullable=False),
            pa.field("found_date", pa.date32(), nullable=False),
        ]
    ),
    partition="found_date",
    statistics=("event_time",),
)  # fmt: skip

EVALUATIONS = Table(
    name="evaluations",
    meaning="What each detection could say of each day: evaluated, or not evaluable and for want of which columns.",
    schema=pa.schema(
        [
            pa.field("detection", events.TEXT, nullable=False),
            pa.field("window_from", events.TIME, nullable=False),
            pa.field("window_to", events.TIME, nullable=False),
            pa.field("status", events.TEXT, nullable=False),
            pa.field("missing", events.TEXTS, nullable=False),
            pa.field("findings", events.INT, nullable=False),
            pa.field("seconds", pa.float64(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("evaluated_time", events.TIME, nullable=False),
            pa.field("evaluated_date", pa.date32(), nullable=False),
        ]
    ),
    partition="evaluated_date",
    statistics=("window_from",),
)

TRIAGE = Table(
    name="triage",
    meaning="What people said of findings: open, true, false or accepted, with the reason and who said it.",
    schema=pa.schema(
        [
            pa.field("finding_id", events.TEXT, nullable=False),
            pa.field("state", events.TEXT, nullable=False),
            pa.field("reason", events.TEXT, nullable=False),
            pa.field("judge", events.TEXT, nullable=False),
            pa.field("triage_time", events.TIME, nullable=False),
            pa.field("triage_date", pa.date32(), nullable=False),
        ]
    ),
    partition="triage_date",
    statistics=("triage_time",),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        EVENTS, DEAD_LETTERS, GAPS, SESSION_LINKS, SESSION_MERGES, SESSION_STATES, MODELS, ACTIVITY, FINDING_STATES,
        EVALUATIONS, TRIAGE,
    )
}  # fmt: skip
