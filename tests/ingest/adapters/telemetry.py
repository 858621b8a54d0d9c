"""Helpers to write OTLP as exporters do."""

from __future__ import annotations

from typing import Any

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return attributes with their values in OTLP's spelling."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}


def span(
    _name: str = "tools/call f", _kind: int = 2, _failed: str | None = None, **values: Any
) -> dict[str, Any]:
    """Return a span; attribute names have __ for a dot."""
    status = {} if _failed is None else {"status": {"code": 2, "message": _failed}}
    return {
        "name": _name, "kind": _kind, "traceId": TRACE, "spanId": SPAN,
        "startTimeUnixNano": "1787306400000000000", "endTimeUnixNano": "1787306400012500000",
        "attributes": attributes({key.replace("__", "."): value for key, value in values.items()}),
    } | status  # fmt: skip


def log(_name: str | None = None, **values: Any) -> dict[str, Any]:
    """Return a log record; attribute names have __ for a dot."""
    body = {} if _name is None else {"body": {"stringValue": _name}}
    return {
        "timeUnixNano": "1787306400000000000",
        "attributes": attributes({key.replace("__", "."): value for key, value in values.items()}),
    } | body


def spans(scope: str, *items: dict[str, Any], **resource: str) -> dict[str, Any]:
    """Return an export request of spans."""
    return {"resourceSpans": [{
        "resource": {"attributes": attributes({k.replace("__", "."): v for k, v in resource.items()})},
        "scopeSpans": [{"scope": {"name": scope}, "spans": list(items)}],
    }]}  # fmt: skip


def logs(scope: str, *items: dict[str, Any], **resource: str) -> dict[str, Any]:
    """Return an export request of log records."""
    return {"resourceLogs": [{
        "resource": {"attributes": attributes({k.replace("__", "."): v for k, v in resource.items()})},
        "scopeLogs": [{"scope": {"name": scope}, "logRecords": list(items)}],
    }]}  # fmt: skip
