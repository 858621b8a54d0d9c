"""What Claude Code's events are called, and what their attributes are to us."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

PREFIX = "claude_code."
KINDS = {
    "tool_result": "tool_call",
    "tool_decision": "tool_decision",
    "mcp_server_connection": "server_connection",
    "permission_mode_changed": "permission_mode_change",
    "auth": "authn",
    "user_prompt": "user_prompt",
    "api_request": "model_call",
    "api_error": "model_call",
    "api_refusal": "model_call",
    "plugin_installed": "entity_change",
    "plugin_loaded": "entity_change",
    "hook_registered": "entity_change",
}
TEXTS = {
    "session_id": "session.id",
    "conversation_id": "prompt.id",
    "tool_call_id": "tool_use_id",
    "org_id": "organization.id",
    "user_email": "user.email",
    "model_name": "model",
    "agent_name": "agent.name",
    "agent_id": "agent_id",
    "http_request_id": "request_id",
    "source_instance": "service.instance.id",
}
INTEGERS = {
    "http_status": "status_code",
    "request_bytes": "tool_input_size_bytes",
    "response_bytes": "tool_result_size_bytes",
}
SOURCES = {
    "config": "config",
    "hook": "hook",
    "user_permanent": "user_prompt",
    "user_temporary": "user_prompt",
    "user_abort": "user_prompt",
    "user_reject": "user_prompt",
}
DECISIONS = {"accept": "allow", "reject": "deny"}
AUTH_METHODS = {"oauth": "oauth_opaque", "claudeai": "oauth_opaque", "api_key": "api_key", "none": "none"}
DONE = frozenset(
    {
        "user_prompt",
        "api_request",
        "permission_mode_changed",
        "plugin_installed",
        "plugin_loaded",
        "hook_registered",
    }
)
TOLD = frozenset(
    {
        "tool_result",
        "tool_decision",
        "mcp_server_connection",
        "permission_mode_changed",
        "auth",
        "user_prompt",
    }
)
"""Events whose kind tells their name; the others' names are kept."""
CALLS = frozenset({"tool_decision", "tool_result"})
PLACEHOLDER = "mcp_tool"
CUT = 512
"""Values of tool_input are cut at this many characters, without a mark."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Names(msgspec.Struct, gc=False):
    """What tool_parameters says of an MCP tool."""

    mcp_server_name: str | None = None
    mcp_tool_name: str | None = None


NAMES = frozenset({"mcp_server_name", "mcp_tool_name"})
NO_NAMES = Names()
DECODE_NAMES = msgspec.json.Decoder(Names).decode


@lru_cache(maxsize=1024)
def event_name(name: str) -> str | None:
    """Return the event's name without its prefix, None for a record of another product."""
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else None


def microseconds(text: str) -> int | None:
    """Return an RFC 3339 time in microseconds since 1970, UTC where it names no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
