"""Find JSON objects in which one key stands twice, at any depth: we take the last value, other readers the first.

Every key of a piece gets a signature of its object, its length and its ends, all in NumPy: 5 us for a record of 1 KB,
where a parser that keeps pairs takes 11. Two keys with one signature are only a suspicion, and that parser decides.
OTLP is left out but for the arguments in it: its keys are an encoder's, four dozen an event, and its values are lists.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.fingerprints.spans import Bytes, Ints

WARNING = "duplicate_keys"
"""The parse warning of a row whose record or arguments repeat a key."""

_OTLP = b'{"resource'
_PIECE = 512
_QUOTE, _BACKSLASH, _COLON, _OPEN, _CLOSE = b'"\\:{}'
_PADDING = bytes(8)
"""Words are read 8 bytes at a time, before the end of a key and after its start."""
_LONGEST_RUN = 64
"""Longer runs of white space or backslashes are left to the parser: the runs are walked step by step."""
_MIXED = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)


def repeating(documents: Sequence[bytes]) -> list[int]:
    """Return the places of the JSON objects that have a key twice, in them or in an object inside them.

    Documents are valid JSON; those that are no objects, or OTLP, are not looked at.
    """
    places = [p for p, document in enumerate(documents) if document[:1] == b"{" and document[:10] != _OTLP]
    found: list[int] = []
    for start in range(0, len(places), _PIECE):
        piece = places[start : start + _PIECE]
        suspects = _suspects([documents[place] for place in piece])
        found += [piece[at] for at in suspects if repeats(documents[piece[at]])]
    return found


def repeats(document: bytes) -> bool:
    """Say whether an object of a JSON document, at any depth, has a key twice."""
    found = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        found = found or len(dict(pairs)) < len(pairs)

    try:
        json.loads(document, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return found


def _suspects(documents: Sequence[bytes]) -> Sequence[int]:
    """Return the documents that may have a key twice: all that have, and hardly any other."""
    joined = b"\n".join([_PADDING, *documents, _PADDING])
    buffer = np.frombuffer(joined, dtype=np.uint8)
    quotes = _string_ends(buffer)
    keys = _followed_by_colon(buffer, quotes[1::2]) if quotes is not None and not len(quotes) & 1 else None
    if quotes is None or keys is None:
        return range(len(documents))
    opening, closing = quotes[0::2][keys], quotes[1::2][keys]
    signatures = _signatures(buffer, opening, closing) + _objects(buffer, quotes, opening) * _MIXED[2]
    ordered = np.sort(signatures)
    same = ordered[1:][ordered[1:] == ordered[:-1]]
    doubtful = opening[np.isin(signatures, same)] if len(same) else same
    if _BACKSLASH in joined:  # the same key may be spelled in two ways
        slashes = np.flatnonzero(buffer == _BACKSLASH)
        last = np.searchsorted(opening, slashes) - 1
        doubtful = np.concatenate([doubtful, slashes[(last >= 0) & (slashes < closing[last])]])
    if not len(doubtful):
        return ()
    starts = np.cumsum([len(_PADDING) + 1, *(len(document) + 1 for document in documents)])
    return [int(at) for at in np.unique(np.searchsorted(starts, doubtful, side="right") - 1)]


def _string_ends(buffer: Bytes) -> Ints | None:
    """Return where strings open and close, by turns: the quotes that no backslash escapes."""
    quotes = np.flatnonzero(buffer == _QUOTE)
    left = np.flatnonzero(buffer[quotes - 1] == _BACKSLASH)
    if not len(left):
        return quotes
    escaped = np.zeros(len(quotes), dtype=bool)
    for back in range(2, _LONGEST_RUN):
        escaped[left] ^= True
        left = left[buffer[quotes[left] - back] == _BACKSLASH]
        if not len(left):
            return quotes[~escaped]
    return None


def _followed_by_colon(buffer: Bytes, closing: Ints) -> Ints | None:
    """Return which strings are keys."""
    after = closing + 1
    for _ in range(_LONGEST_RUN):
        following = buffer[after]
        space = (following <= 32) & (following > 0)
        if not space.any():
            return np.flatnonzero(following == _COLON)
        after = after + space
    return None


def _signatures(buffer: Bytes, opening: Ints, closing: Ints) -> NDArray[np.uint64]:
    """Return a number for each key: of its length, its last 8 bytes and, when it has as many, its first 8."""
    words = np.ndarray((len(buffer) - 7,), dtype="<u8", buffer=buffer.data, strides=(1,))
    size = closing - opening - 1
    last = words[closing - 8] >> ((8 - np.minimum(size, 8)) << 3).astype(np.uint64)
    first = np.where(size >= 8, words[opening + 1], 0)
    signed: NDArray[np.uint64] = (last + size.astype(np.uint64)) * _MIXED[0] ^ first * _MIXED[1]
    return signed


def _objects(buffer: Bytes, quotes: Ints, keys: Ints) -> NDArray[np.uint64]:
    """Return for each key the number of the object it stands in."""
    braces = np.flatnonzero((buffer == _OPEN) | (buffer == _CLOSE))
    braces = braces[np.searchsorted(quotes, braces) & 1 == 0]
    opens = buffer[braces] == _OPEN
    depth = np.cumsum(np.where(opens, 1, -1), dtype=np.int16)
    # After a brace we are in the object that was opened last at the depth then.
    order = np.argsort(depth, kind="stable")
    number = np.empty(len(braces), dtype=np.int64)
    number[order] = order[np.maximum.accumulate(np.where(opens[order], np.arange(len(order)), 0))]
    each = np.diff(np.searchsorted(keys, braces), append=len(keys))
    return np.repeat(number, each).astype(np.uint64)
