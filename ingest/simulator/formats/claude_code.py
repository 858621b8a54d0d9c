"""Claude Code's own telemetry: OTLP logs as JSON, one ExportLogsServiceRequest a line with several records.

It tells the user's side: what was decided at the client, and what came of calls that were made. A call that
was rejected has no tool_result and no gateway record. Booleans are strings, user.id is the install's id and
not a person, event.sequence counts per process. Names and inputs appear only where tool details are logged.
"""

from __future__ import annotations

from ingest.simulator.steps import Outcome, Step, quoted

SIDE = "client"
SUFFIX = "ndjson"
CREDENTIALS = False
ID = "sequence"
ID_FIELD = "session.id/event.sequence"
SESSION = "conv"

OPENS = (
    '{"resourceLogs":[{"resource":{"attributes":['
    '{"key":"service.name","value":{"stringValue":"claude-code"}},'
    '{"key":"service.version","value":{"stringValue":"<version>"}},'
    '{"key":"os.type","value":{"stringValue":"darwin"}},'
    '{"key":"host.arch","value":{"stringValue":"arm64"}}]},'
    '"scopeLogs":[{"scope":{"name":"com.anthropic.claude_code.events","version":"<version>"},"logRecords":['
)
CLOSES = "]}]}]}\n"


def head() -> str:
    """Return the attributes every record of a session has."""
    return ",".join(
        _text(key, value)
        for key, value in (
            ("session.id", "<conv>"),
            ("app.version", "<version>"),
            ("organization.id", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
            ("user.account_uuid", "<account>"),
            ("user.id", "<install>"),
            ("user.email", "<email>"),
            ("terminal.type", "<terminal>"),
        )
    )


def turn() -> tuple[str, ...]:
    """Return the records that begin a turn: the prompt and the first request to the model."""
    prompt = _int("prompt_length", "<issue>")
    request = ",".join((
        _text("model", "<model>"),
        '{"key":"cost_usd","value":{"doubleValue":0.0<issue>}}',
        _int("input_tokens", "<issue>"),
        _int("output_tokens", "412"),
        _int("duration_ms", "<dur>"),
        _text("request_id", "req_<span>"),
    ))  # fmt: skip
    return (_record("user_prompt", prompt), _record("api_request", request))


def records(step: Step, outcome: Outcome, rich: bool) -> tuple[str, ...]:
    """Return the records of one step, the decision first."""
    if step.method in ("initialize", "server/discover"):
        return (_connection(step, outcome, rich),)
    if not step.is_call:
        return ()
    if outcome == Outcome.REJECTED:
        return (_decision(step, "reject", "user_reject", rich),)
    return (_decision(step, "accept", "config", rich), _result(step, outcome, rich))


def _connection(step: Step, outcome: Outcome, rich: bool) -> str:
    good = outcome in (Outcome.OK, Outcome.SECRET)
    facts = [
        _text("status", "connected" if good else "failed"),
        _text("transport_type", "http"),
        _text("server_scope", "user"),
        _int("duration_ms", "<dur>"),
    ]
    if not good:
        facts.append(_text("error_code", "ETIMEDOUT"))
    if rich:
        facts.append(_text("server_name", step.server))
    return _record("mcp_server_connection", ",".join(facts))


def _decision(step: Step, decision: str, source: str, rich: bool) -> str:
    facts = [
        *_tool(step, rich),
        _text("decision", decision),
        _text("source", source),
        _text("tool_source", "mcp"),
    ]
    return _record("tool_decision", ",".join(facts))


def _result(step: Step, outcome: Outcome, rich: bool) -> str:
    good = outcome in (Outcome.OK, Outcome.SECRET)
    facts = [
        *_tool(step, rich),
        _text("success", "true" if good else "false"),
        _int("duration_ms", "<dur>"),
        _text("decision_type", "accept"),
        _text("decision_source", "config"),
        _int("tool_input_size_bytes", str(len(step.arguments))),
        _text("mcp_server_scope", "user"),
    ]
    if good:
        facts.append(_int("tool_result_size_bytes", str(len(step.result))))
    else:
        facts.append(_text("error_type", "timeout" if outcome == Outcome.TIMEOUT else "mcp_tool_error"))
    if rich:
        facts.append(_text("tool_input", quoted(step.arguments)[1:-1]))
    return _record("tool_result", ",".join(facts))


def _tool(step: Step, rich: bool) -> list[str]:
    facts = [_text("tool_name", "mcp_tool"), _text("tool_use_id", "toolu_01<span>")]
    if rich:
        names = f'{{"mcp_server_name":"{step.server}","mcp_tool_name":"{step.name}"}}'
        facts.append(_text("tool_parameters", quoted(names)[1:-1]))
    return facts


def _record(name: str, attributes: str) -> str:
    return (
        '{"timeUnixNano":"<nano>","observedTimeUnixNano":"<nano>","severityNumber":9,"severityText":"INFO",'
        f'"body":{{"stringValue":"claude_code.{name}"}},"attributes":[<head>,'
        f"{_text('event.name', name)},{_text('event.timestamp', '<at>')},"
        f"{_int('event.sequence', '<sequence>')},{_text('prompt.id', '<prompt>')},{attributes}]}}"
    )


def _text(key: str, value: str) -> str:
    return f'{{"key":"{key}","value":{{"stringValue":"{value}"}}}}'


def _int(key: str, value: str) -> str:
    return f'{{"key":"{key}","value":{{"intValue":"{value}"}}}}'
