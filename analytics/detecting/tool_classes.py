"""What kind of thing each tool does, told by words: the one place that says which tools read, write, send or destroy.

The words are data (tool_classes.toml beside this file); an operator corrects them per tool or per server in a
tool_classes.toml of their own, which lies in the lake's folder beside tooltrail.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from store.errors import UsageError

FILE_NAME = "tool_classes.toml"
CLASSES = ("read", "write", "destructive", "exec", "private", "untrusted", "sink", "persistent")
"""Columns of the table `tool_classes`, beside server_name and tool_name."""
SCHEMA = pa.schema(
    [("server_name", pa.string()), ("tool_name", pa.string()), *((name, pa.bool_()) for name in CLASSES)]
)
_OPERATIONS = ("destructive", "write", "read")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

Tool = tuple[str | None, str | None, str | None]
"""Server, tool, and the operation class that the sources state, if any."""
Overrides = Mapping[str, frozenset[str]]
"""Classes by `server.tool` or `server.*`."""


def overrides(folder: Path) -> Overrides:
    """Return what an operator says of tools in a lake's folder; UsageError names the entry that is wrong."""
    file = folder / FILE_NAME
    if not file.is_file():
        return {}
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"it is not TOML: {error}", where=str(file)) from error
    if strangers := [name for name in told if name != "tools"]:
        raise UsageError(f"unknown {', '.join(strangers)}", where=str(file), hint="all stands under [tools]")
    for name, classes in told.get("tools", {}).items():
        if not isinstance(classes, list) or not set(map(str, classes)) <= set(CLASSES) or "." not in name:
            raise UsageError(
                f"{name!r} must be server.tool, or server.*, with a list of classes", where=str(file),
                hint=f"classes are {', '.join(CLASSES)}",
            )  # fmt: skip
    return {name: frozenset(classes) for name, classes in told.get("tools", {}).items()}


def classify(tools: Iterable[Tool], told: Overrides | None = None) -> pa.Table:
    """Return one row per tool, in SCHEMA; what an operator told counts before the words."""
    rows = []
    for server, tool, operation in tools:
        found = (told or {}).get(f"{server}.{tool}", (told or {}).get(f"{server}.*"))
        held = _held(server or "", tool or "", operation) if found is None else found
        rows.append({"server_name": server, "tool_name": tool} | {name: name in held for name in CLASSES})
    return pa.Table.from_pylist(rows, SCHEMA)


def _held(server: str, tool: str, operation: str | None) -> set[str]:
    """Return the classes whose words a tool's or its server's name holds."""
    words, home = _words(tool), _words(server)
    rules = _rules()
    held = {operation} if operation in _OPERATIONS else _operation(tool)
    for name, rule in rules.items():
        if name in _OPERATIONS or ("among" in rule and rule["among"] not in held):
            continue
        found = words & set(rule["tools"]) or home & set(rule.get("servers", ()))
        if found and not words & set(rule.get("unless", ())):
            held.add(name)
    return held


def _operation(tool: str) -> set[str]:
    """Return the operation of the first word that is one: list_posts lists, delete_user_list deletes."""
    rules = _rules()
    for word in _WORD.findall(tool):
        if found := [name for name in _OPERATIONS if word.lower() in rules[name]["tools"]]:
            return set(found[:1])
    return set()


def _words(name: str) -> frozenset[str]:
    """Return the words of a name in any spelling, plural forms also without their s: getCustomers, get_customer."""
    found = {word.lower() for word in _WORD.findall(name)}
    return frozenset(found | {word[:-1] for word in found if word.endswith("s") and len(word) > 3})


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(FILE_NAME).read_text("utf-8"))
