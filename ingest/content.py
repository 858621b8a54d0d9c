"""Arguments and results: from whatever a gateway gives to a JSON document, its digest, keys and state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.canonical import text_column
from store.events import TEXTS
from store.keys import Hmac

MAX_POINTER_DEPTH = 3

_RAW = msgspec.json.Decoder(msgspec.Raw)
_TEXT = msgspec.json.Decoder(str)
_ANY = msgspec.json.Decoder()
_SORTED = msgspec.json.Encoder(order="sorted")

ABSENT, FULL, UNPARSEABLE = "absent", "full", "unparseable"


def documents(values: Sequence[bytes | str | None]) -> tuple[list[bytes], list[str]]:
    """Return each value as a JSON document (b"" when absent), and how much of it is there.

    A JSON string that holds a JSON document stands for that document: some gateways encode arguments twice.
    """
    found = []
    states = [FULL] * len(values)
    for row, value in enumerate(values):
        if value is None or value == b"null":
            found.append(b"")
            states[row] = ABSENT
        elif type(value) is bytes and value[0] != _QUOTE:
            found.append(value)
        else:
            document, states[row] = _from_text(value)
            found.append(document)
    return found, states


_QUOTE = ord('"')


def _from_text(value: str | bytes) -> tuple[bytes, str]:
    try:
        text = value if isinstance(value, str) else _TEXT.decode(value)
        raw = text.encode()
    except (msgspec.MsgspecError, UnicodeError):
        raw = text.encode(errors="replace") if isinstance(value, str) else bytes(value)
        return msgspec.json.encode(raw.decode(errors="replace")), UNPARSEABLE
    head = raw.lstrip()[:1]
    if head not in (b"{", b"["):
        return (msgspec.json.encode(text), FULL) if isinstance(value, str) else (value, FULL)
    try:
        _RAW.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return msgspec.json.encode(text), UNPARSEABLE
    return raw, FULL


def mark_redacted(
    arguments: list[str], results: list[str], taken: Mapping[int, Sequence[Mapping[str, str]]]
) -> None:
    """Change the state of the contents something was taken out of."""
    for row, secrets in taken.items():
        for name, states in (("arguments", arguments), ("result", results)):
            if states[row] == FULL and any(s["path"].startswith(name) for s in secrets):
                states[row] = "redacted"


def kept(found: Sequence[bytes], states: list[str], limit: int) -> pa.Array:
    """Return argument documents as text, cut at a limit of characters; what was cut is marked in `states`."""
    column = text_column(found)
    lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy()
    long = [row for row in np.flatnonzero(lengths > limit).tolist() if len(column[row].as_py()) > limit]
    for row in long:
        states[row] = "truncated"
    return pc.utf8_slice_codeunits(column, 0, limit) if long else column


def argument_digests(key: Hmac, found: Sequence[bytes]) -> tuple[list[str | None], pa.Array]:
    """Return keyed digests and key pointers of argument documents.

    The digest is over the document with sorted keys and without spaces, so that two witnesses of one call agree
    however they wrote it (RFC 8785 but for the spelling of exotic numbers).
    """
    digests: list[str | None] = []
    shapes: dict[tuple[str, ...], int] = {}
    places: list[int | None] = []
    for document in found:
        if not document:
            digests.append(None)
            places.append(None)
            continue
        try:
            value = _ANY.decode(document)
        except (
            msgspec.MsgspecError,
            RecursionError,
        ):  # a number beyond any float, say: the bytes are digested
            digests.append(key.digest(document))
            places.append(None)
            continue
        digests.append(key.digest(_SORTED.encode(value)))
        places.append(shapes.setdefault(key_pointers(value), len(shapes)))
    pointers = pa.array([list(shape) for shape in shapes], TEXTS)
    return digests, pointers.take(pa.array(places, pa.int32()))


def result_digests(key: Hmac, found: Sequence[bytes]) -> list[str | None]:
    """Return keyed digests of result documents, over their bytes as they came."""
    return [key.digest(document) if document else None for document in found]


def key_pointers(value: object) -> tuple[str, ...]:
    """Return the sorted JSON pointers (RFC 6901) of a document's keys, at most three deep, without values.

    Array elements share the pointer `/-`.
    """
    if isinstance(value, dict) and _CONTAINERS.isdisjoint(map(type, value.values())):
        return _flat_pointers(tuple(value))
    found: set[str] = set()
    _collect(value, "", 0, found)
    return tuple(sorted(found))


_CONTAINERS = frozenset({dict, list})


@lru_cache(maxsize=4096)
def _flat_pointers(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(f"/{_escaped(key)}" for key in keys))


def _collect(value: Any, path: str, depth: int, found: set[str]) -> None:
    if depth == MAX_POINTER_DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            spot = f"{path}/{_escaped(key)}"
            found.add(spot)
            if type(inner) in _CONTAINERS:
                _collect(inner, spot, depth + 1, found)
    elif isinstance(value, list):
        for inner in value:
            if type(inner) in _CONTAINERS:
                _collect(inner, f"{path}/-", depth, found)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key
