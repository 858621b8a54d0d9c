"""JSON-RPC bodies inside log records: what was asked, what came back, and how it ended.

A body may be JSON, a JSON string holding JSON, an answer framed as server-sent events, or text cut
anywhere. What does not parse is handed on as text, so that nothing is lost.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.fields import ABSENT
from ingest.mcp import trace_parent

Raw = msgspec.Raw


class Request(msgspec.Struct, gc=False):
    """What a request body says: `target` is the tool, prompt or URI asked for; `cut`, text that does not parse."""

    arguments: bytes | str | None = None
    target: str | None = None
    jsonrpc_id: str | None = None
    client_name: str | None = None
    client_version: str | None = None
    protocol_version: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    cut: bool = False


class Response(msgspec.Struct, gc=False):
    """What a response body says; `outcome` is None when it proves nothing."""

    result: bytes | str | None = None
    outcome: str | None = None
    code: int | None = None
    message: str | None = None
    cut: bool = False


NO_REQUEST = Request()
NO_RESPONSE = Response()


class _Client(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None


class _Meta(msgspec.Struct, gc=False):
    client: _Client | None = msgspec.field(name="io.modelcontextprotocol/clientInfo", default=None)
    protocol: str | None = msgspec.field(name="io.modelcontextprotocol/protocolVersion", default=None)
    traceparent: str | None = None


class _Params(msgspec.Struct, gc=False):
    name: Raw = ABSENT
    uri: Raw = ABSENT
    arguments: Raw = ABSENT
    meta: _Meta | None = msgspec.field(name="_meta", default=None)
    client: _Client | None = msgspec.field(name="clientInfo", default=None)
    protocol: str | None = msgspec.field(name="protocolVersion", default=None)


class _Message(msgspec.Struct, gc=False):
    jsonrpc: Raw = ABSENT
    id: int | str | float | None = None
    params: Raw = ABSENT
    result: Raw = ABSENT
    error: Raw = ABSENT


class _Result(msgspec.Struct, gc=False):
    failed: bool | None = msgspec.field(name="isError", default=None)
    kind: str | None = msgspec.field(name="resultType", default=None)


class _Error(msgspec.Struct, gc=False):
    code: int | None = None
    message: str | None = None


_text = msgspec.json.Decoder(str)
_any = msgspec.json.Decoder(Raw)
_message = msgspec.json.Decoder(_Message)
_params = msgspec.json.Decoder(_Params)
_result = msgspec.json.Decoder(_Result)
_error = msgspec.json.Decoder(_Error)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LARGEST = 2**63


def request(body: Raw) -> Request:
    """Read a request: a JSON-RPC message, or its params alone, or only its arguments."""
    raw, text = _document(bytes(body))
    if raw is None:
        return NO_REQUEST if text is None else Request(arguments=text, cut=True)
    try:
        message = _message.decode(raw)
        inner = raw if message.params is ABSENT else bytes(message.params)
        params = _params.decode(inner)
    except _BAD:
        return Request(arguments=raw)
    if message.params is ABSENT and message.jsonrpc is not ABSENT:
        return Request(jsonrpc_id=_id(message.id))
    client = (params.meta.client if params.meta else None) or params.client
    trace_id, span_id = trace_parent(params.meta.traceparent if params.meta else None)
    return Request(
        arguments=_arguments(params, inner),
        target=_target(params),
        jsonrpc_id=None if message.params is ABSENT else _id(message.id),
        client_name=(client.name or None) if client else None,
        client_version=(client.version or None) if client else None,
        protocol_version=(params.meta.protocol if params.meta else None) or params.protocol or None,
        trace_id=trace_id,
        span_id=span_id,
    )


def response(body: Raw) -> Response:
    """Read a response: a JSON-RPC message, framed as server-sent events or not, or its result alone."""
    raw, text = _document(bytes(body))
    if raw is None and text is not None:
        raw = _last_event(text)
    if raw is None:
        return NO_RESPONSE if text is None else Response(result=text, cut=True)
    try:
        message = _message.decode(raw)
    except _BAD:
        return Response(result=raw)
    if message.error is not ABSENT and bytes(message.error) != b"null":
        return _refused(bytes(message.error))
    result = raw
    if message.result is not ABSENT:
        result = bytes(message.result)
    elif message.jsonrpc is not ABSENT:
        return Response(result=raw)
    return Response(result=result, outcome=_ending(result))


def _document(raw: bytes) -> tuple[bytes | None, str | None]:
    """Return the body as a JSON document, else as text, else neither."""
    if raw in (b"", b"null", b'""'):
        return None, None
    if raw[:1] != b'"':
        return raw, None
    try:
        text = _text.decode(raw)
    except _BAD:
        return None, raw.decode(errors="replace")
    inner = text.encode()
    try:
        _any.decode(inner)
    except _BAD:
        return None, text
    return inner, None


def _last_event(text: str) -> bytes | None:
    for line in reversed(text.splitlines()):
        if line.startswith("data:"):
            data = line[5:].strip().encode()
            try:
                _any.decode(data)
            except _BAD:
                return None
            return data
    return None


def _arguments(params: _Params, inner: bytes) -> bytes | None:
    if params.arguments is not ABSENT:
        return bytes(params.arguments)
    return None if params.name is not ABSENT else inner


def _target(params: _Params) -> str | None:
    raw = bytes(params.uri if params.name is ABSENT else params.name)
    try:
        return _text.decode(raw) or None
    except _BAD:
        return None


def _ending(result: bytes) -> str:
    try:
        shape = _result.decode(result)
    except _BAD:
        return "success"
    if shape.kind == "input_required":
        return "input_required"
    return "tool_error" if shape.failed else "success"


def _refused(error: bytes) -> Response:
    try:
        shape = _error.decode(error)
    except _BAD:
        return Response(outcome="protocol_error", message=error.decode(errors="replace"))
    code = shape.code if shape.code is not None and -_LARGEST <= shape.code < _LARGEST else None
    return Response(outcome="protocol_error", code=code, message=shape.message or None)


def _id(value: Any) -> str | None:
    return None if value is None else str(value)
