"""Tables of the history that detections compare with."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

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
                "events", "calls", "denied", "failed", "request_bytes", "response_bytes")),
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

TOOL_DAYS = Table(
    name="tool_days",
    meaning="Who used which tool on which day, a summary of activity. The newest revision of a day counts.",
    schema=pa.schema(
        [
            pa.field("day", pa.date32(), nullable=False),
            pa.field("activity_date", pa.date32(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
            *(pa.field(n, events.TEXT) for n in ("user_id", "server_name", "tool_name")),
            pa.field("calls", events.INT),
            *(pa.field(n, events.TIME) for n in ("since", "calling_since", "first_time")),
            *(pa.field(n, events.TEXT) for n in ("first_event", "client")),
        ]
    ),
    partition="activity_date",
    statistics=("since",),
    order=("user_id", "server_name", "tool_name"),
)

USER_HOURS = Table(
    name="user_hours",
    meaning="Who was at work in which hour, a summary of activity. The newest revision of a day counts.",
    schema=pa.schema(
        [
            pa.field("hour", events.TIME, nullable=False),
            pa.field("activity_date", pa.date32(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
            *(pa.field(n, events.TEXT) for n in ("source_system", "source_instance", "user_id", "client")),
            *(pa.field(n, events.INT) for n in ("events", "calls", "denied", "response_bytes")),
        ]
    ),
    partition="activity_date",
    statistics=("hour",),
    order=("user_id", "client", "hour"),
)

CREDENTIAL_DAYS = Table(
    name="credential_days",
    meaning="By whom, from where and on what each credential was used on which day, and when it or a person's access "
    "changed, a summary of activity. The newest revision of a day counts.",
    schema=pa.schema(
        [
            pa.field("day", pa.date32(), nullable=False),
            pa.field("activity_date", pa.date32(), nullable=False),
            pa.field("revision", events.INT, nullable=False),
            *(pa.field(n, events.TEXT) for n in (
                "credential_id", "credential_kind", "user_id", "client", "client_address", "user_agent",
                "server_name")),
            pa.field("change", events.TEXT),
            *(pa.field(n, events.INT) for n in ("events", "calls", "failed")),
            *(pa.field(n, events.TIME) for n in ("first_time", "last_time")),
            *(pa.field(n, events.TEXT) for n in ("first_event", "last_event")),
        ]
    ),
    partition="activity_date",
    statistics=("first_time",),
    order=("credential_id", "day"),
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
            *(pa.field(n, events.INT) for n in ("asked", "unheard", "opened")),
        ]
    ),
    partition="habit_date",
    statistics=("day",),
)
