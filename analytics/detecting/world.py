"""What a detection sees: a window's events and some before, earlier hours in numbers, who first held each value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import duckdb

from analytics.detecting import history
from analytics.detecting.catalog import ENTITIES, Detection
from analytics.detecting.tool_classes import Overrides, classify
from store.tables import TABLES

COLUMNS = (
    "event_id", "event_time", "recorded_time", "source_system", "source_format", "source_instance",
    "evidence_kind", "vantage", "event_class", "event_kind", "mcp_method", "operation_class", "user_id", "user_issuer",
    "user_email", "user_groups", "org_id", "user_id_kind", "user_assurance", "delegation", "client_oauth_id",
    "client_name", "client_version", "client_identity_source", "user_agent", "client_address", "agent_id", "agent_name",
    "model_name", "auth_method", "credential_id", "credential_kind", "issuer", "scopes", "issued_at", "expires_at",
    "session_key", "conversation_id", "tool_call_id", "jsonrpc_id", "http_request_id", "trace_id", "span_id",
    "gateway_name", "server_name", "server_id", "protocol_version", "tool_name", "tool_definition_sha256",
    "resource_uri", "prompt_name", "decision", "decision_source", "decision_reason", "decision_basis", "policy_id",
    "required_scopes", "outcome", "http_status", "jsonrpc_error_code", "error_message", "duration_ms",
    "request_bytes", "response_bytes", "args_state", "result_state", "args_keys", "args_hmac", "result_hmac",
    "args_leaves", "result_leaves", "args_shingles", "result_shingles", "redactions", "sensitive_categories",
    "parse_warnings",
)  # fmt: skip
"""Columns of events that detections may use; beside them session, client, attempted, denied, reached and fresh.

Columns that no detection of a run names are not read for it.

`client` is the attested client where there is one, else what it calls itself. `fresh` marks the events of the window.
In `activity` a change that takes access away has the event_kind revocation, one that gives it back restoration. The
macro `network_of` names the network of an address.
"""

_OWN = ("world.sql", "activity.sql", "tools.sql", "calls.sql", "owners.sql")


def columns_for(detections: Iterable[Detection]) -> tuple[str, ...]:
    """Return those of COLUMNS that the detections or the world itself name; all, where a detection is a function."""
    detections = list(detections)
    if any(d.find is not None for d in detections):
        return COLUMNS
    asked = (t for d in detections for t in (d.sql, d.explain, *d.requires, *d.rollout))
    named = set(re.findall(r"\w+", " ".join((*asked, *map(text, _OWN), *ENTITIES)).lower()))
    return tuple(name for name in COLUMNS if name in named)


def build(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    activity: str,
    window: tuple[datetime, datetime],
    told: Overrides | None = None,
    *,
    owners: str | None = None,
    habits: str | None = None,
    sessions: str | None = None,
    summed: Mapping[str, str] | None = None,
) -> None:
    """Make `events`, `activity`, its summaries, `tool_classes` and the tables of owners.sql from named relations.

    `events` has COLUMNS and `session`; `activity` the columns of activity.sql; `owners`, `habits` and `sessions` those
    of the lake's tables owners, tool_habits and session_states, nothing when not given; `summed` the relations of
    history.SUMMARIES, which are made from `activity` when not given. Both ends belong to the window. `tool_classes`
    says of every tool what it does, `told` being what an operator says of it; the view `calls` is every call of a tool
    with that. In a summary `past` marks what was before the window; shared.sql says what is made of them.
    """
    without_values(connection, events, activity, window, told, sessions=sessions, summed=summed)
    _given(connection, "lake_owners", "owners", owners)
    _given(connection, "lake_habits", "tool_habits", habits)
    connection.execute(text("owners.sql"))


def without_values(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    activity: str,
    window: tuple[datetime, datetime],
    told: Overrides | None = None,
    *,
    sessions: str | None = None,
    summed: Mapping[str, str] | None = None,
) -> None:
    """Make what `build` makes, but for the tables of owners.sql, which take the most time and few detections ask."""
    count_hours(connection, events, activity, window)
    for name in history.SUMMARIES:
        _summary(connection, name, (summed or {}).get(name))
    weeks, others = text("shared.sql").split(";\n\n", 1)
    connection.execute(weeks, {"to": window[1]})
    connection.execute(others)
    tools = connection.sql(text("tools.sql")).fetchall()
    connection.register("given_classes", classify(tools, told))
    connection.execute(text("calls.sql"))
    connection.unregister("given_classes")
    _given(connection, "sessions", "session_states", sessions)


def count_hours(
    connection: duckdb.DuckDBPyConnection, events: str, activity: str, window: tuple[datetime, datetime]
) -> None:
    """Make `events`, `activity` and `fresh_activity`, the hours of the window, alone."""
    _view(connection, "lake_events", events)
    _view(connection, "lake_activity", activity)
    first, second = text("world.sql").split(";\n\n", 1)
    connection.execute(first, {"from": window[0], "to": window[1]})
    connection.execute(f"CREATE OR REPLACE TABLE fresh_activity AS {text('activity.sql')}")
    connection.execute(second)


def _summary(connection: duckdb.DuckDBPyConnection, name: str, kept: str | None) -> None:
    """Make a summary of the window's hours, and the relation of it with that of the hours before.

    What is kept is read when it is asked for: detections name few of its columns, and copying all takes longer.
    """
    connection.execute(f"CREATE OR REPLACE TABLE fresh_{name} AS {history.summed(name, 'fresh_activity')}")
    if kept is None:
        kept = f"past_{name}"
        connection.execute(f"CREATE OR REPLACE TABLE {kept} AS {history.summed(name, 'lake_activity')}")
    connection.execute(f"""
        CREATE OR REPLACE TEMP VIEW {name} AS
        SELECT *, true AS past FROM {kept} UNION ALL BY NAME SELECT *, false AS past FROM fresh_{name}""")  # noqa: S608 - our own names


def _given(connection: duckdb.DuckDBPyConnection, name: str, table: str, relation: str | None) -> None:
    """Name what is given of a table of the lake; nothing of it when nothing is given."""
    if relation is None:
        connection.register(f"no_{table}", TABLES[table].stored.empty_table())
    _view(connection, name, relation or f"no_{table}")


def _view(connection: duckdb.DuckDBPyConnection, name: str, relation: str) -> None:
    if name != relation:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM {relation}")


def relation(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]
) -> duckdb.DuckDBPyRelation:
    """Return the answer to a detection's SQL; of the parameters those it names are bound."""
    named = duckdb.extract_statements(sql)[0].named_parameters
    return connection.sql(sql, params={name: parameters[name] for name in named})


def text(name: str) -> str:
    """Return the SQL in a file of this folder."""
    return history.text(name)
