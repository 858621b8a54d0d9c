"""[roles.NAME] and [people] of tooltrail.toml: who may ask what through the door, and how much of it they see."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store import units
from store.errors import DeniedError, UsageError
from store.units import Kind

MASKS = ("null", "hash", "constant", "last4")
EVERY = "*"
"""As a view: all of them. As the view of masks: each table that has the column. As a person: anyone."""


@dataclass(frozen=True)
class Limits:
    """What one question may take. Time and memory are enforced by killing its process."""

    max_seconds: float = 30.0
    max_memory: int = 1 << 30
    max_rows: int = 10_000
    max_bytes: int = 256 << 20


@dataclass(frozen=True)
class Role:
    """What a role sees: granted views and macros, the rows a filter leaves, the columns masks let through.

    A filter or mask of a view holds for everything that stands on that view, granted or not.
    """

    name: str
    views: tuple[str, ...]
    filter: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict, compare=False)

    def place(self, *path: str) -> str:
        """Return file:line of the nearest thing that was written for it."""
        keys = [path[:end] for end in range(len(path), -1, -1)]
        return next((self.places[key] for key in keys if key in self.places), f"[roles.{self.name}]")


@dataclass(frozen=True)
class Policy:
    """The roles and who has them: by user name, by uid:NUMBER, or everyone (*). A broken one lets nobody in."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict, compare=False)
    broken: bool = False

    def role_of(self, uid: int, user: str, wanted: str) -> Role:
        """Return a role this person has; DeniedError says that they have it not, or that it is none."""
        if self.broken:
            raise DeniedError(
                "the configuration of this door is broken", hint="its keeper has been told where"
            )
        names = (user, f"uid:{uid}", EVERY)
        held = {role for name in names for role in self.people.get(name, ())}
        if wanted in held and wanted in self.roles:
            return self.roles[wanted]
        hint = f"yours are {', '.join(sorted(held))}" if held else "[people] of tooltrail.toml grants roles"
        raise DeniedError("you do not have this role", wanted, hint=hint)


def read(file: Path | None) -> Policy:
    """Return what a configuration file says of roles and people; UsageError names the line that is wrong."""
    if file is None:
        return Policy()
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the configuration cannot be read", where=str(file)) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(units.toml_fault(error), where=units.toml_place(file, error)) from error
    reader = _Reader(file, units.key_lines(text))
    roles = {name: reader.role(name, given) for name, given in reader.table(document, "roles").items()}
    people = {
        name: reader.person(name, given, roles) for name, given in reader.table(document, "people").items()
    }
    places = {
        path[1]: f"{file.name}:{line}"
        for path, line in reader.lines.items()
        if path[0] == "people" and path[1:]
    }
    return Policy(roles, people, places)


@dataclass(frozen=True)
class _Reader:
    file: Path
    lines: Mapping[tuple[str, ...], int]

    def table(self, document: Mapping[str, Any], *path: str) -> dict[str, Any]:
        given = document.get(path[-1], {})
        if not isinstance(given, dict):
            raise self._wrong("a section is expected, not a value", *path, hint=f"write [{'.'.join(path)}]")
        return given

    def role(self, name: str, given: Any) -> Role:
        base = ("roles", name)
        given = self.table({name: given}, *base)
        known = ("views", "filter", "masks", *_LIMITS)
        for key in given:
            if key not in known:
                raise self._wrong(f"unknown key {key!r}", *base, key, hint=f"known are {', '.join(known)}")
        if "views" not in given:
            raise self._wrong("a role needs views", *base, hint='views = ["tool_calls", "denials"]')
        limits = {
            key: self._value(kind, given[key], *base, key) for key, kind in _LIMITS.items() if key in given
        }
        views = self._value(units.TEXTS, given["views"], *base, "views")
        views = tuple(self._view(view, *base, "views") for view in views)
        places = dict(self._places(base))
        return Role(
            name, views, self._filters(given, base), self._masks(given, base), Limits(**limits), places
        )

    def _filters(self, given: Mapping[str, Any], base: tuple[str, ...]) -> dict[str, str]:
        path = (*base, "filter")
        return {
            self._restricted(view, *path, view): self._value(units.TEXT, text, *path, view)
            for view, text in self.table(given, *path).items()
        }

    def _masks(self, given: Mapping[str, Any], base: tuple[str, ...]) -> dict[str, dict[str, str]]:
        path, kind = (*base, "masks"), units.choice(*MASKS)
        masks = self.table(given, *path)
        return {
            self._restricted(v, *path, v): {
                self._column(v, column, *path, v, column): self._value(kind, mask, *path, v, column)
                for column, mask in self.table(masks, *path, v).items()
            }
            for v in masks
        }

    def person(self, name: str, given: Any, roles: Mapping[str, Role]) -> tuple[str, ...]:
        held: tuple[str, ...] = self._value(units.TEXTS, given, "people", name)
        for role in held:
            if role not in roles:
                raise self._wrong(
                    f"there is no role {role!r}", "people", name, hint=f"known are {', '.join(roles)}"
                )
        return held

    def _view(self, name: str, *path: str) -> str:
        if name != EVERY and name not in relations():
            raise self._wrong(f"there is no view {name!r}", *path, hint="`tooltrail schema` lists them")
        return name

    def _restricted(self, name: str, *path: str) -> str:
        """Return the name of a view that can be restricted; a macro shows what its views show."""
        if name in relations() - relations(macros=False):
            raise self._wrong(f"{name} is a macro: restrict the views it stands on", *path)
        if name == EVERY and path[-2] == "filter":
            raise self._wrong("a filter is of one view", *path)
        return self._view(name, *path)

    def _column(self, view: str, column: str, *path: str) -> str:
        if view == EVERY and column not in columns():
            raise self._wrong(f"no table has a column {column!r}", *path)
        return column

    def _value(self, kind: Kind, value: Any, *path: str) -> Any:
        try:
            return kind.parse(value)
        except (ValueError, TypeError) as error:
            raise self._wrong(f"{'.'.join(path)} must be {kind.expected}, not {value!r}", *path) from error

    def _wrong(self, message: str, *path: str, hint: str | None = None) -> UsageError:
        keys = (path[:end] for end in range(len(path), 0, -1))
        line = next((self.lines[key] for key in keys if key in self.lines), 1)
        return UsageError(message, where=f"{self.file}:{line}", hint=hint)

    def _places(self, base: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        for path, line in self.lines.items():
            if path[: len(base)] == base:
                yield path[len(base) :], f"{self.file}:{line}"


_LIMITS: dict[str, Kind] = {
    "max_seconds": units.DURATION, "max_memory": units.SIZE, "max_rows": units.COUNT, "max_bytes": units.SIZE,
}  # fmt: skip


def relations(*, macros: bool = True) -> frozenset[str]:
    """Return the names of all tables, views and macros of the lake."""
    from store.sql import view_statements
    from store.tables import TABLES

    made = {s.call.split("(")[0] for s in view_statements() if macros or s.kind == "view"}
    return frozenset(TABLES) | made


def columns() -> frozenset[str]:
    """Return the names of all columns of tables."""
    from store.tables import TABLES

    return frozenset(name for table in TABLES.values() for name in table.schema.names)


def shown(policy: Policy) -> list[dict[str, str]]:
    """Return the roles and people as rows: setting, value, origin, meaning."""
    rows = []
    for role in policy.roles.values():
        facts: dict[str, tuple[str, str]] = {"views": (", ".join(role.views), "Views and macros it may ask.")}
        facts |= {f"filter.{view}": (text, "Rows it sees of the view.") for view, text in role.filter.items()}
        facts |= {
            f"masks.{view}.{column}": (mask, "What it sees in place of the column.")
            for view, masks in role.masks.items() for column, mask in masks.items()
        }  # fmt: skip
        for key, show in _SHOWN.items():
            facts[key] = (show(getattr(role.limits, key)), "A limit of each of its questions.")
        rows += [
            _row(f"roles.{role.name}.{k}", value, _origin(role, k), meaning)
            for k, (value, meaning) in facts.items()
        ]
    return rows + [
        _row(f"people.{name}", ", ".join(held), policy.places.get(name, ""), "The roles this person has.")
        for name, held in policy.people.items()
    ]


_SHOWN: dict[str, Callable[[Any], str]] = {
    "max_seconds": units.show, "max_memory": units.show_size, "max_rows": units.show, "max_bytes": units.show_size,
}  # fmt: skip


def _origin(role: Role, key: str) -> str:
    path = tuple(key.split("."))
    if path[0] in _LIMITS and path not in role.places:
        return "default"
    return role.place(*path).rsplit("/", 1)[-1]


def _row(setting: str, value: str, origin: str, meaning: str) -> dict[str, str]:
    return {"setting": setting, "value": value, "origin": origin, "meaning": meaning}
