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
                "source_system", "source_instance", "user_id", "client", "credential_id", "credential_kind",
                "client_address", "user_agent", "server_name", "tool_name", "tool_definition_sha256", "event_kind")),
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

OWNERS = Table(
    name="owners",
    meaning="Who first was given a value, or named it: what tells a leak from a word that everybody uses.",
    schema=pa.schema(
        [
            pa.field("leaf", events.INT, nullable=False),
            pa.field("user_id", events.TEXT, nullable=False),
            pa.field("returned", pa.bool_(), nullable=False),
            pa.field("passage", pa.bool_(), nullable=False),
            pa.field("event_id", events.TEXT, nullable=False),
            pa.field("event_time", events.TIME, nullable=False),
            pa.field("owned_date", pa.date32(), nullable=False),
            pa.field("server_name", events.TEXT),
            pa.field("tool_name", events.TEXT),
            pa.field("named", events.FINGERPRINTS),
        ]
    ),
    partition="owned_date",
    statistics=("event_time",),
    order=("event_id", "leaf"),
)

TOOL_HABITS = Table(
    name="tool_habits",
    meaning="How often a tool gives, or is given, what another person had first. The newest revision of a day counts.",
    schema=pa.schema(
        [
            pa.field("day", events.TIME, nullable=False),
            pa.field("habit_date", pa.date32(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("server_name", events.TEXT),
            pa.field("tool_name", events.TEXT),
            *(
                pa.field(n, events.INT, nullable=False)
                for n in (
                    "results",
                    "single",
                    "weak",
                    "strong",
                    "strange",
                    "named",
                    "carried",
                    "again",
                    "shared",
                )
            ),
        ]
    ),
    partition="habit_date",
    statistics=("day",),
)

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

INCIDENT_LINKS = Table(
    name="incident_links",
    meaning="Which incident each finding belongs to; one that was merged has a later revision. Ask the view incidents.",
    schema=pa.schema(
        [
            pa.field("finding_id", events.TEXT, nullable=False),
            pa.field("incident", events.TEXT, nullable=False),
            pa.field("revision", events.INT, nullable=False),
            pa.field("linked_time", events.TIME, nullable=False),
            pa.field("linked_date", pa.date32(), nullable=False),
        ]
    ),
    partition="linked_date",
    statistics=("linked_time",),
)

DELIVERIES = Table(
    name="deliveries",
    meaning="Which findings were sent where. began: a sink was first seen; failed: to be tried again.",
    schema=pa.schema(
        [
            pa.field("finding_id", events.TEXT),
            pa.field("sink", events.TEXT, nullable=False),
            pa.field("state", events.TEXT, nullable=False),
            pa.field("error", events.TEXT),
            pa.field("delivery_time", events.TIME, nullable=False),
            pa.field("delivery_date", pa.date32(), nullable=False),
        ]
    ),
    partition="delivery_date",
    statistics=("delivery_time",),
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

ENTITLEMENT_IMPORTS = Table(
    name="entitlement_imports",
    meaning="Snapshots of who may do what, each a version. What a version says counts once its row is here.",
    schema=pa.schema(
        [
            pa.field("version", events.INT, nullable=False),
            pa.field("import_id", events.TEXT, nullable=False),
            pa.field("import_source", events.TEXT, nullable=False),
            pa.field("format", events.TEXT, nullable=False),
            pa.field("files", events.TEXTS, nullable=False),
            pa.field("sha256", events.TEXTS, nullable=False),
            *(pa.field(n, events.INT, nullable=False) for n in (
                "entitlements", "principals", "granted", "revoked", "changed")),
            pa.field("import_time", events.TIME, nullable=False),
            pa.field("import_date", pa.date32(), nullable=False),
        ]
    ),
    partition="import_date",
    statistics=("import_time",),
)  # fmt: skip


def _imported(id_name: str, columns: list[pa.Field]) -> pa.Schema:
    """Return the schema of facts that imports grant, change and revoke, one row for each change."""
    head = [
        pa.field(n, events.TEXT, nullable=False) for n in (id_name, "import_id", "import_source", "change")
    ]
    tail = [
        pa.field("changed", events.TEXTS, nullable=False),
        pa.field("before", events.TEXT),
        pa.field("state_time", events.TIME, nullable=False),
        pa.field("state_date", pa.date32(), nullable=False),
    ]
    return pa.schema([*head, *columns, *tail])


ENTITLEMENT_STATES = Table(
    name="entitlement_states",
    meaning="Each entitlement as granted, changed or revoked by an import. Ask the view entitlements for the newest.",
    schema=_imported(
        "entitlement_id",
        [
            pa.field("native_id", events.TEXT),
            *(pa.field(n, events.TEXT, nullable=False) for n in (
                "kind", "principal_kind", "principal", "effect", "server_name", "tool_name")),
            *(pa.field(n, events.TEXT) for n in ("resource_scope", "conditions")),
            pa.field("source", events.TEXT, nullable=False),
            *(pa.field(n, events.TEXT) for n in ("via", "granted_by")),
            *(pa.field(n, events.TIME) for n in ("granted_at", "expires_at", "revoked_at")),
            *(pa.field(n, events.TEXT) for n in ("ticket", "owner")),
            pa.field("break_glass", pa.bool_(), nullable=False),
            *(pa.field(n, events.TEXT) for n in ("policy_language", "policy", "policy_entities")),
        ],
    ),
    partition="state_date",
    statistics=("state_time",),
    order=("principal", "server_name"),
)  # fmt: skip

PRINCIPAL_STATES = Table(
    name="principal_states",
    meaning="People, clients, agents and credentials as inventories say, one row a change. Ask the view principals.",
    schema=_imported(
        "principal_id",
        [
            *(pa.field(n, events.TEXT, nullable=False) for n in ("principal_kind", "principal")),
            pa.field("aliases", events.TEXTS, nullable=False),
            pa.field("name", events.TEXT),
            pa.field("member_of", events.TEXTS, nullable=False),
            pa.field("status", events.TEXT, nullable=False),
            *(pa.field(n, events.TEXT) for n in ("owner", "purpose", "credential_kind")),
            *(pa.field(n, events.TIME) for n in ("since", "until", "rotated_at")),
        ],
    ),
    partition="state_date",
    statistics=("state_time",),
    order=("principal",),
)  # fmt: skip

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        EVENTS, DEAD_LETTERS, GAPS, SESSION_LINKS, SESSION_MERGES, SESSION_STATES, MODELS, ACTIVITY, OWNERS,
        TOOL_HABITS, FINDING_STATES, EVALUATIONS, INCIDENT_LINKS, DELIVERIES, TRIAGE,
        ENTITLEMENT_IMPORTS, ENTITLEMENT_STATES, PRINCIPAL_STATES,
    )
}  # fmt: skip
