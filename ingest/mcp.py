"""MCP as every gateway speaks of it: methods, prefixed tool names, network addresses."""

from __future__ import annotations

import re
from functools import lru_cache

METHOD_KINDS = {
    "initialize": "session_open",
    "tools/call": "tool_call",
    "tools/list": "tool_list",
    "resources/read": "resource_read",
    "resources/list": "resource_list",
    "resources/templates/list": "resource_list",
    "resources/subscribe": "resource_subscribe",
    "resources/unsubscribe": "resource_subscribe",
    "subscriptions/listen": "resource_subscribe",
    "prompts/get": "prompt_get",
    "prompts/list": "prompt_list",
    "completion/complete": "completion",
    "server/discover": "discover",
    "sampling/createMessage": "sampling",
    "elicitation/create": "elicitation",
    "roots/list": "roots",
    "notifications/roots/list_changed": "roots",
    "notifications/cancelled": "cancel",
    "notifications/initialized": "notification",
    "notifications/progress": "notification",
    "notifications/message": "notification",
    "notifications/tools/list_changed": "notification",
    "notifications/resources/list_changed": "notification",
    "notifications/resources/updated": "notification",
    "notifications/prompts/list_changed": "notification",
    "tasks/get": "task",
    "tasks/result": "task",
    "tasks/list": "task",
    "tasks/cancel": "task",
    "tasks/update": "task",
    "ping": "ping",
    "logging/setLevel": "logging",
}
"""MCP method to event_kind, of every revision up to 2026-07-28."""

TRANSPORTS = {
    "stdio": "stdio",
    "pipe": "stdio",
    "sse": "sse",
    "http": "streamable_http",
    "streamable-http": "streamable_http",
    "streamable_http": "streamable_http",
    "streamableHttp": "streamable_http",
}
"""Transport as sources spell it to the column's value; what is not here is `unknown`."""

_CLIENT_PREFIX = "mcp__"


@lru_cache(maxsize=4096)
def kind_of(method: str | None) -> str:
    """Return the event_kind of an MCP method, `other` for one no revision knows and for none."""
    return METHOD_KINDS.get(
        method or "", "notification" if (method or "").startswith("notifications/") else "other"
    )


def client_source(name: str | None, user_agent: str | None) -> str:
    """Say where a client's identity comes from that has told its clientInfo, its User-Agent, or nothing."""
    return "client_info" if name else "user_agent" if user_agent else "none"


@lru_cache(maxsize=8192)
def without_prefix(tool: str, server: str) -> str:
    """Return the tool's name without the `server__` or `server_` a gateway puts before it."""
    for separator in ("__", "_"):
        bare = tool.removeprefix(server + separator)
        if bare and bare != tool:
            return bare
    return tool


@lru_cache(maxsize=8192)
def split_client_name(tool: str) -> tuple[str | None, str]:
    """Return server and tool of a client's `mcp__server__tool`; no server for any other name."""
    server, separator, bare = tool.removeprefix(_CLIENT_PREFIX).partition("__")
    if tool.startswith(_CLIENT_PREFIX) and separator and server and bare:
        return server, bare
    return None, tool


_TRACE, _SPAN = re.compile(r"[0-9a-fA-F]{32}").fullmatch, re.compile(r"[0-9a-fA-F]{16}").fullmatch


def trace_of(text: str | None) -> str | None:
    """Return a W3C trace id in lower case, None for what is none."""
    return text.lower() if text and _TRACE(text) else None


def span_of(text: str | None) -> str | None:
    """Return a W3C span id in lower case, None for what is none."""
    return text.lower() if text and _SPAN(text) else None


@lru_cache(maxsize=8192)
def trace_parent(header: str | None) -> tuple[str | None, str | None]:
    """Return trace and span id of a W3C traceparent, version-trace-span-flags."""
    parts = header.split("-") if header else []
    return (trace_of(parts[1]), span_of(parts[2])) if len(parts) >= 4 else (None, None)


def host_of(address: str) -> str | None:
    """Return the host of `ip:port`, `[ip6]:port` or a bare address."""
    if address[:1] == "[":
        return address[1:].partition("]")[0] or None
    host, _, _ = address.partition(":") if address.count(":") == 1 else (address, "", "")
    return host or None
