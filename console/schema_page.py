"""docs/schema.md: every table, column, view and macro, generated from where each is stated."""

from __future__ import annotations

from collections.abc import Iterator

from console.schema import type_name
from store.events import COLUMNS, Column, Group
from store.sql import ViewStatement, view_statements
from store.tables import TABLES
from store.tables.events import EVENTS
from store.witnesses import reference

_HEAD = """# Schema

Generated from `store/events.py`, `store/tables/`, `store/views/` and `store/witnesses.py`; do not edit.
`tooltrail schema` prints the same, `tooltrail schema NAME` one table, view or macro.

All times are UTC. A fact the source did not give is null, never an empty text; where a null means something else, the
column says what.

"""


def schema_page() -> str:
    """Return docs/schema.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD + "| name | kind | what it holds |"
    yield "|---|---|---|"
    yield from (f"| `{name}` | table | {_cell(TABLES[name].meaning)} |" for name in TABLES)
    yield from (f"| `{s.call}` | {s.kind} | {_cell(s.meaning)} |" for s in view_statements())
    yield "\nThe views have the columns of `events`. A macro stands where a table does: `FROM reached('…')`."
    yield f"\n## {EVENTS.name}\n"
    yield f"{EVENTS.meaning} Partitioned by `{EVENTS.partition}`, sorted by {_names(EVENTS.order)}."
    yield f"Files that cannot match are skipped by `event_time`, {_names(EVENTS.indexed)}."
    for group in Group:
        yield f"\n### {group.value.capitalize()}\n\n| column | type | meaning | null means |\n|---|---|---|---|"
        yield from (_column(column) for column in COLUMNS if column.group is group)
    for name, table in TABLES.items():
        if table is not EVENTS:
            yield f"\n## {name}\n\n{table.meaning}\n\n| column | type | may be null |\n|---|---|---|"
            yield from (
                f"| `{f.name}` | {_cell(type_name(f.type))} | {'yes' if f.nullable else 'no'} |"
                for f in table.schema
            )
    yield "\n## Whom to believe\n\n`exchanges()` makes one row of the several records of one call. Each column is"
    yield f"that of the witness who knows best, among equals that of the earliest.\n\n{reference()}"
    yield "\n## Views and macros"
    for statement in view_statements():
        yield from _statement(statement)


def _column(column: Column) -> str:
    parts = [column.meaning]
    if column.enum:
        parts.append("One of " + ", ".join(f"`{value}`" for value in column.enum) + ".")
    if column.follows:
        parts.append(f"Follows {column.follows}.")
    cells = (f"`{column.name}`", type_name(column.type), " ".join(parts), column.null)
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _statement(statement: ViewStatement) -> Iterator[str]:
    yield f"\n### {statement.call}\n\n{statement.meaning}\n\n```sql\n{statement.sql}\n```"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
