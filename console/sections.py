"""Sections of tooltrail.toml with names of the user's own: [alerts.NAME], [schedule.NAME].

Each becomes a frozen dataclass whose fields are its keys; what is wrong is told with the file and the line.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from store.errors import UsageError
from store.units import key_lines

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)
else:
    T = TypeVar("T")

_SECRET = ("token", "password", "secret")


def read(file: Path | None, section: str, kind: type[T], check: Callable[[T], str | None]) -> list[T]:
    """Return the sections of a file that was read once before, so that it is TOML. `check` says what is wrong."""
    if file is None:
        return []
    text = file.read_text("utf-8")
    lines = key_lines(text)

    def place(*path: str) -> str:
        known = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 1)
        return f"{file}:{known}: [{'.'.join(path[:2])}]"

    return list(parsed(tomllib.loads(text).get(section, {}), section, kind, check, place))


def given(file: Path | None, section: str) -> Iterator[tuple[str, Any, str]]:
    """Yield the dotted name, the value and the place of every key that is set, for `config show`."""
    if file is None:
        return
    text = file.read_text("utf-8")
    lines = key_lines(text)
    for name, values in tomllib.loads(text).get(section, {}).items():
        for key, value in values.items():
            yield f"{section}.{name}.{key}", value, f"{file.name}:{lines.get((section, name, key), 1)}"


def parsed(
    table: Any, section: str, kind: type[T], check: Callable[[T], str | None], place: Callable[..., str]
) -> Iterator[T]:
    """Yield each section of a parsed table; UsageError names the key, and where it is."""
    if not isinstance(table, Mapping):
        raise UsageError(
            f"{section} is a section of sections", where=place(section), hint=f"write [{section}.NAME]"
        )
    types = get_type_hints(kind)
    for name, given in table.items():
        where = place(section, name)
        if not isinstance(given, Mapping):
            raise UsageError(f"{name} is a section", where=where, hint=f"write [{section}.{name}]")
        values = {key: _value(types, key, value, place(section, name, key)) for key, value in given.items()}
        build: Callable[..., T] = kind
        made = build(name=name, **values)
        if (wrong := check(made)) is not None:
            key = next((f.name for f in dataclasses.fields(made) if wrong.startswith(f.name)), None)
            raise UsageError(wrong, where=place(section, name, key) if key else where)
        yield made


def _value(types: Mapping[str, Any], key: str, value: Any, where: str) -> Any:
    known = [name for name in types if name != "name"]
    if key not in known:
        raise UsageError(f"unknown key {key!r}", where=where, hint=_hint(key, known))
    kind = types[key]
    if kind == tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UsageError(f"{key} is a list of texts", where=where)
        return tuple(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{key} is of the wrong type: it is {_NAMES[kind]}", where=where)
    return value


_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}


def _hint(key: str, known: list[str]) -> str:
    if any(word in key for word in _SECRET):
        places = [name for name in known if name.endswith(("_env", "_file")) and name.startswith("token")]
        return (
            f"secrets are not kept here: {' or '.join(places)} say where it is"
            if places
            else "secrets are not kept here"
        )
    near = get_close_matches(key, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
