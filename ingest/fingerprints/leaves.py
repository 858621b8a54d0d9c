"""Cut JSON documents into their scalar leaves, a whole batch at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ingest.fingerprints.spans import LEAF_CHARS, Bytes, Ints, Spans, runs

_QUOTE, _BACKSLASH, _COLON = 34, 92, 58

_UNESCAPED = np.arange(256, dtype=np.uint8)
for _letter, _byte in zip(b"ntrbf", b"\n\t\r\b\f", strict=True):
    _UNESCAPED[_letter] = _byte

_IN_NUMBER = np.zeros(256, dtype=bool)
_IN_NUMBER[np.frombuffer(b"0123456789+-.eE", dtype=np.uint8)] = True


_PADDING = bytes(16)
"""Words are read 8 bytes at a time, past the last byte of the last document."""


def scan(documents: Sequence[bytes]) -> tuple[Bytes, Spans, Spans]:
    """Cut valid JSON documents into leaves.

    Returns a buffer in which strings stand unescaped, the spans of all leaves, and of those the strings.
    """
    joined = b"\n".join([*documents, _PADDING])
    if b"\\u" in joined:
        documents = [_decode_unicode(d) if b"\\u" in d else d for d in documents]
        joined = b"\n".join([*documents, _PADDING])
    lengths = np.fromiter(map(len, documents), np.int64, len(documents))
    starts = np.cumsum(lengths + 1) - lengths - 1
    buffer = np.frombuffer(joined, dtype=np.uint8)
    quotes = np.flatnonzero(buffer == _QUOTE)
    buffer, quotes, starts = _unescape(buffer, quotes, starts)
    opening, closing = quotes[0::2] + 1, quotes[1::2]
    following = closing + 1
    while (space := buffer[following] <= 32).any() and (following[space] < len(buffer) - 17).any():
        following = following + (space & (following < len(buffer) - 17))
    value = (buffer[following] != _COLON) & (closing - opening >= LEAF_CHARS)
    start, length = opening[value], (closing - opening)[value]
    texts = _enough_characters(buffer, Spans(_document(starts, start), start, length))
    numbers = _numbers(buffer, opening, closing, starts)
    if not len(numbers.start):
        return buffer, texts, texts
    both = Spans(
        np.concatenate([texts.document, numbers.document]),
        np.concatenate([texts.start, numbers.start]),
        np.concatenate([texts.length, numbers.length]),
    )
    return buffer, both, texts


def _document(starts: Ints, position: Ints) -> Ints:
    """Return the document of each position, both in ascending order."""
    firsts = np.searchsorted(position, starts)
    counts = np.diff(firsts, append=len(position))
    return np.repeat(np.arange(len(starts)), counts)


def _before(marks: Ints, position: Ints) -> Ints:
    """Return how many of the (few) marks stand before each position, both in ascending order."""
    places = np.searchsorted(position, marks, side="right")
    return np.cumsum(np.bincount(places, minlength=len(position) + 1))[: len(position)]


def _unescape(buffer: Bytes, quotes: Ints, starts: Ints) -> tuple[Bytes, Ints, Ints]:
    """Drop each escaping backslash and decode the byte after it; positions follow."""
    slashes = np.flatnonzero(buffer == _BACKSLASH)
    if not len(slashes):
        return buffer, quotes, starts
    order = np.arange(len(slashes))
    new_run = np.empty(len(slashes), dtype=bool)
    new_run[0] = True
    np.not_equal(slashes[1:], slashes[:-1] + 1, out=new_run[1:])
    in_run = order - np.maximum.accumulate(np.where(new_run, order, 0))
    escaping = slashes[(in_run & 1) == 0]
    escaped = escaping + 1
    is_escaped = np.zeros(len(buffer), dtype=bool)
    is_escaped[escaped] = True
    quotes = quotes[~is_escaped[quotes]]
    plain = buffer.copy()
    plain[escaped] = _UNESCAPED[plain[escaped]]
    keep = np.ones(len(buffer), dtype=bool)
    keep[escaping] = False
    return plain[keep], quotes - _before(escaping, quotes), starts - np.searchsorted(escaping, starts)


def _enough_characters(buffer: Bytes, spans: Spans) -> Spans:
    """Keep spans of LEAF_CHARS characters; a UTF-8 continuation byte is not one."""
    if not (buffer & 0x80).any():
        return spans
    continuation = np.concatenate([[0], np.cumsum((buffer & 0xC0) == 0x80)])
    characters = spans.length - (continuation[spans.start + spans.length] - continuation[spans.start])
    return spans.where(characters >= LEAF_CHARS)


def _numbers(buffer: Bytes, opening: Ints, closing: Ints, starts: Ints) -> Spans:
    """Find numbers of LEAF_CHARS characters between the strings."""
    left = np.concatenate([[0], closing + 1])
    right = np.concatenate([opening - 1, [len(buffer) - 16]])
    roomy = right - left > LEAF_CHARS
    left, length = left[roomy], (right - left)[roomy]
    if not len(left):
        return Spans(left, left, left)
    ends = np.cumsum(length)
    position = np.arange(int(ends[-1])) + np.repeat(left - (ends - length), length)
    inside = _IN_NUMBER[buffer[position]]
    inside[ends - 1] = False
    start, size = runs(inside)
    long = size >= LEAF_CHARS
    start = position[start[long]]
    return Spans(_document(starts, start), start, size[long])


_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|\\.", re.DOTALL)


def _decode_unicode(document: bytes) -> bytes:
    r"""Write \uXXXX escapes as UTF-8; what would not stand in a JSON string keeps a backslash."""
    return _ESCAPE.sub(_decoded, document)


def _decoded(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return match[0]
    high = int(match[1], 16)
    if match[2] is not None:
        if 0xD800 <= high < 0xDC00:
            return chr(0x10000 + ((high - 0xD800) << 10) + (int(match[2], 16) - 0xDC00)).encode()
        return _one(high) + "\ufffd".encode()
    return _one(high)


def _one(code: int) -> bytes:
    if code in (_QUOTE, _BACKSLASH):
        return b"\\" + bytes([code])
    return chr(code).encode(errors="replace") if not 0xD800 <= code < 0xE000 else "\ufffd".encode()
