"""Tables of findings: found, evaluated, grouped, sent and judged."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

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
