"""agentgateway's request access log: the default text lines of one replica and the JSON lines of another.

The JSON replica adds tool arguments and results by CEL expressions of its operator. Neither has a native id,
a credential or a policy; a call refused by MCP rules looks like an unknown tool.
"""

from __future__ import annotations

from ingest.simulator.formats.native import with_secret
from ingest.simulator.steps import Outcome, Step, failed, quoted

SIDE = "gateway"
SUFFIX = "log"
CREDENTIALS = False
ID = "span"
ID_FIELD = "span.id"
SESSION = "sid2"

_KINDS = {"tools/call": "tool", "resources/read": "resource", "prompts/get": "prompt"}

Pairs = list[tuple[str, str | int]]


def head(rich: bool, has_sessions: bool) -> str:
    """Return the route and the caller's address."""
    del has_sessions
    pairs: Pairs = [
        ("gateway", "default/gw"),
        ("listener", "http"),
        ("route", "default/mcp"),
        ("src.addr", "<addr>:<port>"),
        ("http.method", "POST"),
        ("http.host", "mcp.acme.example"),
        ("http.path", "/mcp"),
        ("http.version", "HTTP/1.1"),
    ]
    return _write(pairs, rich)


def record(step: Step, outcome: Outcome, rich: bool, has_sessions: bool) -> str:
    """Return one line; denials are 400 with -32602 by MCP rules, 403 on routes with HTTP authorization."""
    if not step.method:
        return ""
    pairs: Pairs = [
        ("http.status", {Outcome.DENIED: 400, Outcome.TIMEOUT: 504}.get(outcome, 200)),
        ("trace.id", "<trace>"),
        ("span.id", "<span>"),
        ("jwt.sub", "<sub>"),
        ("protocol", "mcp"),
        ("mcp.method.name", step.method),
        ("mcp.target", step.server),
    ]
    if step.method in _KINDS:
        pairs.append(("mcp.resource.type", _KINDS[step.method]))
    if step.name:
        field = "mcp.resource.uri" if step.kind == "resource_read" else "gen_ai.tool.name"
        pairs.append(("gen_ai.prompt.name" if step.kind == "prompt_get" else field, step.name))
    if has_sessions:
        pairs.append(("mcp.session.id", "<sid2>"))
    pairs += _end(step, outcome)
    texts = _write(pairs, rich)
    if rich:
        return (
            '{"level":"info","time":"<t>","scope":"request",<head>,' + texts + _content(step, outcome) + "}\n"
        )
    return "<t>\tinfo\trequest <head> " + texts + "\n"


def _end(step: Step, outcome: Outcome) -> Pairs:
    duration: Pairs = [("duration", "<dur>ms")]
    if outcome == Outcome.TIMEOUT:
        return [("error", "upstream call timed out"), ("reason", "Timeout"), *duration]
    if outcome != Outcome.DENIED:
        return duration
    if step.server == "warehouse":
        return [("error", "authorization failed"), ("reason", "Authorization"), *duration]
    message = f"Unknown tool: {step.name}"
    return [("mcp.error.code", -32602), ("mcp.error.message", message), ("reason", "MCP"), *duration]


def _content(step: Step, outcome: Outcome) -> str:
    if not step.is_call:
        return ""
    arguments = f',"mcp.tool.arguments":{with_secret(step.arguments, outcome)}'
    if outcome in (Outcome.DENIED, Outcome.TIMEOUT):
        return arguments
    result = failed("upstream answered 502") if outcome == Outcome.TOOL_ERROR else step.result
    return f'{arguments},"mcp.tool.result":{result}'


def _write(pairs: Pairs, rich: bool) -> str:
    if rich:
        return ",".join(
            f'"{key}":{value if isinstance(value, int) else quoted(value)}' for key, value in pairs
        )
    return " ".join(f"{key}={_text(value)}" for key, value in pairs)


def _text(value: str | int) -> str:
    return quoted(value) if isinstance(value, str) and " " in value else str(value)
