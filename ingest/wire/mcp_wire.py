"""A recorded wire: lines that hold JSON-RPC messages, each with what the recorder knew of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from ingest.decode import decode, parse_object
from ingest.fields import ABSENT, Int
from ingest.parsed import Reject

Raw = msgspec.Raw


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """An envelope around `message` (ours) or `payload` (GitHub's MCP gateway), or a message alone."""

    time: str | None = None
    direction: str | None = None
    session_id: str | None = None
    connection: str | None = None
    server: str | None = None
    peer: str | None = None
    transport: str | None = None
    status: Int | None = None
    headers: dict[str, Any] | None = None
    message: Raw = ABSENT
    timestamp: str | None = None
    type: str | None = None
    server_id: str | None = None
    payload: Raw = ABSENT
    tool_name: str | None = None
    reason: str | None = None
    jsonrpc: str | None = None
    id: Raw = ABSENT
    method: str | None = None
    params: Raw = ABSENT
    result: Raw = ABSENT
    error: Raw = ABSENT


class Head(msgspec.Struct, gc=False):
    """What tells a request, a notification and a response apart."""

    method: str | None = None
    id: int | str | float | None = None
    result: Raw = ABSENT
    error: Raw = ABSENT


class Info(msgspec.Struct, gc=False):
    """Who a server says it is."""

    name: str | None = None


class Meta(msgspec.Struct, gc=False):
    """A result's `_meta`, where MCP 2026-07-28 has the server say who it is."""

    server: Info | None = msgspec.field(name="io.modelcontextprotocol/serverInfo", default=None)


class Result(msgspec.Struct, gc=False):
    """A result, as far as it speaks of the server."""

    server: Info | None = msgspec.field(name="serverInfo", default=None)
    meta: Meta | None = msgspec.field(name="_meta", default=None)
    protocol: str | None = msgspec.field(name="protocolVersion", default=None)


class Message(msgspec.Struct, gc=False):
    """One message of a line: its raw bytes (absent where the line has none), and what tells its sort."""

    line: Line
    raw: Raw
    head: Head
    headers: dict[str, str]


@dataclass
class Messages:
    """The messages of a batch of lines; `record[i]` is the line that message i came from."""

    messages: list[Message] = field(default_factory=list)
    unmapped: list[bytes | None] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


NO_RESULT = Result()
_NO_HEAD = Head()
_NO_HEADERS: dict[str, str] = {}
NO_LINE = Line()
_MOST = 10_000
_OTHER = {"server": "client", "client": "server"}
_NOWHERE, _ANYWHERE = "nowhere", "anywhere"
"""Places of requests that name neither session nor connection, and of any."""
_head = msgspec.json.Decoder(Head)
_result = msgspec.json.Decoder(Result)
_list = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(str)
_id = msgspec.json.Decoder(int | str | float | None)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read(records: Sequence[bytes]) -> Messages:
    """Take the lines apart, in order; a line of no message that can be read is rejected whole."""
    arrays = {i for i, record in enumerate(records) if record.lstrip()[:1] == b"["}
    others = [record for i, record in enumerate(records) if i not in arrays]
    decoded = decode(others, Line)
    places = [i for i in range(len(records)) if i not in arrays]
    indices = range(len(others)) if decoded.record is None else decoded.record
    unknown = decoded.unmapped or [None] * len(decoded.events)
    lines = {places[i]: (line, rest) for i, line, rest in zip(indices, decoded.events, unknown, strict=True)}
    failed = {places[reject.record]: reject.reason for reject in decoded.rejects}
    out = Messages()
    for index, record in enumerate(records):
        if index in failed:
            out.rejects.append(Reject(index, failed[index]))
            continue
        line, rest = lines.get(index, (NO_LINE, None))
        try:
            found = _taken_apart(line, _batch(record) if index in arrays else _body(line, record))
        except ValueError as error:
            out.rejects.append(Reject(index, str(error)))
            continue
        out.messages += found
        out.unmapped += [rest] * len(found)
        out.record += [index] * len(found)
    return out


def _batch(record: bytes) -> Raw:
    """Return a bare JSON-RPC batch, checked the way an object would be."""
    parse_object(b'{"batch":' + record + b"}")
    return Raw(record)


def _body(line: Line, record: bytes) -> Raw:
    if line.message is not ABSENT:
        return line.message
    if line.payload is not ABSENT:
        return line.payload
    return Raw(record) if line.jsonrpc is not None else ABSENT


def _taken_apart(line: Line, body: Raw) -> list[Message]:
    spot = "$.payload" if line.message is ABSENT and line.payload is not ABSENT else "$.message"
    headers = _lowered(line.headers) if line.headers else _NO_HEADERS
    raw = bytes(body).strip()
    if raw[:1] == b'"':
        try:
            raw = _text.decode(raw).strip().encode()
        except (*_BAD, UnicodeEncodeError) as error:
            raise ValueError(f"not text: {error} - at `{spot}`") from error
    if raw in (b"", b"null"):
        if line.status is None and line.tool_name is None and not headers:
            raise ValueError("Object has neither a message nor a status, headers or tool_name - at `$`")
        return [Message(line, ABSENT, _replied_to(line.id), headers)]
    try:
        parts = _list.decode(raw) if raw[:1] == b"[" else [Raw(raw)]
        if not 0 < len(parts) <= _MOST:
            raise ValueError(f"a batch of {len(parts)} messages - at `{spot}`")
        return [Message(line, Raw(bytes(part)), _sorted_out(part, spot), headers) for part in parts]
    except _BAD as error:
        raise ValueError(f"no JSON-RPC message: {error} - at `{spot}`") from error


def _replied_to(id_: Raw) -> Head:
    """Return the id that a bare HTTP answer replies to, where the recorder gives it."""
    try:
        return _NO_HEAD if id_ is ABSENT else Head(id=_id.decode(id_))
    except _BAD as error:
        raise ValueError(f"no JSON-RPC id: {error} - at `$.id`") from error


def _sorted_out(part: Raw, spot: str) -> Head:
    head = _head.decode(part)
    if head.method is None and head.result is ABSENT and head.error is ABSENT:
        raise ValueError(f"no JSON-RPC message: neither `method`, `result` nor `error` - at `{spot}`")
    return head


def _lowered(headers: dict[str, Any]) -> dict[str, str]:
    """Return headers by lower-case name, the first value of each."""
    found = {}
    for name, value in headers.items():
        text = value[0] if isinstance(value, list) and value else value
        if isinstance(text, str) and text:
            found[name.lower()] = text
    return found


def pairs(
    messages: Sequence[Message], sides: Sequence[str | None], sessions: Sequence[str | None]
) -> dict[int, int]:
    """Return, by a request's row, the row of its answer: the next that goes the other way with its id.

    It is of the request's session or connection, unless one of the two names neither.
    """
    waiting: dict[tuple[str | None, ...], int] = {}
    found: dict[int, int] = {}
    for row, (message, side, session) in enumerate(zip(messages, sides, sessions, strict=True)):
        head, line = message.head, message.line
        if head.id is None:
            continue
        name = (line.server or line.server_id, str(head.id))
        places = [f"/{place}" for place in (session, line.connection) if place]
        if head.method is not None:
            for place in (*(places or [_NOWHERE]), _ANYWHERE):
                waiting[side, place, *name] = row
            continue
        other = _OTHER.get(side or "")
        keys = [(other, place, *name) for place in ([*places, _NOWHERE] if places else [_ANYWHERE])]
        asked = next((waiting[key] for key in keys if key in waiting), None)
        if asked is not None and asked not in found:
            found[asked] = row
    return found


def server_of(raw: bytes | str | None) -> Result:
    """Return what a result says of its server."""
    if not isinstance(raw, bytes) or b"erver" not in raw:
        return NO_RESULT
    try:
        return _result.decode(raw)
    except _BAD:
        return NO_RESULT


@lru_cache(maxsize=8192)
def header_text(value: str) -> str:
    """Return a header's text, out of base64 where it is marked so: =?base64?...?=."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return value
