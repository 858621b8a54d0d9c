"""A mapping file to begin with, written from records: what their fields are called decides which column is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from console.leaves import is_logfmt, leaves
from console.terminal import visible
from ingest.mapping.parser import Mapped, objects_of
from ingest.mapping.paths import Path, show_path
from ingest.parsed import Adapter
from ingest.redact import Redactor
from store.errors import UsageError
from store.events import BY_NAME

Fields = dict[Path, list[Any]]
_LONGEST = 48
_MEANT = {
    "decision": {"allow": "allow allowed ok yes true permit permitted pass approved accept",
                 "deny": "deny denied no false block blocked reject rejected forbidden refused"},
    "outcome": {"success": "success ok true done completed succeeded",
                "tool_error": "error false failed failure", "timeout": "timeout", "denied": "denied forbidden"},
}  # fmt: skip
"""What words usually mean."""
_NAMES: dict[str, tuple[str, ...]] = {
    "event_time": ("time", "timestamp", "ts", "at", "datetime", "starttime", "eventtime", "occurredat"),
    "native_event_id": ("id", "eventid", "auditid", "uuid"),
    "mcp_method": ("method", "mcpmethod", "mcpmethodname", "rpcmethod", "verb"),
    "user_id": ("user", "userid", "sub", "subject", "principal", "who", "jwtsub"),
    "user_email": ("email", "useremail", "mail", "jwtemail"),
    "user_name": ("username", "displayname"),
    "user_groups": ("groups", "teams", "roles"),
    "org_id": ("org", "orgid", "tenant", "tenantid", "organization"),
    "client_name": ("client", "clientname", "app"),
    "client_oauth_id": ("clientid", "azp"),
    "client_address": ("ip", "clientip", "remoteaddr", "sourceip", "srcaddr", "downstreamremoteaddress"),
    "user_agent": ("useragent", "ua"),
    "session_id": ("session", "sessionid", "mcpsessionid", "sid"),
    "trace_id": ("traceid",),
    "span_id": ("spanid",),
    "http_request_id": ("requestid", "xrequestid", "reqid"),
    "gateway_name": ("gateway", "route"),
    "server_name": ("server", "servername", "mcpserver", "upstream", "backend", "target"),
    "tool_name": ("tool", "toolname", "mcptool", "mcptoolname", "genaitoolname"),
    "resource_uri": ("resource", "resourceuri", "uri"),
    "decision": ("decision", "verdict", "action", "allowed", "allow"),
    "decision_reason": ("reason", "denyreason"),
    "policy_id": ("policy", "policyid", "rule", "ruleid"),
    "outcome": ("outcome", "status", "ok", "success"),
    "http_status": ("statuscode", "httpstatus", "responsecode", "status", "code"),
    "error_message": ("error", "errormessage", "err"),
    "duration_ms": ("duration", "latency", "elapsed", "took"),
    "request_bytes": ("bytesreceived", "requestbytes"),
    "response_bytes": ("bytessent", "responsebytes"),
    "arguments": ("arguments", "args", "params", "input", "toolinput"),
    "result": ("result", "output", "response"),
}
"""What fields are usually called, without case and punctuation, for each column worth guessing."""
_UNIT = re.compile(r"[_.]?(ns|us|ms|s|sec|seconds|millis|micros|nanos)$", re.IGNORECASE)
_UNITS = {"sec": "s", "seconds": "s", "millis": "ms", "micros": "us", "nanos": "ns"}


def skeleton(records: Sequence[bytes], adapter: Adapter | None, redactor: Redactor) -> str:
    """Return a mapping file for records of no format, or one that adds columns to the format they are of.

    Secrets are taken out of the values shown. UsageError says that there is nothing to write one from.
    """
    found = _fields(records, adapter)
    if not found:
        raise UsageError(
            "no record has fields to map", hint="a record is a JSON object, or key=value text, on one line"
        )
    columns, rest = _guessed(found)
    mark = "" if adapter is None else "# "
    lines = ['summary = "say what writes these records"', *_head(records, adapter), "", "[columns]"]
    lines += [_line(mark + column, path, found[path], redactor) for column, path in columns.items()]
    if adapter is None:
        lines += _constants(columns)
    if rest:
        lines += ["", "# Fields without a column are kept in `unmapped`. To give one a column, name it here:"]
        lines += [_line("# COLUMN", path, found[path], redactor) for path in rest]
    if adapter is None:
        lines += _refusals(columns, found, redactor)
    return "\n".join(lines) + "\n"


def _fields(records: Sequence[bytes], adapter: Adapter | None) -> Fields:
    if adapter is None:
        return leaves(records)
    parse = adapter.parse.base if isinstance(adapter.parse, Mapped) and adapter.parse.base else adapter.parse
    left = [bytes(raw) for raw in parse(records).columns.get("unmapped", ()) if raw is not None]
    return {(path[0].removeprefix("/"), *path[1:]): values for path, values in leaves(left).items()}


def _head(records: Sequence[bytes], adapter: Adapter | None) -> Iterator[str]:
    if adapter is not None:
        base = adapter.parse.mapping.extends if isinstance(adapter.parse, Mapped) else None
        yield f"extends = {_quoted(base or adapter.id)}"
        return
    kind = "logfmt" if is_logfmt(records[0]) else "json"
    objects, _, _ = objects_of(records, kind)
    always = [key for key in objects[0] if all(key in item for item in objects)]
    if kind == "logfmt":
        yield 'records = "logfmt"'
    yield from (
        "",
        "# The keys every record of this log has and no other log's; fewer are better than too many.",
    )
    yield "[recognise]"
    yield f"keys = [{', '.join(_quoted(key) for key in always[:6])}]"


def _guessed(found: Fields) -> tuple[dict[str, Path], list[Path]]:
    """Return the column guessed for a field, and the fields none was guessed for."""
    columns: dict[str, Path] = {}
    for path, values in found.items():
        column = _column(path, values[0] if values else None)
        if column is not None and column not in columns:
            columns[column] = path
    ordered = {
        name: columns[name] for name in (*BY_NAME, "arguments", "result", "session_id") if name in columns
    }
    return ordered, [path for path in found if path not in columns.values()]


def _column(path: Path, value: Any) -> str | None:
    for name in (path[-1], "".join(path)):
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        bare = re.sub(r"[^a-z0-9]", "", _UNIT.sub("", name).lower())
        for column, names in _NAMES.items():
            if (plain in names or (_timed(column) and bare in names)) and _plausible(column, value):
                return column
    return None


def _timed(column: str) -> bool:
    return column in ("event_time", "duration_ms")


def _plausible(column: str, value: Any) -> bool:
    """Say whether a column can hold a value such as this."""
    if column in ("arguments", "result"):
        return True
    if column in ("http_status", "request_bytes", "response_bytes"):
        return str(value).isdigit()
    if column == "outcome":
        return not str(value).isdigit()
    if column == "user_groups":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return not isinstance(value, dict | list)


def _line(marked: str, path: Path, values: Sequence[Any], redactor: Redactor) -> str:
    source, column = _quoted(show_path(path)), marked.removeprefix("# ")
    first = values[0] if values else None
    if column == "event_time" and isinstance(first, int | float):
        source = f'{{ from = {source}, unit = "{_epoch_unit(first)}" }}'
    elif column == "duration_ms" and (unit := _UNIT.search(path[-1])) is not None:
        source = f'{{ from = {source}, unit = "{_UNITS.get(unit[1].lower(), unit[1].lower())}" }}'
    elif column in _MEANT:
        words = ", ".join(f'{_quoted(_word(v, redactor))} = "{_meaning(column, v)}"' for v in values)
        source = f'{{ from = {source}, words = {{ {words} }}, otherwise = "unknown" }}'
    return f"{marked} = {source}  # {_example(first, redactor)}"


def _word(value: Any, redactor: Redactor) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return str(redactor.text(text[:_LONGEST]).text)


def _meaning(column: str, value: Any) -> str:
    word = str(value).lower()
    return next((meaning for meaning, words in _MEANT[column].items() if word in words.split()), "unknown")


def _refusals(columns: Mapping[str, Path], found: Fields, redactor: Redactor) -> Iterator[str]:
    """Yield what says that a stated refusal is one: an explicit denial."""
    path = columns.get("decision")
    words = [v for v in found[path] if _meaning("decision", v) == "deny"] if path is not None else []
    if path is None or not words:
        return
    yield from ("", "[[when]]", f"from = {_quoted(show_path(path))}")
    yield f"is = [{', '.join(_quoted(_word(word, redactor)) for word in words)}]"
    yield 'set = { decision_basis = "explicit", outcome = "denied" }'


def _epoch_unit(value: float) -> str:
    return next((unit for unit, limit in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if value < limit), "ns")


def _constants(columns: Mapping[str, Path]) -> Iterator[str]:
    if "mcp_method" not in columns:
        yield 'event_kind = { value = "tool_call" }  # if every record is one'
    yield 'evidence_kind = { value = "audit_event" }  # or access_log, span, otel_log, text_log'
    yield 'vantage = { value = "gateway" }  # or client, policy_engine, server'


def _example(value: Any, redactor: Redactor) -> str:
    text = redactor.json(msgspec.json.encode(value)).text
    shown = visible(text.decode(errors="replace") if isinstance(text, bytes) else text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _quoted(text: str) -> str:
    """Return a TOML string, in the quotes that need no escapes if there are such."""
    if '"' in text and "'" not in text and visible(text) == text:
        return f"'{text}'"
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if visible(char) == char else f"\\U{ord(char):08x}"
