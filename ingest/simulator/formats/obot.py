"""Obot's AuditLogEvent as its JSONL export writes it; bodies only where the exporter may see payloads.

Times are cut to the second. A bot's key is the only principal there is, so its actor is the credential.
"""

from __future__ import annotations

from ingest.simulator.formats.native import with_secret
from ingest.simulator.steps import Outcome, Step, failed

SIDE = "gateway"
SUFFIX = "ndjson"
CREDENTIALS = True
ID = "seq"
ID_FIELD = "id"
SESSION = "sid3"

_TARGETS = {"tools/call": "mcp_tool", "resources/read": "mcp_resource", "prompts/get": "mcp_prompt"}
_TITLES = {"slack": "Slack", "drive": "Google Drive", "calendar": "Calendar"}
_OUTCOMES = {
    Outcome.DENIED: '"status":"denied","httpStatus":403',
    Outcome.TIMEOUT: '"status":"timeout","httpStatus":504,"error":"context deadline exceeded"',
}


def head(rich: bool, has_sessions: bool) -> str:
    """Return the actor."""
    del rich, has_sessions
    return '"eventType":"mcp_call","actor":{<obot_actor>}'


def record(step: Step, outcome: Outcome, rich: bool, has_sessions: bool) -> str:
    """Return one audit event."""
    if not step.method:
        return ""
    session = '"sessionID":"<sid3>",' if has_sessions else ""
    server = (
        f'"targetType":"mcp_server","id":"ms1{step.server}","name":"{_TITLES.get(step.server, step.server)}"'
    )
    if step.method in _TARGETS:
        target = f'"targetType":"{_TARGETS[step.method]}","name":"{step.name}","parent":{{{server}}}'
        action = f'"operation":"{step.method}","name":"{step.name}"'
    else:
        target, action = server, f'"operation":"{step.method}"'
    end = _OUTCOMES.get(outcome, '"status":"success","httpStatus":200')
    return (
        '{"id":<seq>,"timestamp":{"occurredAt":"<ts>","recordedAt":"<ts>","source":"server"},<head>,'
        f'"action":{{{action}}},"target":{{{target}}},"outcome":{{{end},"durationMs":<dur>}},"client":"<client>",'
        f'"details":{{"trace":{{{session}"requestID":"<rpc>"}},"network":{{"clientIP":"<addr>"}},'
        '"client":{"name":"<client>","version":"<version>","userAgent":"<ua>"}'
        + (_bodies(step, outcome) + ',"payloadRedacted":false' if rich else ',"payloadRedacted":true')
        + "}}\n"
    )


def _bodies(step: Step, outcome: Outcome) -> str:
    name = f'"name":"{step.name}",' if step.name else ""
    request = f'{{{name}"arguments":{with_secret(step.arguments, outcome)}<meta>}}'
    sent = f',"request":{{"body":{request},"mutated":false}}'
    if outcome in (Outcome.DENIED, Outcome.TIMEOUT):
        return sent
    result = failed("upstream answered 502") if outcome == Outcome.TOOL_ERROR else step.result
    return f'{sent},"response":{{"body":{result},"mutated":false}}'
