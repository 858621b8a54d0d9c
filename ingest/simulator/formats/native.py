"""The native format: canonical column names with raw arguments, result and session id."""

from __future__ import annotations

from ingest.simulator.steps import Outcome, Step, failed

SIDE = "gateway"
SUFFIX = "ndjson"
CREDENTIALS = True
ID = "uuid"
ID_FIELD = "native_event_id"
SESSION = "sid1"

_LEADING = '"<secret_key>":"<secret>",'


def head(rich: bool, has_sessions: bool) -> str:
    """Return who acts, with what client and credential."""
    del rich
    session = '"session_id":"<sid1>"' if has_sessions else '"trace_id":"<trace>"'
    return (
        '"source_system":"acme-gateway","evidence_kind":"audit_event","vantage":"gateway","user_id":"<sub>",'
        '"user_email":"<email>","user_groups":<groups>,'
        '"user_assurance":"verified",<canonical_client>,"client_address":"<addr>",<canonical_key>,'
        f'{session},"protocol_version":"<protocol>"'
    )


def record(step: Step, outcome: Outcome, rich: bool, has_sessions: bool) -> str:
    """Return one line; a denied call has no result."""
    del rich, has_sessions
    parts = [
        '{"event_time":"<t>","native_event_id":"<uuid>"',
        f'"event_class":"{_event_class(step, outcome)}","event_kind":"{step.kind}"',
        "<head>",
        *_target(step),
        _decision(step, outcome),
        f'"duration_ms":<dur>,"arguments":{with_secret(step.arguments, outcome)}',
    ]
    if step.method:
        parts.insert(2, f'"mcp_method":"{step.method}"')
    if outcome in (Outcome.OK, Outcome.SECRET) and step.method:
        parts.append(f'"result":{step.result}')
    elif outcome == Outcome.TOOL_ERROR:
        parts.append(f'"result":{failed("upstream answered 502 for " + step.name)}')
    return ",".join(parts) + "}\n"


def with_secret(arguments: str, outcome: Outcome) -> str:
    """Return the arguments, with a secret in front where the outcome says that one slipped in."""
    return "{" + _LEADING + arguments[1:] if outcome == Outcome.SECRET else arguments


def _event_class(step: Step, outcome: Outcome) -> str:
    if outcome == Outcome.DENIED:
        return "denial"
    return "tool_call" if step.is_call else "client_event"


def _target(step: Step) -> list[str]:
    target = [f'"server_name":"{step.server}","operation_class":"{step.operation}"']
    if step.is_call:
        target.append(f'"tool_name":"{step.name}"')
    elif step.kind == "resource_read":
        target.append(f'"resource_uri":"{step.name}"')
    elif step.kind == "prompt_get":
        target.append(f'"prompt_name":"{step.name}"')
    return target


def _decision(step: Step, outcome: Outcome) -> str:
    if outcome == Outcome.DENIED:
        return (
            '"decision":"deny","decision_source":"policy_engine","decision_basis":"explicit",'
            f'"decision_reason":"{step.name} is not granted to team <team>","policy_id":"pol-{step.server}-'
            f'{step.operation}","policy_version":"14","outcome":"denied","http_status":403'
        )
    if outcome == Outcome.TOOL_ERROR:
        return '"decision":"allow","outcome":"tool_error","error_message":"upstream answered 502"'
    if outcome == Outcome.TIMEOUT:
        return '"decision":"allow","outcome":"timeout","http_status":504,"error_message":"deadline exceeded"'
    if step.kind == "entity_change":
        return (
            '"decision":"allow","decision_reason":"credential revoked by administrator","outcome":"success"'
        )
    return '"decision":"allow","outcome":"success"'
