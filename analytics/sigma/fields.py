"""Which fields and log sources a Sigma rule may name, and what each is over the events a detection sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa
from sigma.exceptions import SigmaError
from sigma.rule import SigmaLogSource

from store import events

DERIVED = {"client": "text", "session": "text", "attempted": "bool", "denied": "bool", "reached": "bool"}
"""What the world of detections adds to the columns."""
ALIASES = {
    "user": "user_id", "username": "user_id", "user.name": "user_name", "user.email": "user_email",
    "src_ip": "client_address", "source.ip": "client_address", "sourceip": "client_address",
    "c-useragent": "user_agent", "tool": "tool_name", "server": "server_name", "method": "mcp_method",
    "arguments": "args_json", "action": "decision", "status": "http_status", "sc-status": "http_status",
    "event.action": "event_kind", "event.outcome": "outcome",
}  # fmt: skip
"""Names other schemas have for columns, beside those of OpenTelemetry that the columns themselves state."""
JSON_FIELDS = {"args_json", "unmapped"}
_INNER = {"delegation": "a.sub", "redactions": "a.kind"}
_NOT_ASKED = {
    "args_leaves", "result_leaves", "args_shingles", "result_shingles", "event_date",
    *(c.name for c in events.COLUMNS if c.group is events.Group.INTEGRITY),
}  # fmt: skip


class UnknownFieldError(SigmaError):
    """A rule names what events do not have."""


@dataclass(frozen=True)
class Field:
    """A field in SQL: `kind` is text, number, time, bool or texts (a list, of which any element may match).

    `path` is the JSON pointer of a field inside a JSON column, to be bound.
    """

    sql: str
    kind: str
    column: str
    path: str | None = None


def field(name: str) -> Field:
    """Return what a rule's field is; UnknownFieldError suggests the nearest name."""
    column = _column(name)
    if column is not None:
        return _plain(column)
    head, dot, rest = name.partition(".")
    column = _column(head)
    if dot and column in JSON_FIELDS:
        steps = [step.replace("~", "~0").replace("/", "~1") for step in rest.split(".")]
        return Field(f'"{column}"', "text", column, "/" + "/".join(steps))
    near = get_close_matches(name.lower(), _names(), n=1)
    hint = f"did you mean {near[0]}?" if near else "docs/sigma.md lists them"
    raise UnknownFieldError(f"events have no field {name!r}: {hint}")


def text_fields() -> list[Field]:
    """Return the fields a keyword is looked for in: texts that a source wrote, not those computed or enumerated."""
    computed = {
        "args_hmac",
        "result_hmac",
        "session_key",
        "tool_definition_sha256",
        "args_keys",
        "redactions",
    }
    return [
        _plain(c.name)
        for c in events.COLUMNS
        if c.group is not events.Group.ENVELOPE and not c.enum and c.name not in computed | _NOT_ASKED
        if _kind(c.name) in ("text", "texts")
    ]


def where(source: SigmaLogSource) -> tuple[str, Mapping[str, str]] | None:
    """Return the condition of a log source and its values to bind, or None for a product that is not ours.

    The category is a class or a kind of event, the service a source system. A class alone is ours without a product.
    """
    if source.product != "mcp" and not (source.product is None and source.category in events.EVENT_CLASSES):
        return None
    parts, values = [], {}
    if source.category is not None:
        column = "event_class" if source.category in events.EVENT_CLASSES else "event_kind"
        if source.category not in events.BY_NAME[column].enum:
            known = ", ".join(dict.fromkeys((*events.EVENT_CLASSES, *events.EVENT_KINDS)))
            raise UnknownFieldError(f"product mcp has no category {source.category!r}: known are {known}")
        parts.append(f"{column} = $logsource_category")
        values["logsource_category"] = source.category
    if source.service is not None:
        parts.append("source_system = $logsource_service")
        values["logsource_service"] = source.service
    return " AND ".join(parts) or "true", values


def _names() -> dict[str, str]:
    """Return every name a field may be called by, in lower case, with its column."""
    follows = {
        c.follows.removeprefix("OTel ").lower(): c.name
        for c in events.COLUMNS
        if c.follows.startswith("OTel ") and " " not in c.follows.removeprefix("OTel ")
    }
    own = {name: name for name in (*events.BY_NAME, *DERIVED) if name not in _NOT_ASKED}
    return {**follows, **ALIASES, **own}


def _column(name: str) -> str | None:
    return _names().get(name.lower())


def _kind(name: str) -> str:
    if name in DERIVED:
        return DERIVED[name]
    type_ = events.BY_NAME[name].type
    if pa.types.is_list(type_):
        return "texts"
    if pa.types.is_timestamp(type_):
        return "time"
    return "text" if pa.types.is_string(type_) else "number"


def _plain(name: str) -> Field:
    sql = f'list_transform("{name}", lambda a: {_INNER[name]})' if name in _INNER else f'"{name}"'
    return Field(sql, _kind(name), name)
