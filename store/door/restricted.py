"""The catalog a question through the door is asked of: the lake's views, each as a role may see it.

A view with a filter or masks is made from what is stored, and everything that stands on it stands on what the role may
see. Rows a filter leaves out are empty in every column before they are left out, because DuckDB may try a condition of
the question on a row before the filter: a cast that fails there would print what the row holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

import duckdb

from store.door.policy import EVERY, Role
from store.errors import UsageError
from store.events import BY_NAME, COLUMNS, Group
from store.sql import view_statements
from store.tables import TABLES
from store.tables.table import Table

_BLOCK = 64
_WORD = re.compile(r"\w+")


def furnish(
    database: duckdb.DuckDBPyConnection,
    rows_of: Callable[[Table], str],
    role: Role,
    key: bytes,
    wanted: AbstractSet[str] | None = None,
) -> None:
    """Make the views and macros `wanted`, or all, and what they stand on, restricted as the role says.

    `rows_of` is the SELECT of a table's stored rows, `key` that of the hashes. Raises UsageError, at the place of the
    filter or mask, when it does not fit its view.
    """
    names = None if wanted is None else standing_on(wanted)
    database.execute("CREATE SCHEMA stored")
    for table in TABLES.values():
        if names is None or table.name in names:
            database.execute(f"CREATE VIEW stored.{table.name} AS {rows_of(table)}")
            _restrict(database, f"stored.{table.name}", table.name, role, key)
    for statement in view_statements():
        name = statement.call.split("(")[0]
        if names is not None and name not in names:
            continue
        if statement.kind == "view" and (name in role.filter or name in role.masks):
            before = f'"{name} before its restriction"'
            database.execute(statement.sql.replace(f"CREATE VIEW {name} ", f"CREATE VIEW {before} ", 1))
            _restrict(database, before, name, role, key)
        else:
            database.execute(statement.sql)


def standing_on(wanted: AbstractSet[str]) -> set[str]:
    """Return the names wanted and every name their SQL, and that of those names, may stand on."""
    bodies = {s.call.split("(")[0]: set(_WORD.findall(s.sql)) for s in view_statements()}
    known = bodies.keys() | TABLES.keys()
    found: set[str] = set()
    new = set(wanted) & known
    while new:
        found |= new
        new = {word for name in new for word in bodies.get(name, ())} & known - found
    return found


def _restrict(database: duckdb.DuckDBPyConnection, source: str, name: str, role: Role, key: bytes) -> None:
    """Make the view `name` over `source`; masks of every table are those of tables alone."""
    every = name in TABLES and EVERY in role.masks
    if not every and name not in role.filter and name not in role.masks:
        database.execute(f"CREATE VIEW {name} AS FROM {source}")
        return
    types = {str(row[0]): str(row[1]) for row in database.execute(f"DESCRIBE {source}").fetchall()}
    masks = {c: m for c, m in role.masks.get(EVERY, {}).items() if name in TABLES and c in types}
    masks |= role.masks.get(name, {})
    for column in masks:
        if column not in types:
            raise UsageError(f"{name} has no column {column!r}", where=role.place("masks", name, column))
    masks |= _proofs(masks, types)
    condition = role.filter.get(name)
    columns = []
    for column, kind in types.items():
        value = _masked(f'"{column}"', kind, masks.get(column), key, role.place("masks", name, column))
        seen = value if condition is None else f"CASE WHEN ({condition}) THEN {value} END"
        columns.append(f'{seen} AS "{column}"')
    where = "" if condition is None else f" WHERE ({condition})"
    try:
        database.execute(f"CREATE VIEW {name} AS SELECT {', '.join(columns)} FROM {source}{where}")  # noqa: S608 - of the configuration, by its owner
    except duckdb.Error as error:
        raise UsageError(
            f"the filter of {name} is no condition over its columns: {str(error).splitlines()[0]}",
            where=role.place("filter", name),
        ) from error


def _proofs(masks: Mapping[str, str], types: Mapping[str, str]) -> dict[str, str]:
    """Return masks of what proves rows that are not whole: with a salt, a guess at a hidden value could be tried."""
    if not any(BY_NAME[column].sealed for column in masks if column in BY_NAME):
        return {}
    return {c.name: "null" for c in COLUMNS if c.group is Group.INTEGRITY and c.name in types}


def _masked(column: str, kind: str, mask: str | None, key: bytes, place: str) -> str:
    if mask is None:
        return column
    if mask == "null":
        return f"NULL::{kind}"
    if kind != "VARCHAR":
        raise UsageError(f"{column} is no text: its mask can only be null", where=place)
    return {"constant": "'[masked]'", "last4": _LAST4.format(column), "hash": _hashed(column, key)}[mask]


_LAST4 = "CASE WHEN length({0}) > 8 THEN '…' || right({0}, 4) WHEN {0} IS NOT NULL THEN '…' END"


def _hashed(column: str, key: bytes) -> str:
    """Return HMAC-SHA256 (RFC 2104) of a column, cut to 64 bits, in SQL: equal values stay equal, others unknown."""
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = (_blob(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))
    return f"'h:' || left(sha256({outer} || unhex(sha256({inner} || encode({column})))), 16)"


def _blob(content: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in content) + "'::BLOB"


def check_role(role: Role) -> None:
    """Raise UsageError when a filter or mask of the role does not fit; nothing of the lake is read."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.execute("SET GLOBAL TimeZone = 'UTC'")
        furnish(database, empty_rows(database), role, b"")


def empty_rows(database: duckdb.DuckDBPyConnection) -> Callable[[Table], str]:
    """Return, for `furnish`, a source of no rows: a table in memory for each table of the lake."""
    database.execute("CREATE SCHEMA empty")

    def rows_of(table: Table) -> str:
        database.from_arrow(table.schema.empty_table()).create(f"empty.{table.name}")
        return f"FROM empty.{table.name}"

    return rows_of


def file_rows(files: Mapping[str, list[str]]) -> Callable[[Table], str]:
    """Return, for `furnish`, the rows of data files; `files` has at least one for each table."""

    def rows_of(table: Table) -> str:
        columns = ", ".join(f'"{name}"' for name in table.schema.names)
        paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files[table.name])
        return (
            f"SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = true, "  # noqa: S608 - our own names
            f"hive_types = {{'{table.partition}': DATE}}, union_by_name = true)"
        )

    return rows_of
