"""What may be asked through the door, and the text that is run for it.

A statement is read by two parsers. sqlglot, which shares nothing with the engine, says whether it is one SELECT and
which relations it names. DuckDB, the parser that counts, gives its own tree; every part of it must be on a list of what
is allowed, and both must have seen the same relations. What runs is never the text that was sent, in which two parsers
might still see two things: it is written by DuckDB from the checked tree, with each relation replaced by the full name
of the role's view and each common table expression by a name nothing else has. That text is then checked once more.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import DeniedError

if TYPE_CHECKING:
    import duckdb

LONGEST = 32_768
"""How long a statement may be, in characters."""
DEEPEST = 400
"""How deep its tree may be nested, counted in JSON objects and lists."""
HOME = ("memory", "main")
"""Where the role's views are: catalog and schema."""

_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
_RELATIONS = frozenset({"BASE_TABLE", "TABLE_FUNCTION", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST"})
_MODIFIERS = frozenset({"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER",
                        "ORDER_DEFAULT", "ASCENDING", "DESCENDING"})  # fmt: skip
_TYPES = _NODES | _RELATIONS | _MODIFIERS
_CLASSES = frozenset({
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION",
    "LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW",
})  # fmt: skip

Tree = dict[str, Any]
_TWO_WAYS = "the statement can be read in more than one way"


@dataclass(frozen=True)
class Functions:
    """Functions a question may call, those it may use as a relation, and those known to be refused."""

    plain: frozenset[str]
    tables: frozenset[str]
    refused: frozenset[str]


@cache
def functions() -> Functions:
    """Return what functions.toml says; names are in lower case."""
    text = Path(__file__).with_name("functions.toml").read_text("utf-8")
    groups = {group: frozenset(names.lower().split()) for group, names in tomllib.loads(text).items()}
    tables, refused = groups.pop("tables"), groups.pop("refused")
    return Functions(frozenset().union(*groups.values()), tables, refused)


@dataclass(frozen=True)
class Prepared:
    """What will run for a statement, and the views and macros it asks."""

    text: str
    asks: frozenset[str]


def prepare(database: duckdb.DuckDBPyConnection, statement: str, granted: frozenset[str]) -> Prepared:
    """Return what will run for a statement; DeniedError says what in it is not allowed."""
    if len(statement) > LONGEST:
        raise DeniedError("the statement is too long", hint=f"at most {LONGEST:,} characters")
    try:
        named = named_relations(statement)
        tree = _tree(database, statement)
        rewriting = _Rewriting(granted)
        rewriting.walk(tree["node"], {})
        if rewriting.seen != named:
            raise DeniedError(_TWO_WAYS, hint="write it more plainly")
        text = _text(database, tree)
        _Final(granted, rewriting.written).walk(_tree(database, text)["node"], {})
    except RecursionError as error:
        raise DeniedError("the statement is nested too deeply") from error
    except UnicodeError as error:
        raise DeniedError("the statement is not text") from error
    return Prepared(text, frozenset(rewriting.asked))


def named_relations(statement: str) -> set[str]:
    """Return the names after FROM and JOIN, as sqlglot reads them; DeniedError unless it is one SELECT."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = [tree for tree in sqlglot.parse(statement, dialect="duckdb") if tree is not None]
    except (SqlglotError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise DeniedError("the statement cannot be read", hint="is it one SELECT?") from error
    if len(found) != 1:
        raise DeniedError("one question at a time", hint=f"these are {len(found)} statements")
    if not isinstance(found[0], exp.Query | exp.Values):
        raise DeniedError("only SELECT is answered", hint="SELECT, FROM, WITH or VALUES begin a question")
    tables = found[0].find_all(exp.Table)
    return {table.name.lower() for table in tables if not isinstance(table.this, exp.Func)}


def _tree(database: duckdb.DuckDBPyConnection, statement: str) -> Tree:
    import duckdb

    try:
        [(text,)] = database.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()
    except duckdb.Error as error:
        raise DeniedError("the statement cannot be read", hint="is it one SELECT?") from error
    parsed: Tree = json.loads(text)
    if parsed["error"]:
        raise DeniedError(
            "the statement is not a SELECT DuckDB can read", hint=str(parsed["error_message"])[:300]
        )
    if len(parsed["statements"]) != 1:
        raise DeniedError("one question at a time")
    if parsed["statements"][0].get("named_param_map"):
        raise DeniedError("a statement has no parameters here", hint="write the values")
    tree: Tree = parsed["statements"][0]
    return tree


def _text(database: duckdb.DuckDBPyConnection, tree: Tree) -> str:
    import duckdb

    whole = json.dumps({"error": False, "statements": [tree]})
    try:
        [(text,)] = database.execute("SELECT json_deserialize_sql(?::JSON)", [whole]).fetchall()
    except duckdb.Error as error:
        raise DeniedError("the statement cannot be written down again") from error
    return str(text)


class _Reading:
    """Walks a tree and raises DeniedError at the first part that is not on a list of what is allowed."""

    def __init__(self, granted: frozenset[str]) -> None:
        self._plain, self._tables = functions().plain, functions().tables | granted

    def walk(self, node: Any, scope: Mapping[str, str], depth: int = 0, *, called: bool = False) -> None:
        """Check a part and what is in it; `called` says that it is the function of a relation."""
        if depth > DEEPEST:
            raise DeniedError("the statement is nested too deeply")
        if isinstance(node, list):
            for item in node:
                self.walk(item, scope, depth + 1)
        elif isinstance(node, dict):
            self._kind(node, self._tables if called else self._plain)
            scope = self.expressions(node, scope, depth)
            if node.get("type") == "BASE_TABLE":
                self.relation(node, scope)
            elif called:
                self.call(node)
            for key, value in node.items():
                if key != "cte_map":
                    called = key == "function" and node.get("type") == "TABLE_FUNCTION"
                    self.walk(value, scope, depth + 1, called=called)

    def expressions(self, node: Tree, scope: Mapping[str, str], depth: int) -> Mapping[str, str]:
        """Check the common table expressions of a node; return the scope the rest of it sees."""
        for entry in node.get("cte_map", {}).get("map", []):
            self.walk(entry["value"], scope, depth + 1)
        return scope

    def relation(self, node: Tree, scope: Mapping[str, str]) -> None:
        """Check a named relation."""
        raise NotImplementedError

    def call(self, node: Tree) -> None:
        """Take note of a call that is a relation; it was checked."""

    def _kind(self, node: Tree, allowed: frozenset[str]) -> None:
        kind, type_ = node.get("class"), node.get("type")
        if kind is None and isinstance(type_, str) and type_ not in _TYPES:
            raise DeniedError("this is not allowed in a question", _words(type_))
        if kind is not None and kind not in _CLASSES:
            raise DeniedError("this is not allowed in a question", _words(str(kind)))
        if kind in {"FUNCTION", "WINDOW"}:
            path = _path(node)
            if len(path) != 1 or path[0].lower() not in allowed:
                raise DeniedError("this function is not allowed", path[-1].lower())


class _Rewriting(_Reading):
    """Puts the door's names in place of those that were sent.

    `seen` are the names of relations as sent, `written` those of common table expressions as they will run, `asked`
    the views and macros.
    """

    def __init__(self, granted: frozenset[str]) -> None:
        super().__init__(granted)
        self._granted = granted
        self.seen: set[str] = set()
        self.written: set[str] = set()
        self.asked: set[str] = set()

    def expressions(self, node: Tree, scope: Mapping[str, str], depth: int) -> Mapping[str, str]:
        """Rename the common table expressions of a node, each seeing those before it."""
        for entry in node.get("cte_map", {}).get("map", []):
            query = entry["value"]["query_node"]
            name = f"cte_{len(self.written)}"
            self.written.add(name)
            wider = {**scope, entry["key"].lower(): name}
            recursive = query["type"] == "RECURSIVE_CTE_NODE"
            if recursive:
                query["cte_name"] = name
            self.walk(entry["value"], wider if recursive else scope, depth + 1)
            entry["key"], scope = name, wider
        return scope

    def relation(self, node: Tree, scope: Mapping[str, str]) -> None:
        """Let pass what is in scope or granted, under the name that cannot mean anything else."""
        path = _path(node)
        name = path[-1].lower()
        self.seen.add(name)
        if len(path) != 1 or node["at_clause"] is not None:
            raise DeniedError("name a view without a schema", name)
        if name not in scope and name not in self._granted:
            raise DeniedError("the role is not granted this view", name)
        node["alias"] = node["alias"] or path[0]
        if name not in scope:
            self.asked.add(name)
        node["qualified_name"] = {"path": [scope[name]] if name in scope else [*HOME, name]}

    def call(self, node: Tree) -> None:
        """Remember which macros are asked."""
        self.asked.add(_path(node)[0].lower())


class _Final(_Reading):
    """Checks the text that will run: every relation in it must be one the door wrote."""

    def __init__(self, granted: frozenset[str], written: set[str]) -> None:
        super().__init__(granted)
        self._known = {(*HOME, name) for name in granted} | {(name,) for name in written}

    def relation(self, node: Tree, scope: Mapping[str, str]) -> None:  # noqa: ARG002 - as its parent
        """Raise DeniedError for any other relation."""
        if tuple(_path(node)) not in self._known:
            raise DeniedError(_TWO_WAYS, hint="write it more plainly")


def _path(node: Tree) -> list[str]:
    path: list[str] = node["qualified_name"]["path"]
    return path


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
