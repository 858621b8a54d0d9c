"""Columns out of attribute maps, whose values may come as text or as numbers, and what is left over."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container, Sequence
from typing import Any

import msgspec

_TEXTS = frozenset({str, type(None)})
_NUMBERS = frozenset({int, type(None)})
_SCALARS = frozenset({int, float, bool})
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Attributes:
    """Attribute maps of a batch of records, read a column at a time.

    What is read counts as taken, save a value that does not fit its column: that one stays, and its row is in
    `wrong`.
    """

    def __init__(self, maps: Sequence[dict[str, Any]]) -> None:
        self._maps = maps
        self.present = frozenset[str]().union(*maps)
        self._taken: set[str] = set()
        self._kept: dict[int, dict[str, Any]] = {}
        self.wrong: set[int] = set()

    def take(self, key: str) -> list[Any]:
        """Return the values as they are, None where absent."""
        self._taken.add(key)
        return [m.get(key) for m in self._maps] if key in self.present else [None] * len(self._maps)

    def peek(self, key: str) -> list[str | None]:
        """Return the values that are text or a scalar, as text, and leave them in the rest."""
        if key not in self.present:
            return [None] * len(self._maps)
        values = [m.get(key) for m in self._maps]
        if not _TEXTS.issuperset(map(type, values)):
            values = [as_text(v) for v in values]
        return [v or None for v in values] if "" in values else values

    def texts(self, key: str) -> list[str | None]:
        """Return the values as text: numbers and booleans in JSON's spelling, None for the empty text."""
        values = self.take(key)
        if key not in self.present:
            return values
        if not _TEXTS.issuperset(map(type, values)):
            values = self._converted(key, values, as_text)
        return [v or None for v in values] if "" in values else values

    def numbers(self, key: str) -> list[float | None]:
        """Return the values as finite floats, whether they came as number or as text."""
        return self._converted(key, self.take(key), as_number)

    def integers(self, key: str) -> list[int | None]:
        """Return the values as integers of 64 bits, whether they came as number or as text."""
        return self._converted(key, self.take(key), as_integer)

    def first(self, *keys: str) -> list[str | None]:
        """Return the first of several names' texts; a later name's other text stays in the rest."""
        found = [(key, self.texts(key)) for key in keys if key in self.present]
        self._taken.update(keys)
        if not found:
            return [None] * len(self._maps)
        best = found[0][1]
        for key, texts in found[1:]:
            for row, (value, text) in enumerate(zip(best, texts, strict=True)):
                if value is not None and text is not None and text != value:
                    self.keep(row, key, text)
            best = [value if value is not None else text for value, text in zip(best, texts, strict=True)]
        return best

    def documents(self, *keys: str) -> list[bytes | str | None]:
        """Return the first of several names' values: text as it is, anything else as JSON."""
        best: list[bytes | str | None] = [None] * len(self._maps)
        for key in keys:
            if key not in self.present:
                continue
            for row, value in enumerate(self.take(key)):
                if value in (None, ""):
                    continue
                if best[row] is None:
                    best[row] = value if isinstance(value, str) else as_json(value)
                else:
                    self.keep(row, key, value)
        return best

    def lists(self, key: str) -> list[list[str] | None]:
        """Return lists of texts; a text alone is a list of one."""
        rows: list[list[str] | None] = []
        for row, value in enumerate(self.take(key)):
            if isinstance(value, str) and value:
                rows.append([value])
            elif isinstance(value, list) and all(isinstance(v, str) for v in value):
                rows.append(value or None)
            else:
                rows.append(None)
                if value not in (None, ""):
                    self.keep(row, key, value)
                    self.wrong.add(row)
        return rows

    def keep_unless(self, key: str, values: Sequence[str | None], known: Container[str]) -> None:
        """Keep the taken values that are not among the known ones."""
        if all(value is None or value in known for value in set(values)):
            return
        for row, value in enumerate(values):
            if value is not None and value not in known:
                self.keep(row, key, value)

    def keep(self, row: int, key: str, value: Any) -> None:
        """Keep a taken value in the rest of its row after all."""
        self._kept.setdefault(row, {})[key] = value

    def rest(
        self, attributes: Sequence[dict[str, Any]], resources: Sequence[dict[str, Any]]
    ) -> list[bytes | None]:
        """Return, per row, the JSON of what was not taken of its own attributes and of its resource's."""
        taken = self._taken
        shared: dict[int, dict[str, Any]] = {}
        shapes: dict[tuple[str, ...], list[str]] = {}
        rows: list[bytes | None] = []
        for row, (own, resource) in enumerate(zip(attributes, resources, strict=True)):
            if (common := shared.get(id(resource))) is None:
                common = {"/resource/" + k: v for k, v in resource.items() if k not in taken}
                shared[id(resource)] = common
            if (keys := shapes.get(shape := tuple(own))) is None:
                keys = shapes[shape] = [k for k in own if k not in taken]
            left = {"/attributes/" + k: own[k] for k in keys} | common if keys else dict(common)
            if row in self._kept:
                left |= {"/attributes/" + k: v for k, v in self._kept[row].items()}
            rows.append(as_json(left) if left else None)
        return rows

    def _converted(self, key: str, values: Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
        if key not in self.present:
            return list(values)
        converted = [None if v is None else convert(v) for v in values]
        if converted.count(None) != values.count(None):
            for row, (value, result) in enumerate(zip(values, converted, strict=True)):
                if result is None and value not in (None, ""):
                    self.keep(row, key, value)
                    self.wrong.add(row)
        return converted


def as_text(value: Any) -> str | None:
    """Return text as it is and a scalar in JSON's spelling, None for anything else."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if type(value) in _SCALARS else None


def as_number(value: Any) -> float | None:
    """Return a finite number, given as one or as text, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_integer(value: Any) -> int | None:
    """Return an integer of 64 bits, given as a number or as text, None for anything else."""
    if type(value) is not int:
        number = as_number(value)
        if number is None or not number.is_integer():
            return None
        value = int(number)
    return value if _SMALLEST <= value <= _LARGEST else None


def as_json(value: Any) -> bytes:
    """Return the value as JSON, also when it holds an integer beyond 64 bits."""
    try:
        return msgspec.json.encode(value)
    except OverflowError:  # an integer beyond 64 bits
        return json.dumps(value).encode()
