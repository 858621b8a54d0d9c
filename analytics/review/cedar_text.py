"""Grants as the text of Cedar policies, in the terms in which ToolHive asks: Client, call_tool, Tool in MCP."""

from __future__ import annotations

from collections.abc import Iterable

TYPES = {"human": "Client", "client": "Application"}
"""The entity type of a principal, by kind. ToolHive's Client is the human; client applications are ours."""

Grant = tuple[str, str]
"""Server and tool, each a name or a pattern."""


def policies(kind: str, principal: str, grants: Iterable[Grant]) -> str:
    """Return a permit for each grant, one a line."""
    return "\n".join(permit(kind, principal, server, tool) for server, tool in grants)


def permit(kind: str, principal: str, server: str, tool: str) -> str:
    """Return one policy. Servers are names or `*`; of tools `*` is any text, and nothing else is a pattern."""
    who = "principal" if principal == "*" else f"principal == {TYPES[kind]}::{quoted(principal)}"
    conditions = []
    if "*" not in tool:
        resource = f"resource == Tool::{quoted(tool)}"
        if server != "*":
            conditions.append(f"resource in MCP::{quoted(server)}")
    else:
        resource = "resource" if server == "*" else f"resource in MCP::{quoted(server)}"
        if tool != "*":
            conditions.append(f"resource.name like {quoted(tool)}")
    when = f" when {{ {' && '.join(conditions)} }}" if conditions else ""
    return f'permit({who}, action == Action::"call_tool", {resource}){when};'


def quoted(text: str) -> str:
    """Return a Cedar string literal: whatever the text holds, it cannot end the literal."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
