"""What Gemini CLI's events are called, and what their attributes are to us."""

from __future__ import annotations

KINDS = {
    "config": "session_open",
    "user_prompt": "user_prompt",
    "tool_call": "tool_call",
    "approval_mode_switch": "permission_mode_change",
    "api_request": "model_call",
    "api_response": "model_call",
    "api_error": "model_call",
    "gen_ai.client.inference.operation.details": "model_call",
    "extension_install": "entity_change",
    "extension_uninstall": "entity_change",
    "extension_enable": "entity_change",
    "extension_disable": "entity_change",
    "extension_update": "entity_change",
}
TOLD = frozenset({"config", "user_prompt", "tool_call", "approval_mode_switch"})
"""Events whose kind tells their name; the others' names are kept."""
DONE = frozenset({"config", "user_prompt", "approval_mode_switch", "api_request", "api_response"})
TEXTS = {
    "session_id": ("session.id",),
    "conversation_id": ("prompt_id",),
    "user_id": ("installation.id",),
    "user_email": ("user.email",),
    "model_name": ("model", "gen_ai.request.model"),
    "model_provider": ("gen_ai.provider.name",),
    "client_version": ("service.version",),
    "arguments": ("function_args",),
    "error_message": ("error", "error.message"),
    "source_instance": ("service.instance.id",),
}
DECISIONS = {
    "accept": ("allow", "user_prompt"),
    "auto_accept": ("allow", "config"),
    "modify": ("modify", "user_prompt"),
    "reject": ("deny", "user_prompt"),
}
AUTH_METHODS = {
    "oauth-personal": "oauth_opaque",
    "login_with_google": "oauth_opaque",
    "gemini-api-key": "api_key",
    "vertex-ai": "unknown",
}
