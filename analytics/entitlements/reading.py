"""Files of entitlements into typed records with their places: CSV with a head line, or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from analytics.entitlements.facts import Fault, Place
from analytics.entitlements.places import place_of, steps_of

T = TypeVar("T", bound=msgspec.Struct)
_MISSING = re.compile(r"Object missing required field `(\w+)`")


@dataclass(frozen=True)
class File:
    """One file as it was given. `server` is whose file it is, where the format does not say."""

    name: str
    content: bytes
    server: str = "*"


class When:
    """A time (RFC 3339 with its zone) or a day (midnight UTC), as `at`."""

    def __init__(self, text: object) -> None:
        if not isinstance(text, str):
            raise ValueError("a time is a text such as 2026-01-31 or 2026-01-31T09:00:00Z")  # noqa: TRY004
        self.at = _moment(text)


def at(when: When | None) -> datetime | None:
    """Return the moment, if there is one."""
    return None if when is None else when.at


def _moment(text: str) -> datetime:
    try:
        if len(text) == 10:
            found = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        else:
            found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text[:40]!r} is neither a day (2026-01-31) nor a time (2026-01-31T09:00:00Z)"
        ) from error
    if found.tzinfo is None:
        raise ValueError(f"{text[:40]!r} does not say its time zone: add Z or an offset")
    return found.astimezone(UTC)


@dataclass(frozen=True)
class Read(Generic[T]):
    """Records with where each stands, and the faults of the others."""

    records: tuple[tuple[T, Place], ...] = ()
    faults: tuple[Fault, ...] = ()


def records(file: File, kind: type[T], key: str) -> Read[T]:
    """Read records of a CSV file, or of a JSON array, or of the array under `key` of a JSON object."""
    text, fault = text_of(file)
    if fault is not None:
        return Read(faults=(fault,))
    return (
        json_records(file, kind, key) if text.lstrip()[:1] in ("[", "{") else _csv_records(file, text, kind)
    )


def text_of(file: File) -> tuple[str, Fault | None]:
    """Return a file's text; a fault where it is not UTF-8, or where there is nothing."""
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = file.content[: error.start]
        line = before.count(b"\n") + 1
        place = Place(file.name, line, error.start - before.rfind(b"\n"))
        return "", Fault(place, "this is not UTF-8 text")
    return text, None if text.strip() else Fault(Place(file.name, 1, 1), "the file is empty")


def document(file: File) -> tuple[Any, str, Fault | None]:
    """Return a JSON document with its text; a fault where it is not whole."""
    text, fault = text_of(file)
    if fault is not None:
        return None, text, fault
    try:
        return json.loads(text), text, None
    except json.JSONDecodeError as error:
        return None, text, Fault(Place(file.name, error.lineno, error.colno), f"not JSON: {error.msg}")
    except RecursionError:
        return None, text, Fault(Place(file.name, 1, 1), "not JSON: nested too deep")


def json_records(file: File, kind: type[T], *keys: str) -> Read[T]:
    """Read records of a JSON array, or of the array under the first of `keys` that an object has."""
    found, text, fault = document(file)
    if fault is not None:
        return Read(faults=(fault,))
    key = next((k for k in keys if isinstance(found, dict) and k in found), None)
    items = found if key is None else found[key]
    if not isinstance(items, list):
        names = " or ".join(f'"{k}"' for k in keys)
        return Read(faults=(Fault(Place(file.name, 1, 1), f"neither an array nor an object with {names}"),))
    return _converted(file.name, text, [] if key is None else [key], items, kind)


def _converted(name: str, text: str, base: list[str | int], items: list[Any], kind: type[T]) -> Read[T]:
    good: list[tuple[T, Place]] = []
    faults: list[Fault] = []
    places = _starts(name, text, base, len(items))
    for number, (item, place) in enumerate(zip(items, places, strict=True)):
        try:
            good.append((msgspec.convert(item, kind, dec_hook=_hook), place))
        except msgspec.ValidationError as error:
            message, steps = _split(error)
            faults.append(Fault(place_of(name, text, [*base, number, *steps]), message))
    return Read(tuple(good), tuple(faults))


def _starts(name: str, text: str, base: list[str | int], count: int) -> Iterator[Place]:
    """Yield where each element of an array begins, in one pass over the text."""
    decoder, space = json.JSONDecoder(), " \t\r\n,"
    start = place_of(name, text, list(base))
    position = _position(text, start) + 1
    line, line_start = start.line, _position(text, Place(name, start.line, 1))
    for _ in range(count):
        while text[position] in space:
            if text[position] == "\n":
                line, line_start = line + 1, position + 1
            position += 1
        yield Place(name, line, position - line_start + 1)
        _, end = decoder.raw_decode(text, position)
        breaks = text.count("\n", position, end)
        if breaks:
            line, line_start = line + breaks, text.rfind("\n", position, end) + 1
        position = end


def _position(text: str, place: Place) -> int:
    offset = 0
    for _ in range(place.line - 1):
        offset = text.index("\n", offset) + 1
    return offset + place.column - 1


def _split(error: msgspec.ValidationError) -> tuple[str, list[str | int]]:
    message, _, path = str(error).partition(" - at `")
    return message, steps_of(path.rstrip("`"))


def _hook(kind: type[Any], value: object) -> Any:
    if kind is When:
        return When(value)
    raise NotImplementedError(kind)


# --- CSV --------------------------------------------------------------------------------------------------------


def _csv_records(file: File, text: str, kind: type[T]) -> Read[T]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip() for name in next(reader)]
    except csv.Error as error:
        return Read(faults=(Fault(Place(file.name, 1, 1), f"not CSV: {error}"),))
    faults = list(_head_faults(file.name, head, kind))
    good: list[tuple[T, Place]] = []
    if not faults:
        for row, line in _csv_rows(file.name, reader, faults):
            _take(file.name, head, row, line, kind, good, faults)
    return Read(tuple(good), tuple(faults))


def _csv_rows(name: str, reader: Any, faults: list[Fault]) -> Iterator[tuple[list[str], int]]:
    """Yield the rows that are not blank, with the line on which each begins."""
    line = reader.line_num + 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield row, line
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(Fault(Place(name, line, 1), f"not CSV: {error}"))


def _take(
    name: str, head: list[str], row: list[str], line: int, kind: type[T],
    good: list[tuple[T, Place]], faults: list[Fault],
) -> None:  # fmt: skip
    if len(row) != len(head):
        place = Place(name, line, min(len(row), len(head)) + 1)
        faults.append(Fault(place, f"{len(row)} fields where the head names {len(head)}"))
        return
    try:
        value = msgspec.convert(dict(_cells(head, row, kind)), kind, strict=False, dec_hook=_hook)
    except msgspec.ValidationError as error:
        message, steps = _split(error)
        empty = _MISSING.match(message)
        column = head.index(empty[1] if empty else str(steps[0])) + 1
        told = "it is empty, and must not be" if empty else message
        faults.append(Fault(Place(name, line, column), f"{head[column - 1]}: {told}"))
    else:
        good.append((value, Place(name, line, 1)))


def _cells(head: Iterable[str], row: Iterable[str], kind: type[msgspec.Struct]) -> Iterator[tuple[str, Any]]:
    """Yield the cells that hold something; of a list, its parts between semicolons."""
    lists = _lists(kind)
    for name, cell in zip(head, row, strict=True):
        if cell.strip():
            parts = [part.strip() for part in cell.split(";") if part.strip()]
            yield name, parts if name in lists else cell.strip()


def _head_faults(name: str, head: list[str], kind: type[msgspec.Struct]) -> Iterator[Fault]:
    known = _fields(kind)
    for number, column in enumerate(head, 1):
        if column not in known:
            yield Fault(Place(name, 1, number), f"there is no column {column!r}: {', '.join(known)}")
        elif column in head[: number - 1]:
            yield Fault(Place(name, 1, number), f"the column {column!r} is there twice")
    missing = [n for n, f in known.items() if f.required and n not in head]
    if missing:
        yield Fault(Place(name, 1, 1), f"the head lacks {', '.join(missing)}")


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {f.encode_name: f for f in msgspec.structs.fields(kind)}


@cache
def _lists(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(name for name, f in _fields(kind).items() if str(f.type).startswith("list"))
