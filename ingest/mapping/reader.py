"""Read mapping files and check them before any record is, naming the line and the nearest known name of a fault."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from difflib import get_close_matches
from pathlib import Path as File
from typing import Any, NoReturn

from ingest.canonical import FILLED_BY_LAKE
from ingest.mapping.paths import Path, parse_path
from ingest.mapping.spec import COLUMN, FIELDS, RAW, RECOGNISE, RECORDS, TOP, WHEN, Condition, Mapping, Source
from ingest.mapping.values import PARTS, units_of
from store import units
from store.errors import UnreachableError, UsageError
from store.events import ACTORS, BY_NAME, INT, TEXT, TEXTS, TIME


def load_mapping(file: File) -> Mapping:
    """Read a mapping file. Raises UsageError with the line, what was expected, and the nearest known name."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UnreachableError(f"the mapping cannot be read: {reason}", where=str(file)) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(units.toml_fault(error), where=units.toml_place(file, error)) from error
    return _Reader(file, text, document).mapping()


Place = tuple[str, ...] | int
"""Where in the file: the section and key, or a line."""


class _Reader:
    """Checks a document part by part; every fault is raised with its line."""

    def __init__(self, file: File, text: str, document: dict[str, Any]) -> None:
        self._file = file
        self._document = document
        self._lines = units.key_lines(text)
        self._heads = {
            name: [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*\[\[\s*{name}\s*\]\]", line)]
            for name in ("when", "recognise")
        }  # fmt: skip

    def mapping(self) -> Mapping:
        document = self._document
        self._known(document, TOP, "key", ())
        summary = self._text(document, "summary", ())
        if not summary:
            self._fail('a mapping needs summary = "..."', (), hint=TOP["summary"])
        records = self._word(document, "records", RECORDS, ()) or "json"
        extends = self._text(document, "extends", ()) or None
        signatures = tuple(self._signature(*item) for item in self._tables("recognise"))
        if extends is None and not signatures:
            self._fail(
                "nothing says how a record is recognised", (), hint="add [recognise] with keys, or extends"
            )
        if extends is not None and "records" in document:
            self._fail(f"records are read by {extends}", ("records",), hint="leave out records or extends")
        columns = document.get("columns", {})
        if not isinstance(columns, dict) or not (columns or document.get("when")):
            self._fail('a mapping needs [columns] with lines such as tool_name = "tool"', ("columns",))
        return Mapping(
            self._file.stem, summary, records, extends, signatures,
            frozenset(self._texts(document, "absent", ())),
            tuple(self._source(name, value) for name, value in columns.items()),
            tuple(self._condition(*item) for item in self._tables("when")), self._where(("extends",)),
        )  # fmt: skip

    # --- parts ------------------------------------------------------------------------------------------------

    def _signature(self, table: dict[str, Any], place: Place) -> dict[str, Any]:
        self._known(table, RECOGNISE, "key of recognise", place)
        keys = self._texts(table, "keys", place)
        values = table.get("values", {})
        if not isinstance(values, dict) or any(isinstance(v, dict | list) for v in values.values()):
            self._fail('values is a table such as { service = "mcp" }', place)
        if not keys and not values:
            self._fail("a record is recognised by keys, values, or both", place)
        return dict.fromkeys(keys) | values

    def _source(self, name: str, given: Any) -> Source:
        place = ("columns", name)
        self._column(name, place)
        if isinstance(given, str):
            enum = BY_NAME[name].enum if name in BY_NAME else ()
            if given in enum:
                self._fail(
                    f"{name} = {given!r} would read a field of that name", place,
                    hint=f'write {{ value = "{given}" }} for the word, {{ from = "{given}" }} for the field',
                )  # fmt: skip
            return Source(name, (self._path(given, place),))
        if not isinstance(given, dict):
            self._fail(f'{name} is a path, such as "user.sub", or a table with from or value', place)
        self._known(given, COLUMN, "key of a column", place)
        if ("from" in given) == ("value" in given):
            self._fail(f"{name} needs from or value, and not both", place)
        if "value" in given:
            if len(given) > 1:
                self._fail(f"{name} is a constant: nothing else goes with value", place)
            return Source(name, value=self._constant(name, given["value"], place))
        return self._derived(name, given, place)

    def _derived(self, name: str, given: dict[str, Any], place: tuple[str, ...]) -> Source:
        self._fitting(name, given, place)
        words = given.get("words", {})
        if not isinstance(words, dict):
            self._fail('words is a table such as { ok = "allow" }', place)
        otherwise = given.get("otherwise")
        return Source(
            name,
            self._paths(given, place),
            unit=self._word(given, "unit", tuple(units_of(name)), place),
            words={str(k): self._constant(name, v, place) for k, v in words.items()},
            otherwise=None if otherwise is None else self._constant(name, otherwise, place),
            part=self._word(given, "part", tuple(PARTS), place) or "",
            split=self._text(given, "split", place) or None,
            **{key: self._text(given, key, place) for key in ("strip_prefix", "before", "after")},
        )

    def _fitting(self, name: str, given: dict[str, Any], place: tuple[str, ...]) -> None:
        """Refuse what would have no effect on a column of this type."""
        kind = BY_NAME[name].type if name in BY_NAME else TEXT
        only = {
            "unit": bool(units_of(name)), "split": kind == TEXTS,
            **dict.fromkeys(("words", "otherwise", "strip_prefix", "before", "after", "part"),
                            kind == TEXT and name not in RAW),
        }  # fmt: skip
        for key in given:
            if not only.get(key, True):
                self._fail(f"{key} means nothing for {name}", place, hint=f"{name} is {_kind_name(name)}")

    def _condition(self, table: dict[str, Any], place: Place) -> Condition:
        self._known(table, WHEN, "key of when", place)
        for key in WHEN:
            if key not in table:
                self._fail(f"when needs {key}: {WHEN[key]}", place)
        wanted = table["is"] if isinstance(table["is"], list) else [table["is"]]
        if not wanted or any(isinstance(value, dict | list) for value in wanted):
            self._fail("is is a value or a list of values", place)
        if not isinstance(table["set"], dict) or not table["set"]:
            self._fail('set is a table such as { decision = "deny" }', place)
        for name in table["set"]:
            self._column(name, place)
            if name in BY_NAME and BY_NAME[name].type == TIME:
                self._fail(f"{name} is a time, which no condition sets", place)
        texts = frozenset(str(v).lower() if isinstance(v, bool) else str(v) for v in wanted)
        columns = {name: self._constant(name, value, place) for name, value in table["set"].items()}
        return Condition(self._paths(table, place), texts, columns)

    # --- values -----------------------------------------------------------------------------------------------

    def _constant(self, name: str, value: Any, place: Place) -> Any:
        enum = BY_NAME[name].enum if name in BY_NAME else ()
        if enum and value not in enum:
            near = get_close_matches(str(value), enum, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(enum)}"
            self._fail(f"{value!r} is no word of {name}", place, hint=hint)
        if not _fits(name, value):
            self._fail(f"{name} is {_kind_name(name)}, which {value!r} is not", place)
        return value

    def _paths(self, table: dict[str, Any], place: Place) -> tuple[Path, ...]:
        given = table["from"] if isinstance(table["from"], list) else [table["from"]]
        if not given or not all(isinstance(path, str) for path in given):
            self._fail("from is a path or a list of paths", place)
        return tuple(self._path(path, place) for path in given)

    def _path(self, text: str, place: Place) -> Path:
        try:
            return parse_path(text)
        except ValueError as error:
            hint = """write user.sub, /user/sub, or '"src.addr"' for a name that holds a dot"""
            self._fail(f"{text!r} is no path: {error}", place, hint=hint)

    def _column(self, name: str, place: Place) -> None:
        if name in FILLED_BY_LAKE:
            near = {"args_json": "arguments", "session_key": "session_id"}.get(name)
            self._fail(f"{name} is filled by the lake", place, hint=f"map {near}" if near else "leave it out")
        if name not in FIELDS:
            self._unknown(name, FIELDS, "column", place)

    def _tables(self, name: str) -> Iterable[tuple[dict[str, Any], Place]]:
        given = self._document.get(name, [])
        heads = self._heads.get(name, [])
        for number, table in enumerate(given if isinstance(given, list) else [given]):
            place = heads[number] if isinstance(given, list) and number < len(heads) else (name,)
            if not isinstance(table, dict):
                self._fail(f"{name} is a table: write [{name}] on a line of its own", place)
            yield table, place

    def _text(self, table: dict[str, Any], key: str, place: Place) -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            self._fail(f"{key} is a text, which {value!r} is not", place or (key,))
        return value

    def _texts(self, table: dict[str, Any], key: str, place: Place) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fail(f"{key} is a list of texts", place or (key,))
        return value

    def _word(self, table: dict[str, Any], key: str, known: Sequence[str], place: Place) -> str | None:
        value = self._text(table, key, place)
        if value and value not in known:
            self._unknown(value, known, key, place or (key,))
        return value or None

    def _known(self, table: Table[str, Any], known: Iterable[str], what: str, place: Place) -> None:
        for key in table:
            if key not in known:
                at = (*place, key) if isinstance(place, tuple) and (*place, key) in self._lines else place
                self._unknown(key, list(known), what, at)

    # --- faults -----------------------------------------------------------------------------------------------

    def _unknown(self, name: str, known: Sequence[str], what: str, place: Place) -> NoReturn:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known[:40])}"
        self._fail(f"unknown {what}: {name!r}", place, hint=hint)

    def _fail(self, message: str, place: Place, *, hint: str | None = None) -> NoReturn:
        raise UsageError(message, where=self._where(place), hint=hint)

    def _where(self, place: Place) -> str:
        line = place if isinstance(place, int) else next(
            (self._lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self._lines), 1
        )  # fmt: skip
        return f"{self._file}:{line}"


def _fits(name: str, value: Any) -> bool:
    kind = BY_NAME[name].type if name in BY_NAME else TEXT
    if name in RAW or kind in (TEXT, TIME):
        return isinstance(value, str) and value != ""
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == INT:
        return type(value) is int and -(2**63) <= value < 2**63
    return kind != ACTORS and isinstance(value, int | float) and not isinstance(value, bool)


def _kind_name(name: str) -> str:
    kind = BY_NAME[name].type if name in BY_NAME else TEXT
    if name in RAW:
        return "content, taken as it is"
    words = {
        TEXT: "text",
        TIME: "a time",
        TEXTS: "a list of texts",
        INT: "a whole number",
        ACTORS: "a list of actors",
    }
    return words.get(kind, "a number")
