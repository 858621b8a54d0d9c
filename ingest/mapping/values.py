"""Raw JSON values into the values of a column: types, units, words and parts of texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ingest.attributes import as_integer, as_number
from ingest.durations import milliseconds
from ingest.fields import Int
from ingest.mapping.fields import UNFIT
from ingest.mcp import host_of, span_of, trace_of
from store.events import ACTORS, BY_NAME, INT, TEXT, TEXTS, TIME

Raw = msgspec.Raw

DURATIONS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3600e3}
"""Units of a duration, in milliseconds."""
EPOCHS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
"""Units of a time given as a number since 1970, in microseconds."""
SIZES = {"B": 1.0, "kB": 1e3, "KiB": 1024.0, "MB": 1e6, "MiB": float(1 << 20)}
"""Units of a size, in bytes."""
_LATEST = 1e18
"""Microseconds since 1970 that no calendar reaches."""


class Unfit(ValueError):  # noqa: N818 - it says what does not fit, and is no failure
    """A value does not fit its column: the text says what was expected."""


class _Actor(msgspec.Struct, gc=False):
    iss: str | None = None
    sub: str | None = None


def units_of(column: str) -> Mapping[str, float]:
    """Return the units a column's values may be given in."""
    if column == "duration_ms":
        return DURATIONS
    if column in ("request_bytes", "response_bytes"):
        return SIZES
    return EPOCHS if column in BY_NAME and BY_NAME[column].type == TIME else {}


def values(column: str, raws: Sequence[Raw], unit: str | None, split: str | None) -> tuple[list[Any], Wrong]:
    """Return a field's values as its column holds them, None where absent, and what does not fit, by row."""
    kind = BY_NAME[column].type if column in BY_NAME else TEXT
    factor = units_of(column).get(unit or "", 1.0)
    if kind == INT:
        return _decoded(raws, _INTS if factor == 1.0 else None, lambda v: _integer(v, factor))
    if column == "duration_ms":
        return _decoded(raws, _FLOATS, lambda v: _duration(v, factor), factor)
    if kind == TIME:
        return _decoded(raws, None, lambda v: _epoch(v, factor)) if unit else _decoded(raws, _TEXTS, _moment)
    if kind == TEXTS:
        return _decoded(raws, None, lambda v: _list(v, split))
    if kind == ACTORS:
        return _decoded(raws, None, _actors)
    return _texts(raws)


Wrong = dict[int, str]
_TEXTS = msgspec.json.Decoder(list[str | None])
_INTS = msgspec.json.Decoder(list[Int | None])
_FLOATS = msgspec.json.Decoder(list[float | None])
_ANY = msgspec.json.Decoder()


def _decoded(
    raws: Sequence[Raw],
    fast: msgspec.json.Decoder[Any] | None,
    one: Callable[[Any], Any],
    factor: float = 1.0,
) -> tuple[list[Any], Wrong]:
    """Decode a field of all records in one call, or one by one where that does not fit them all."""
    joined = b"[" + b",".join(raws) + b"]"
    try:
        if fast is not None:
            found = fast.decode(joined)
            if factor != 1.0:
                found = [None if v is None else v * factor for v in found]
            return ([v if v != "" else None for v in found] if "" in found else found), {}
        given = _ANY.decode(joined)
    except UNFIT:
        given = [_any(raw) for raw in raws]
    found = []
    wrong: Wrong = {}
    for row, value in enumerate(given):
        try:
            found.append(None if value is None or value == "" else one(value))
        except Unfit as error:
            found.append(None)
            wrong[row] = str(error)
    return found, wrong


def _any(raw: Raw) -> Any:
    try:
        return _ANY.decode(raw)
    except UNFIT:
        return _UNREADABLE


_UNREADABLE = object()


def _texts(raws: Sequence[Raw]) -> tuple[list[Any], Wrong]:
    """Return texts, and numbers and booleans as they are spelled."""
    wrong: Wrong = {}
    try:
        found = _TEXTS.decode(b"[" + b",".join(raws) + b"]")
    except UNFIT:
        found = []
        for row, raw in enumerate(raws):
            try:
                found.append(_text(bytes(raw)))
            except (*UNFIT, Unfit):
                found.append(None)
                wrong[row] = "expected text"
    return ([v or None for v in found] if "" in found else found), wrong


def _text(raw: bytes) -> str | None:
    if raw[:1] in (b"{", b"["):
        raise Unfit
    return str(_ANY.decode(raw)) if raw[:1] == b'"' else None if raw == b"null" else raw.decode()


def _integer(value: Any, factor: float) -> int:
    number = as_number(value) if factor != 1.0 else as_integer(value)
    whole = None if number is None else as_integer(number * factor if factor != 1.0 else number)
    if whole is None:
        raise Unfit("expected a whole number of at most 64 bits")
    return whole


def _duration(value: Any, factor: float) -> float:
    if isinstance(value, str) and (spelled := milliseconds(value)) is not None:
        return spelled
    number = as_number(value)
    if number is None or not math.isfinite(number * factor):
        raise Unfit("expected a number, or a text such as 12ms")
    return number * factor


def _moment(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit('expected an RFC 3339 time; for numbers since 1970 give a unit, such as unit = "ms"')
    return value


def _epoch(value: Any, factor: float) -> int:
    number = as_number(value)
    if number is None or abs(number) * factor > _LATEST:
        raise Unfit("expected a number since 1970")
    if type(value) is int:  # exact: nanoseconds have more digits than a float
        return value * round(factor) if factor >= 1 else value // round(1 / factor)
    return round(number * factor)


def _list(value: Any, split: str | None) -> list[str] | None:
    if isinstance(value, str):
        return [part for part in (value.split(split) if split else [value]) if part] or None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value or None
    raise Unfit("expected a list of texts")


def _actors(value: Any) -> list[dict[str, str | None]]:
    if isinstance(value, str):
        return [{"iss": None, "sub": value}]
    try:
        chain = msgspec.convert(value, list[_Actor])
    except msgspec.ValidationError as error:
        raise Unfit("expected a list of objects with iss and sub, or a text") from error
    return [{"iss": actor.iss, "sub": actor.sub} for actor in chain]


# --- parts of texts ---------------------------------------------------------------------------------------------

PARTS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "host": ("the host of `host:port`, of `[ipv6]:port` or of a bare address", host_of),
    "trace_id": ("the trace id in a W3C `traceparent`", lambda text: _traceparent(text, 1)),
    "span_id": ("the span id in a W3C `traceparent`", lambda text: _traceparent(text, 2)),
}
"""What `part` may take out of a text, and how."""

_IDS = {"trace_id": trace_of, "span_id": span_of}
"""Columns whose texts have one form; a text of another form is left in `unmapped`."""


def _traceparent(text: str, place: int) -> str | None:
    pieces = text.split("-")
    return pieces[place] if len(pieces) >= 4 else None


def parts(
    column: str, texts: Sequence[str | None], *, prefix: str, before: str, after: str, part: str
) -> list[str | None]:
    """Return what is meant of each text: without a prefix, before or after a separator, or a known part."""

    def wanted(text: str) -> str | None:
        text = text.removeprefix(prefix)
        if after and after in text:
            text = text.split(after, 1)[1]
        if before:
            text = text.split(before, 1)[0] if before in text else ""
        return _checked(column, PARTS[part][1](text) if part else text)

    return _by_value(texts, wanted)


def checked(column: str, texts: Sequence[str | None]) -> Sequence[str | None]:
    """Return texts of the form their column has; those of another form become None."""
    return _by_value(texts, lambda text: _checked(column, text)) if column in _IDS else texts


def _checked(column: str, text: str | None) -> str | None:
    form = _IDS.get(column)
    return (text if form is None else form(text)) or None


def _by_value(texts: Sequence[str | None], change: Callable[[str], str | None]) -> list[str | None]:
    known: dict[str | None, str | None] = {t: None if t is None else change(t) for t in set(texts)}
    return [known[text] for text in texts]


def words(
    column: str, texts: Sequence[str | None], table: Mapping[str, str], otherwise: str | None
) -> tuple[list[str | None], set[int], Wrong]:
    """Translate texts into a column's words; returns the rows whose text is no known word, and what is wrong."""
    enum = BY_NAME[column].enum if column in BY_NAME else ()

    def meaning(text: str) -> str | None:
        if text in table:
            return table[text]
        return text if text in enum or (not enum and otherwise is None) else otherwise

    found = _by_value(texts, meaning)
    if not enum and otherwise is None:
        return found, set(), {}
    strange = {text for text in set(texts) if text is not None and text not in table and text not in enum}
    rows = {row for row, text in enumerate(texts) if text in strange} if strange else set()
    if otherwise is not None:
        return found, rows, {}
    return found, set(), {row: _no_word(column, texts[row]) for row in rows}


def _no_word(column: str, text: str | None) -> str:
    return f"{str(text)[:40]!r} is no word of {column}: add it to words, or give otherwise"
