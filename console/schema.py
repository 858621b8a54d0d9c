"""What can be asked: tables, views, macros and columns, as rows, as a page, and as words to complete."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import click

from console.table import terminal_width
from store.errors import UsageError
from store.events import COLUMNS, Column
from store.sql import ViewStatement, view_statements
from store.tables import TABLES

_SHORT = {
    "timestamp[us, tz=UTC]": "time", "string": "text", "int64": "integer", "double": "number",
    "date32[day]": "date", "binary": "bytes", " not null": "", "item: ": "", "element: ": "",
}  # fmt: skip
_NAME_WIDTH = 24
_TYPE_WIDTH = 14


def relations() -> list[dict[str, Any]]:
    """Return one row per table, view and macro."""
    tables = [{"name": n, "kind": "table", "meaning": TABLES[n].meaning} for n in TABLES]
    return tables + [{"name": s.call, "kind": s.kind, "meaning": s.meaning} for s in view_statements()]


def columns(name: str) -> list[dict[str, Any]]:
    """Return one row per column of a table or view; of a macro, its SQL. UsageError for an unknown name."""
    if name in TABLES and name != "events":
        return [
            {"column": f.name, "type": type_name(f.type), "null": f.nullable} for f in TABLES[name].schema
        ]
    if name == "events" or (found := _statement(name)).kind == "view":
        return [_column(column) for column in COLUMNS]
    return [{"name": found.call, "kind": found.kind, "meaning": found.meaning, "sql": found.sql}]


def page(name: str) -> str:
    """Return the columns of a table or view for a person to read; of a macro, its SQL."""
    return "\n".join(_page(name, terminal_width()))


def words() -> dict[str, str]:
    """Return every name a question may use, each with what it is."""
    found = {column.name: f"column, {type_name(column.type)}" for column in COLUMNS}
    for name, table in TABLES.items():
        found |= {f.name: f"column of {name}" for f in table.schema if f.name not in found}
    found |= {s.call.split("(")[0]: s.kind for s in view_statements()}
    return found | dict.fromkeys(TABLES, "table")


def type_name(kind: Any) -> str:
    """Return an Arrow type in a few letters: text, integer, time, list of text."""
    text = str(kind)
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    return text.replace("list<", "list of ").removesuffix(">") if text.startswith("list<") else text


def _page(name: str, width: int) -> Iterator[str]:
    if name in TABLES and name != "events":
        yield from _wrapped(TABLES[name].meaning, width, "")
        yield from (f"  {f.name:{_NAME_WIDTH}}{type_name(f.type)}" for f in TABLES[name].schema)
        return
    found = None if name == "events" else _statement(name)
    yield from _wrapped(TABLES["events"].meaning if found is None else found.meaning, width, "")
    if found is not None and found.kind == "macro":
        yield f"\n{found.sql}"
        return
    group = None
    for column in COLUMNS:
        if column.group != group:
            group = column.group
            yield "\n" + click.style(group.value, bold=True)
        yield from _described(column, width)


def _described(column: Column, width: int) -> Iterator[str]:
    texts = [column.meaning]
    if column.enum:
        texts.append(f"One of: {', '.join(column.enum)}.")
    texts.append(f"Null: {column.null}.")
    if column.follows:
        texts.append(f"Follows: {column.follows}.")
    head = f"  {column.name:{_NAME_WIDTH}}{type_name(column.type):{_TYPE_WIDTH}}"
    room = width - len(head)
    if len(head) > 2 + _NAME_WIDTH + _TYPE_WIDTH or room < _NAME_WIDTH:
        yield head.rstrip()
        yield from _wrapped(" ".join(texts), width, "      ")
        return
    lines = list(_wrapped(" ".join(texts), width, " " * len(head)))
    yield head + lines[0].lstrip()
    yield from lines[1:]


def _wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    return iter(textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent))


def _column(column: Column) -> dict[str, Any]:
    return {
        "column": column.name, "type": type_name(column.type), "group": column.group.value,
        "meaning": column.meaning, "null": column.null,
        "follows": column.follows or None, "values": list(column.enum) or None,
    }  # fmt: skip


def _statement(name: str) -> ViewStatement:
    known = {s.call.split("(")[0]: s for s in view_statements()}
    if name.split("(", maxsplit=1)[0] in known:
        return known[name.split("(", maxsplit=1)[0]]
    near = get_close_matches(name, [*known, *TABLES], n=1)
    hint = f"did you mean {near[0]}?" if near else "`tooltrail schema` lists them"
    raise UsageError(f"there is no table, view or macro {name!r}", hint=hint)
