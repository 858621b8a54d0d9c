"""Events as OCSF API Activity (6003): what a SIEM takes in.

Written against OCSF 1.8.0 with its profiles `ai_operation`, `security_control` and `trace`. OCSF has no class for MCP;
of what it has no attribute for, everything but fingerprints stands in `unmapped` under our own column names, so that
nothing is lost on the way and the record can be read back. A fact that is not known has no attribute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

Row = Mapping[str, Any]

VERSION = "1.8.0"
CLASS, CATEGORY = 6003, 6
PROFILES = ["ai_operation", "security_control", "trace"]
TOOL_ROLE = 3
SHA256 = 3

ACTIVITIES = {"read": (2, "Read"), "write": (3, "Update"), "destructive": (4, "Delete")}
READING = frozenset({
    "tool_list", "resource_read", "resource_list", "prompt_get", "prompt_list", "completion", "discover", "ping",
    "roots",
})  # fmt: skip
ACTIONS = {
    "allow": (1, "Allowed"), "deny": (2, "Denied"), "observe": (3, "Observed"), "modify": (4, "Modified"),
    "ask": (99, "ask"), "error": (99, "error"),
}  # fmt: skip
DISPOSITIONS = {
    "allow": (1, "Allowed"), "deny": (2, "Blocked"), "observe": (17, "Logged"), "modify": (11, "Corrected"),
    "ask": (23, "Challenge"), "error": (27, "Error"),
}  # fmt: skip
UNAUTHORIZED = (26, "Unauthorized")
FAILURES = frozenset({"tool_error", "protocol_error", "transport_error", "timeout", "cancelled", "denied"})
TARGETS = (("tool", "tool_name"), ("resource", "resource_uri"), ("prompt", "prompt_name"))

MOMENTS = frozenset({"event_time", "recorded_time", "ingest_time"})
PLACED = frozenset({
    "event_id", "event_time", "recorded_time", "ingest_time", "event_date", "source_system", "source_format",
    "native_event_id", "raw_sha256", "operation_class", "user_id", "user_name", "user_email",
    "user_groups", "org_id", "user_issuer", "client_oauth_id", "client_name", "user_agent", "client_address",
    "model_name", "model_provider", "credential_id", "session_key", "conversation_id", "http_request_id",
    "trace_id", "span_id", "server_name", "server_id", "protocol_version", "tool_name", "resource_uri",
    "prompt_name", "decision_reason", "policy_id", "policy_version", "http_status", "jsonrpc_error_code",
    "error_message", "args_json",
})  # fmt: skip
"""Columns that have an attribute of their own."""


def records(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Yield one API Activity per event of a batch with the columns of `events`."""
    rest = [name for name in batch.schema.names if name not in PLACED]
    for row in with_times_as_text(batch).to_pylist():
        yield _record(row, rest)


def with_times_as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose times are RFC 3339 texts, and event_time, recorded_time and ingest_time numbers beside.

    Bytes are hexadecimal. The numbers are microseconds since 1970, under the column's name with `_us`.
    """
    names, columns = [], []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            if name in MOMENTS:
                names.append(f"{name}_us")
                columns.append(column.cast(pa.int64()))
            column = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S+00:00")  # noqa: PLW2901 - the same, as text
        elif pa.types.is_binary(column.type):
            digits = [None if value is None else value.hex() for value in column.to_pylist()]
            column = pa.array(digits, pa.string())  # noqa: PLW2901 - the same, as text
        names.append(name)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names)


def _record(row: Row, rest: Sequence[str]) -> dict[str, Any]:
    activity, activity_name = _activity(row)
    made = {
        "class_uid": CLASS, "class_name": "API Activity", "category_uid": CATEGORY,
        "category_name": "Application Activity", "activity_id": activity, "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity, "type_name": f"API Activity: {activity_name}",
        **_severity(row), "time": row["event_time_us"] // 1000, "message": message(row),
        "duration": None if row["duration_ms"] is None else round(row["duration_ms"]),
        "metadata": _metadata(row), "actor": _actor(row), "api": _api(row), "src_endpoint": _source(row),
        "dst_endpoint": _some(svc_name=row["server_name"], uid=row["server_id"]),
        "http_request": _some(uid=row["http_request_id"], user_agent=row["user_agent"]),
        "http_response": _response(row),
        "resources": _resources(row), **_control(row), **_status(row), "ai_model": _model(row),
        "message_context": _context(row), "trace": _trace(row),
        "raw_data_hash": {"algorithm_id": SHA256, "algorithm": "SHA-256", "value": row["raw_sha256"]},
        "unmapped": {name: row[name] for name in rest if row[name] is not None},
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def message(row: Row) -> str:
    """Return an event in a sentence: what was done or refused, where, for whom."""
    what = (
        row["tool_name"]
        or row["resource_uri"]
        or row["prompt_name"]
        or row["mcp_method"]
        or row["event_kind"]
    )
    where = f" on {row['server_name']}" if row["server_name"] else ""
    who = row["user_email"] or row["user_name"] or row["user_id"]
    verdict = "denied" if row["event_class"] == "denial" else row["outcome"]
    return f"{what}{where}{f' by {who}' if who else ''}: {verdict}"


def _some(**facts: Any) -> dict[str, Any] | None:
    known = {name: value for name, value in facts.items() if value is not None}
    return known or None


def _activity(row: Row) -> tuple[int, str]:
    if (known := ACTIVITIES.get(row["operation_class"] or "")) is not None:
        return known
    return (
        ACTIVITIES["read"] if row["event_kind"] in READING else (99, row["mcp_method"] or row["event_kind"])
    )


def _severity(row: Row) -> dict[str, Any]:
    if row["event_class"] == "denial":
        return {"severity_id": 2, "severity": "Low"}
    return {"severity_id": 1, "severity": "Informational"}


def _metadata(row: Row) -> dict[str, Any]:
    recorded = row["recorded_time_us"]
    return {
        "version": VERSION, "product": {"name": row["source_system"], "vendor_name": row["source_system"]},
        "profiles": PROFILES, "uid": row["event_id"], "log_name": row["source_format"],
        "logged_time": (row["ingest_time_us"] if recorded is None else recorded) // 1000,
        "processed_time": row["ingest_time_us"] // 1000,
        "original_time": row["event_time"],
        **(_some(original_event_uid=row["native_event_id"]) or {}),
    }  # fmt: skip


def _actor(row: Row) -> dict[str, Any]:
    user = _some(
        uid=row["user_id"], name=row["user_name"] or (None if row["user_id"] else row["user_email"]),
        email_addr=row["user_email"],
    )  # fmt: skip
    if user is not None:
        groups = row["user_groups"]
        user |= (
            _some(groups=[{"name": g} for g in groups] if groups else None, org=_some(uid=row["org_id"]))
            or {}
        )
    session = _some(uid=row["session_key"], issuer=row["user_issuer"], credential_uid=row["credential_id"])
    actor = _some(user=user, session=session, app_name=row["client_name"], app_uid=row["client_oauth_id"])
    return actor or {"invoked_by": row["source_system"]}


def _api(row: Row) -> dict[str, Any]:
    called = row["jsonrpc_id"] or row["tool_call_id"] or row["http_request_id"] or row["event_id"]
    sent = _arguments(row["args_json"])
    code = row["jsonrpc_error_code"] if row["jsonrpc_error_code"] is not None else row["http_status"]
    return {
        "operation": row["tool_name"] or row["mcp_method"] or row["event_kind"],
        "group": {"name": "MCP"},
        "request": {"uid": called, **({} if sent is None else {"data": sent})},
        **(_some(
            service=_some(name=row["server_name"], uid=row["server_id"]), version=row["protocol_version"],
            response=_some(code=code, error_message=row["error_message"]),
        ) or {}),
    }  # fmt: skip


def _arguments(text: str | None) -> Any:
    """Return arguments as the object they are, as text where they were cut."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _source(row: Row) -> dict[str, Any]:
    if row["client_address"]:
        return {"ip" if _is_ip(row["client_address"]) else "hostname": row["client_address"]}
    return {"svc_name": row["client_name"] or row["user_agent"] or row["source_system"]}


@lru_cache(maxsize=4096)
def _is_ip(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _response(row: Row) -> dict[str, Any] | None:
    if row["http_status"] is None:
        return None
    latency = row["duration_ms"]
    return _some(
        code=row["http_status"], body_length=row["response_bytes"],
        latency=None if latency is None else round(latency),
    )  # fmt: skip


def _resources(row: Row) -> list[dict[str, Any]] | None:
    found = [{"type": kind, "name": row[column]} for kind, column in TARGETS if row[column]]
    return found or None


def _control(row: Row) -> dict[str, Any]:
    decision = row["decision"]
    action, words = ACTIONS.get(decision, (0, "Unknown"))
    disposition = DISPOSITIONS.get(decision, (0, "Unknown"))
    if decision == "deny" and row["decision_source"] in ("authn", "acl"):
        disposition = UNAUTHORIZED
    policy = _some(uid=row["policy_id"], version=row["policy_version"])
    if policy is not None and row["policy_id"] is None:
        policy["name"] = "unnamed"
    return {
        "action_id": action, "action": words, "disposition_id": disposition[0], "disposition": disposition[1],
        "is_alert": False, "policy": policy,
        "authorizations": [{"decision": decision, **({"policy": policy} if policy else {})}] if action else None,
    }  # fmt: skip


def _status(row: Row) -> dict[str, Any]:
    outcome = row["outcome"]
    if outcome == "success":
        status, words = 1, "Success"
    elif outcome in FAILURES:
        status, words = 2, "Failure"
    elif outcome == "input_required":
        status, words = 99, outcome
    else:
        status, words = 0, "Unknown"
    return {
        "status_id": status, "status": words, "status_code": outcome,
        "status_detail": row["decision_reason"] or row["error_message"],
    }  # fmt: skip


def _model(row: Row) -> dict[str, Any] | None:
    if row["model_name"] is None:
        return None
    return {"name": row["model_name"], "ai_provider": row["model_provider"] or "Unknown"}


def _context(row: Row) -> dict[str, Any] | None:
    parties = _some(application=_some(name=row["client_name"]), service=_some(name=row["server_name"]))
    if parties is None:
        return None
    role = {"ai_role_id": TOOL_ROLE, "ai_role": "Tool"}
    return {**role, **parties, **(_some(uid=row["conversation_id"]) or {})}


def _trace(row: Row) -> dict[str, Any] | None:
    if row["trace_id"] is None:
        return None
    begin = row["event_time_us"] // 1000
    span = {"uid": row["span_id"], "start_time": begin, "end_time": begin + round(row["duration_ms"] or 0)}
    return {"uid": row["trace_id"], **({"span": span} if row["span_id"] else {})}
