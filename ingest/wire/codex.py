"""What Codex's events are called, and what their attributes are to us."""

from __future__ import annotations

KINDS = {
    "conversation_starts": "session_open",
    "user_prompt": "user_prompt",
    "tool_decision": "tool_decision",
    "tool_result": "tool_call",
    "api_request": "model_call",
    "sse_event": "model_call",
    "websocket_request": "model_call",
    "websocket_connect": "model_call",
    "websocket_event": "model_call",
}
TOLD = frozenset({"conversation_starts", "user_prompt", "tool_decision", "tool_result", "api_request"})
TEXTS = {
    "session_id": ("conversation.id",),
    "tool_call_id": ("call_id",),
    "user_id": ("user.account_id",),
    "user_email": ("user.email",),
    "model_name": ("model", "slug"),
    "model_provider": ("provider_name",),
    "client_name": ("originator",),
    "client_version": ("app.version", "service.version"),
    "arguments": ("arguments",),
    "result": ("output",),
    "source_instance": ("service.instance.id",),
}
SOURCES = {
    "user": "user_prompt",
    "config": "config",
    "automated_reviewer": "policy_engine",
    "automatedreviewer": "policy_engine",
}
DENIALS = frozenset({"denied", "abort", "reject", "rejected", "timed_out", "timedout"})
AUTH_METHODS = {"apikey": "api_key", "api_key": "api_key", "chatgpt": "oauth_opaque"}
