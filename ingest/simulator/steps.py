"""One step of a session: a call of a tool or another MCP request, with the shapes of what goes in and out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_NUMBER = re.compile(r'"#(<[a-z_]+>)#"')


class Outcome(IntEnum):
    """What came of a step. REJECTED: the person at the client refused it, so that no gateway saw it."""

    OK = 0
    DENIED = 1
    TOOL_ERROR = 2
    TIMEOUT = 3
    SECRET = 4
    REJECTED = 5


@dataclass(frozen=True)
class Step:
    """A request as the client sends it; `arguments` and `result` are JSON texts with `<slot>` marks.

    The chances are how often the step is denied, fails, or carries a secret in an ordinary session.
    """

    server: str
    method: str
    name: str = ""
    operation: str = "read"
    arguments: str = "{}"
    result: str = "{}"
    deny: float = 0.004
    fail: float = 0.012
    secret: float = 0.0
    kind: str = "tool_call"

    @property
    def is_call(self) -> bool:
        """Whether the step calls a tool."""
        return self.method == "tools/call"


def to_json(value: Any) -> str:
    """Return compact JSON; a text `#<slot>#` becomes a bare number."""
    return _NUMBER.sub(r"\1", json.dumps(value, separators=(",", ":"), ensure_ascii=True))


def quoted(text: str) -> str:
    """Return a text as a JSON string, quotes included."""
    return json.dumps(text, ensure_ascii=True)


def structured(value: Any) -> str:
    """Return a CallToolResult that carries its value as structured content."""
    return '{"content":[],"structuredContent":' + to_json(value) + ',"isError":false}'


def as_text(value: Any) -> str:
    """Return a CallToolResult that carries its value as the text of a JSON document, as most servers do."""
    text = value if isinstance(value, str) else to_json(value)
    return '{"content":[{"type":"text","text":' + quoted(text) + '}],"isError":false}'


def failed(text: str) -> str:
    """Return a CallToolResult that reports a failure of the tool."""
    return '{"content":[{"type":"text","text":' + quoted(text) + '}],"isError":true}'
