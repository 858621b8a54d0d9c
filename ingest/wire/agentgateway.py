"""agentgateway's access log lines, JSON or text, as structs; fields not named here end in `unmapped`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ingest.decode import Decoded, decode, one_object_each
from ingest.fields import ABSENT, Int
from ingest.logfmt import pairs
from ingest.parsed import Reject

Raw = msgspec.Raw

WIRE = {
    "address": "src.addr",
    "identity": "src.identity",
    "http_method": "http.method",
    "http_version": "http.version",
    "http_status": "http.status",
    "trace_id": "trace.id",
    "span_id": "span.id",
    "request_id": "request.id",
    "subject": "jwt.sub",
    "issuer": "jwt.iss",
    "email": "jwt.email",
    "person": "jwt.name",
    "token_id": "jwt.jti",
    "azp": "jwt.azp",
    "client_id": "jwt.client_id",
    "user_agent": "user_agent.original",
    "method": "mcp.method.name",
    "old_method": "mcp.method",
    "target": "mcp.target",
    "resource_type": "mcp.resource.type",
    "resource_uri": "mcp.resource.uri",
    "tool": "gen_ai.tool.name",
    "prompt": "gen_ai.prompt.name",
    "session_id": "mcp.session.id",
    "error_code": "mcp.error.code",
    "mcp_error": "mcp.error.message",
    "arguments": "mcp.tool.arguments",
    "result": "mcp.tool.result",
    "model": "gen_ai.request.model",
    "provider": "gen_ai.provider.name",
}


class Line(msgspec.Struct, gc=False, rename=WIRE):
    """One request; what is not named here goes to `unmapped`."""

    scope: Literal["request"]
    level: str | None = None
    time: str | None = None
    gateway: str | None = None
    address: str | None = None
    identity: str | None = None
    http_method: str | None = None
    http_version: str | None = None
    http_status: Int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    request_id: str | None = None
    subject: str | None = None
    issuer: str | None = None
    email: str | None = None
    person: str | None = None
    token_id: str | None = None
    azp: str | None = None
    client_id: str | None = None
    user_agent: str | None = None
    protocol: str | None = None
    method: str | None = None
    old_method: str | None = None
    target: str | None = None
    resource_type: str | None = None
    resource_uri: str | None = None
    tool: str | None = None
    prompt: str | None = None
    session_id: str | None = None
    error_code: Int | None = None
    mcp_error: str | None = None
    arguments: Raw = ABSENT
    result: Raw = ABSENT
    model: str | None = None
    provider: str | None = None
    error: str | None = None
    reason: str | None = None
    duration: str | None = None


class _Strict(Line, forbid_unknown_fields=True, gc=False, rename=WIRE):
    """The same for the slow way, which says what does not fit."""


_KNOWN = frozenset(f.encode_name for f in msgspec.structs.fields(Line))
_NUMBERS = frozenset({"http.status", "mcp.error.code"})
_lines = msgspec.json.Decoder(Line)
_items = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


def read(records: Sequence[bytes]) -> tuple[Decoded[Any], frozenset[int] | set[int]]:
    """Decode the lines, text ones by way of JSON, and tell which repeat a field."""
    wrong: list[Reject] = []
    repeated: set[int] = set()
    lines = list(records)
    for index, line in enumerate(records):
        if line[:1] != b"{" and line.lstrip()[:1] != b"{":
            try:
                lines[index], twice = _from_text(line)
            except ValueError as error:
                wrong.append(Reject(index, str(error)))
            else:
                if twice:
                    repeated.add(index)
    joined = b"\n".join(lines)
    decoded: Decoded[Any]
    if not wrong and one_object_each(lines):
        try:
            decoded = _decode_all(joined)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        else:
            if len(decoded.events) == len(lines):
                return decoded, repeated
    decoded = decode(lines, _Strict)
    reasons = {reject.record: reject for reject in wrong}
    decoded.rejects = [reasons.get(reject.record, reject) for reject in decoded.rejects]
    return decoded, repeated


def _decode_all(joined: bytes) -> Decoded[Any]:
    """Decode lines that all fit, setting aside what `Line` does not name; raises when one does not fit."""
    joined.decode()  # raw fields are taken as they are
    events = _lines.decode_lines(joined)
    unmapped = []
    for item in _items.decode_lines(joined):
        rest = {"/" + key: raw for key, raw in item.items() if key not in _KNOWN}
        unmapped.append(_encode(rest) if rest else None)
    return Decoded(events, unmapped=unmapped)


def _from_text(line: bytes) -> tuple[bytes, bool]:
    """Return the JSON line the gateway would have written, and whether a field came twice."""
    if not line.strip():
        raise ValueError("empty record")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    time, _, rest = text.partition("\t")
    level, _, rest = rest.partition("\t")
    scope, space, rest = rest.partition(" ")
    if not level or not space:
        raise ValueError("not an access log line: no '<time> TAB <level> TAB request <key>=<value>'")
    values, repeated = pairs(space + rest)
    taken = {"scope": scope, "level": level, "time": time}
    again = {f"{key}#2": values[key] for key in taken if key in values}
    fields: dict[str, Any] = {**values, **again, **taken}
    for key in _NUMBERS:
        number = values.get(key, "")
        if number.isascii() and number.removeprefix("-").isdigit():
            fields[key] = Raw(str(int(number[:20])).encode())
    return _encode(fields), repeated or bool(again)
