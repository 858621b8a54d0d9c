"""What an OCSF event tells that has no column here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.fields import ABSENT, spare
from ingest.mcp import METHOD_KINDS, trace_of
from ingest.wire import ocsf as wire

Raw = msgspec.Raw
_SAID_AGAIN = frozenset({
    "activity_name", "category_uid", "category_name", "class_name", "type_uid", "type_name", "severity",
})  # fmt: skip
"""Fields that only name numbers of the event again."""


def unnamed(
    events: Sequence[wire.Event], actors: Sequence[wire.Actor], apis: Sequence[wire.Api]
) -> dict[str, list[Raw]]:
    """Return what has no column."""
    inner: dict[str, tuple[type[msgspec.Struct], list[Any]]] = {
        "/metadata": (wire.Metadata, [e.metadata for e in events]),
        "/metadata/product": (wire.Product, [e.metadata.product if e.metadata else None for e in events]),
        "/actor": (wire.Actor, list(actors)),
        "/actor/user": (wire.User, [a.user for a in actors]),
        "/actor/session": (wire.Session, [a.session for a in actors]),
        "/api": (wire.Api, list(apis)),
        "/api/request": (wire.Request, [a.request for a in apis]),
        "/api/response": (wire.Response, [a.response for a in apis]),
        "/src_endpoint": (wire.Endpoint, [e.src for e in events]),
        "/dst_endpoint": (wire.Endpoint, [e.dst for e in events]),
        "/http_request": (wire.HttpRequest, [e.http_request for e in events]),
        "/http_response": (wire.HttpResponse, [e.http_response for e in events]),
        "/ai_agent": (wire.Agent, [e.agent for e in events]),
        "/ai_model": (wire.Model, [e.model for e in events]),
        "/message_context": (wire.Context, [e.context for e in events]),
        "/trace": (wire.Trace, [e.trace for e in events]),
        "/trace/span": (wire.Span, [e.trace.span if e.trace else None for e in events]),
    }
    found = spare("", events, wire.Event, without=_SAID_AGAIN)
    for pointer, (kind, parts) in inner.items():
        if any(parts):
            nothing = kind()
            found |= spare(pointer, [p or nothing for p in parts], kind, without=("data",))
    return found | {
        "/class_uid": [ABSENT if e.class_uid == 6003 else _raw(e.class_uid) for e in events],
        "/activity_id": [
            _raw(e.activity_id)
            if e.activity_id is not None and e.activity_id not in wire.OPERATIONS
            else ABSENT
            for e in events
        ],
        "/api/operation": [
            ABSENT
            if a.operation is None or e.context or e.agent or a.operation in METHOD_KINDS
            else _raw(a.operation)
            for e, a in zip(events, apis, strict=True)
        ],
        "/status_code": [_raw(e.status_code) if e.status_code else ABSENT for e in events],
        "/trace/uid": [
            _raw(e.trace.uid) if e.trace and e.trace.uid and trace_of(e.trace.uid) is None else ABSENT
            for e in events
        ],
    }


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
