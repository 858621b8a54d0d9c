"""ToolHive's audit middleware: slog JSON lines, payload only where the operator turned it on.

`success` is not tool success: a result with isError and an answer framed as SSE are logged as success all the
same, and the record has no session id, no credential and no reason for a denial.
"""

from __future__ import annotations

from ingest.simulator.formats.native import with_secret
from ingest.simulator.steps import Outcome, Step, failed, quoted

SIDE = "gateway"
SUFFIX = "ndjson"
CREDENTIALS = False
ID = "uuid"
ID_FIELD = "audit_id"
SESSION = ""

_TYPES = {
    "initialize": "mcp_initialize",
    "tools/call": "mcp_tool_call",
    "tools/list": "mcp_tools_list",
    "resources/read": "mcp_resource_read",
    "prompts/get": "mcp_prompt_get",
    "completion/complete": "mcp_completion",
}
_TARGETS = {"tools/call": "tool", "resources/read": "resource", "prompts/get": "prompt"}
_OUTCOMES = {Outcome.DENIED: "denied", Outcome.TIMEOUT: "error"}


def head(rich: bool, has_sessions: bool) -> str:
    """Return where the request came from and for whom; clients of the newer era put theirs in the token."""
    claims = "" if has_sessions else ',"client_name":"<client>","client_version":"<version>"'
    chain = (
        ',"delegation":{"chain":[{"iss":"https://idp.acme.example","sub":"agent-<os_user>"}],"truncated":false,'
        '"omitted":0,"malformed":false}'
        if rich and not has_sessions
        else ""
    )
    return (
        '"source":{"type":"network","value":"<addr>","extra":{"user_agent":"<ua>"}},'
        f'"subjects":{{"user":"<user>","user_id":"<sub>"{claims}}}{chain}'
    )


def record(step: Step, outcome: Outcome, rich: bool, has_sessions: bool) -> str:
    """Return one slog line, "" for what ToolHive never sees."""
    del has_sessions
    if not step.method:
        return ""
    name = (
        f'"name":"{step.name}","type":"{_TARGETS[step.method]}"'
        if step.method in _TARGETS
        else '"type":"endpoint"'
    )
    return (
        '{"time":"<t>","level":"AUDIT","msg":"audit_event","audit_id":"<uuid>",'
        f'"type":"{_TYPES.get(step.method, "mcp_request")}","logged_at":"<ts>",'
        f'"outcome":"{_OUTCOMES.get(outcome, "success")}","component":"{step.server}-mcp",<head>,'
        f'"target":{{"endpoint":"/mcp","method":"{step.method}",{name}}},'
        '"metadata":{"extra":{"duration_ms":<dur>,"transport":"http"}}' + _data(step, outcome, rich) + "}\n"
    )


def _data(step: Step, outcome: Outcome, rich: bool) -> str:
    if not rich:
        return ""
    params = f'"name":"{step.name}",' if step.name else ""
    body = f'"arguments":{with_secret(step.arguments, outcome)}<meta>'
    request = f'{{"jsonrpc":"2.0","id":<rpc>,"method":"{step.method}","params":{{{params}{body}}}}}'
    if outcome in (Outcome.DENIED, Outcome.TIMEOUT):
        return f',"data":{{"request":{request}}}'
    result = failed("upstream answered 502") if outcome == Outcome.TOOL_ERROR else step.result
    response = f'{{"jsonrpc":"2.0","id":<rpc>,"result":{result}}}'
    if step.server == "jira":
        response = quoted("event: message\ndata: " + response + "\n\n")
    return f',"data":{{"request":{request},"response":{response}}}'
