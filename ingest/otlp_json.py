"""OTLP export requests in JSON become records: each log record or span alone, with its resource and scope.

The shape is that of `ingest/otlp_proto.py`. What stands around an element is copied as it was sent, fields nobody
knows yet included: its adapter decides what to make of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ingest.decode import parse_object

Raw = msgspec.Raw


@dataclass(frozen=True)
class Names:
    """What a kind of request calls its three lists."""

    groups: str
    scopes: str
    elements: str


LOGS = Names("resourceLogs", "scopeLogs", "logRecords")
SPANS = Names("resourceSpans", "scopeSpans", "spans")

_lists = msgspec.json.Decoder(list[Raw] | None)
_objects = msgspec.json.Decoder(dict[str, Raw])
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


def split(body: bytes, names: Names) -> list[bytes]:
    """Return the elements of a request; ValueError says why the body is none."""
    request = parse_object(
        body.translate(_LINE_ENDS)
    )  # in JSON a line end is white space, never part of a string
    try:
        return list(_elements(request, names))
    except msgspec.MsgspecError as error:
        raise ValueError(f"not an OTLP request: {error}") from error


def either(value: bytes) -> list[bytes]:
    """Return what a message on a topic holds, log records or spans; ValueError if it holds neither."""
    records = split(value, LOGS) or split(value, SPANS)
    if not records:
        raise ValueError("it holds neither log records nor spans")
    return records


def _elements(request: dict[str, Raw], names: Names) -> Iterator[bytes]:
    for group in _list(request, names.groups):
        outer = _objects.decode(group)
        scopes = _list(outer, names.scopes)
        for scoped in scopes:
            inner = _objects.decode(scoped)
            elements = _list(inner, names.elements)
            before = b'{"%b":[%b"%b":[%b"%b":[' % (
                names.groups.encode(), _open(outer), names.scopes.encode(), _open(inner), names.elements.encode()
            )  # fmt: skip
            for element in elements:
                yield before + bytes(element) + b"]}]}]}"


def _list(fields: dict[str, Raw], name: str) -> list[Raw]:
    return _lists.decode(fields.pop(name, b"null")) or []


def _open(fields: dict[str, Raw]) -> bytes:
    """Return an object without its end, to go on from."""
    return msgspec.json.encode(fields)[:-1] + b"," if fields else b"{"
