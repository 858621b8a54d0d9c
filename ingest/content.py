"""Arguments and results: from whatever a gateway gives to a JSON document, its digest, keys and state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.canonical import hex_column, text_column
from store.events import TEXT, TEXTS
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


@dataclass
class Contents:
    """The arguments, or the results, of a block: each document once, what state it is in, and who holds it.

    Calls repeat, answers more so: whatever is done to a document is done once. An absent one is b"". `told` are the
    documents that stood in a string, or that an adapter put together.
    """

    documents: list[bytes]
    states: list[str]
    held: Codes
    told: list[int]

    @classmethod
    def of(cls, values: Sequence[bytes | str | None]) -> Contents:
        """Take in one value a row."""
        known: dict[bytes | str | None, int] = {}
        firsts = np.fromiter(map(known.setdefault, values, count()), np.int64, len(values))
        numbers = np.empty(len(values), dtype=np.int32)
        numbers[np.fromiter(known.values(), np.int64, len(known))] = np.arange(len(known))
        found, states = documents(list(known))
        told = [
            place for place, (value, own) in enumerate(zip(known, found, strict=True)) if value is not own
        ]
        return cls(found, states, numbers[firsts], told)

    def spread(self, column: pa.Array) -> pa.Array:
        """Return a column of one value a row from one of a value a document."""
        return column.take(pa.array(self.held))

    def rows_of(self, document: int) -> list[int]:
        """Return the rows that hold a document."""
        return [int(row) for row in np.flatnonzero(self.held == document)]

    def state_column(self) -> pa.Array:
        """Return each row's state, coded."""
        words = list(dict.fromkeys(self.states))
        codes = np.array([words.index(state) for state in self.states], dtype=np.int32)
        return pa.DictionaryArray.from_arrays(codes[self.held], pa.array(words, TEXT))


Codes = NDArray[np.int32]


def kept(contents: Contents, limit: int) -> pa.Array:
    """Return argument documents as text, cut at a limit of characters; what was cut is marked in the states."""
    column = text_column(contents.documents)
    lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy()
    long = [at for at in np.flatnonzero(lengths > limit).tolist() if len(column[at].as_py()) > limit]
    for at in long:
        contents.states[at] = "truncated"
    return pc.utf8_slice_codeunits(column, 0, limit) if long else column


def argument_digests(key: Hmac, found: Sequence[bytes]) -> tuple[pa.Array, pa.Array]:
    """Return keyed digests and key pointers of argument documents.

    The digest is over the document with sorted keys and without spaces, so that two witnesses of one call agree
    however they wrote it (RFC 8785 but for the spelling of exotic numbers).
    """
    canonical: list[bytes] = []
    shapes: dict[tuple[str, ...], int] = {}
    places: list[int | None] = []
    for document in found:
        try:
            value = _ANY.decode(document) if document else None
            canonical.append(_SORTED.encode(value) if document else document)
            places.append(shapes.setdefault(key_pointers(value), len(shapes)) if document else None)
        except (msgspec.MsgspecError, RecursionError):  # a number beyond any float: the bytes are digested
            canonical.append(document)
            places.append(None)
    pointers = pa.array([list(shape) for shape in shapes], TEXTS)
    return digests(key, canonical), pointers.take(pa.array(places, pa.int32()))


def digests(key: Hmac, found: Sequence[bytes]) -> pa.Array:
    """Return keyed digests of documents, over their bytes as they came; an absent one has none."""
    joined = b"".join([key.raw(document) for document in found])
    column = hex_column(np.frombuffer(joined, dtype=np.uint8).reshape(-1, 16))
    absent = np.fromiter((not document for document in found), np.bool_, len(found))
    return pc.if_else(pa.array(absent), pa.scalar(None, TEXT), column) if absent.any() else column


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
