"""Keyed fingerprints of what arguments and results hold, computed over a whole batch at once.

A leaf is a scalar of 8 characters or more: a string's decoded text, or a number as it is written (so 12345678 and
"12345678" match). A string that holds a JSON document is opened and its leaves taken instead. A text also gives
its identifier-like words: e-mail addresses, record ids, URLs, whatever is 8 characters or more between spaces and
punctuation and has a digit or one of @ _ / . in it; and the host of each URL by itself. A long text also gives winnowed
shingles of five words (Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003), which find copied passages of 12 words
or more.

Each fingerprint is 64 bits of AES over a 128-bit universal hash of the bytes (two independent NH sums of UMAC,
RFC 4418 section 5.2.2): hash-then-PRF after Wegman and Carter. Without the site key they can be neither computed
nor inverted. They are stored as signed integers because Delta tables have no unsigned ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from ingest.addresses import addresses
from ingest.hosts import hosts
from store.keys import derive

LEAF_CHARS = 8
SHINGLE_WORDS = 5
WINNOW = 8
"""A passage of SHINGLE_WORDS + WINNOW - 1 = 12 words that stands in two texts gives them a shingle in common."""
MAX_OPENED = 3
"""How many layers of JSON inside strings are opened."""
MAX_HASHED = 1 << 20
"""Of a longer string the first MiB and the length are hashed."""

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_QUOTE, _BACKSLASH, _COLON = 34, 92, 58


@dataclass(frozen=True)
class Fingerprints:
    """Values of all documents one after another; document i owns `values[offsets[i]:offsets[i + 1]]`.

    `address` says which are of an e-mail address, a URL, a host or an IBAN, where that was looked for.
    """

    values: Ints
    offsets: NDArray[np.int32]
    address: NDArray[np.bool_]


@dataclass(frozen=True)
class Spans:
    """Pieces of a byte buffer: which document each is from, where it starts, and how long it is."""

    document: Ints
    start: Ints
    length: Ints

    def where(self, mask: NDArray[np.bool_]) -> Spans:
        """Return the spans the mask keeps."""
        return Spans(self.document[mask], self.start[mask], self.length[mask])


class Fingerprinter:
    """Fingerprints JSON documents under one site key; the same text gives the same number in any version."""

    def __init__(self, site_key: bytes) -> None:
        self._leaf = _KeyedHash(derive(site_key, "leaf-fingerprint", 64))
        self._shingle = _KeyedHash(derive(site_key, "shingle-fingerprint", 64))

    def fingerprint(
        self, documents: Sequence[bytes], arguments: int = 0
    ) -> tuple[Fingerprints, Fingerprints]:
        """Return (leaves, shingles) of valid JSON documents; an empty document gives nothing.

        In the first `arguments` of them it is looked which leaves are addresses.
        """
        leaves: list[_Part] = []
        shingles: list[_Part] = []
        owners = np.arange(len(documents), dtype=np.int64)
        layer = documents
        for depth in range(MAX_OPENED + 1):
            buffer, spans, texts = scan(layer)
            if depth < MAX_OPENED:
                opened, spans, texts, inner = _open(buffer, spans, texts)
            else:
                opened, inner = [], owners[:0]
            words = identifiers(buffer, texts)
            for found in (spans, words, named_hosts(buffer, texts, words)):
                owner = owners[found.document]
                address = are_addresses(buffer, found, owner < arguments)
                leaves.append((owner, self._leaf.of(buffer, found), address))
            owner, values = self._shingles(buffer, texts)
            shingles.append((owners[owner], values, np.zeros(len(values), dtype=np.bool_)))
            if not opened:
                break
            layer, owners = opened, owners[inner]
        return _gather(leaves, len(documents)), _gather(shingles, len(documents))

    def _shingles(self, buffer: Bytes, texts: Spans) -> tuple[Ints, Ints]:
        long = texts.where(texts.length >= 2 * (SHINGLE_WORDS + WINNOW))
        if not len(long.start):
            return long.document, long.document
        lowered, words, run = words_of(buffer, long)
        [hashes] = self._shingle.universal(lowered, words, 1)
        return winnow(hashes, words.document, run, self._shingle)


class _KeyedHash:
    """Two NH sums over 8-byte words, then one AES block; both keyed."""

    def __init__(self, key: bytes) -> None:
        self._prf = Cipher(algorithms.AES(key[:32]), modes.ECB())  # noqa: S305 - a PRF of single blocks
        self._expand = key[32:64]
        self._keys = self._stream(1024)

    def _stream(self, words: int) -> NDArray[np.uint32]:
        """Return the NH keys: four 32-bit numbers a word, as an AES-CTR key stream, so a longer one only adds."""
        stream = (
            Cipher(algorithms.AES(self._expand), modes.CTR(bytes(16))).encryptor().update(bytes(16 * words))
        )
        return np.ascontiguousarray(np.frombuffer(stream, dtype="<u4").reshape(words, 4).T)

    def universal(self, buffer: Bytes, spans: Spans, hashes: int = 2) -> list[NDArray[np.uint64]]:
        """Return one or two independent NH hashes of each span; the buffer must run 8 bytes past the last one."""
        length = np.minimum(spans.length, MAX_HASHED)
        count = (length + 7) >> 3
        ends = np.cumsum(count)
        first = ends - count
        index = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
        index -= np.repeat(first, count)
        words = _words(buffer)[np.repeat(spans.start, count) + (index << 3)]
        tail = ((8 * count - length) << 3).astype(np.uint64)
        words[ends - 1] &= np.uint64(0xFFFFFFFFFFFFFFFF) >> tail
        if (needed := int(count.max(initial=0))) > self._keys.shape[1]:
            self._keys = self._stream(2 * needed)
        halves = words.view("<u4")
        low, high = halves[::2].copy(), halves[1::2].copy()
        sums = []
        for lane in range(0, 2 * hashes, 2):  # the sums of 32 bits wrap, as they should
            left = (low + self._keys[lane][index]).astype(np.uint64)
            left *= high + self._keys[lane + 1][index]
            sums.append(np.add.reduceat(left, first) + spans.length.astype(np.uint64))
        return sums

    def of(self, buffer: Bytes, spans: Spans) -> Ints:
        """Return the fingerprint of each span's bytes."""
        if not len(spans.start):
            return spans.start
        return self.seal(*self.universal(buffer, spans))

    def seal(self, left: NDArray[np.uint64], right: NDArray[np.uint64]) -> Ints:
        """Return the first 64 bits of AES over each pair."""
        blocks = np.empty((len(left), 2), dtype="<u8")
        blocks[:, 0] = left
        blocks[:, 1] = right
        sealed = self._prf.encryptor().update(blocks.tobytes())
        return np.frombuffer(sealed, dtype="<i8")[::2].astype(np.int64)


def _words(buffer: Bytes) -> NDArray[np.uint64]:
    """See the buffer as overlapping little-endian 8-byte words, one starting at each byte."""
    return np.ndarray((len(buffer) - 7,), dtype="<u8", buffer=buffer.data, strides=(1,))


# --- cutting JSON -----------------------------------------------------------------------------------------------

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
    start, size = _runs(inside)
    long = size >= LEAF_CHARS
    start = position[start[long]]
    return Spans(_document(starts, start), start, size[long])


def _runs(mask: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return start and length of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return edges[0::2], edges[1::2] - edges[0::2]


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


# --- opening JSON inside strings --------------------------------------------------------------------------------

_ANY_JSON = msgspec.json.Decoder(msgspec.Raw)


def _open(buffer: Bytes, leaves: Spans, texts: Spans) -> tuple[list[bytes], Spans, Spans, Ints]:
    """Take out the strings that hold JSON objects or arrays: their texts, and the document each was in."""
    nothing = texts.document[:0]
    candidates = np.flatnonzero(_holds_json(buffer, texts))
    if not len(candidates):
        return [], leaves, texts, nothing
    whole = buffer.tobytes()
    starts, ends = texts.start[candidates], (texts.start + texts.length)[candidates]
    contents = [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    is_json = np.fromiter(map(_is_json, contents), np.bool_, len(contents))
    candidates = candidates[is_json]
    opened = [content for content, yes in zip(contents, is_json.tolist(), strict=True) if yes]
    keep = np.ones(len(leaves.start), dtype=np.bool_)
    keep[candidates] = False  # the strings come first among the leaves, in the same order
    return opened, leaves.where(keep), texts.where(keep[: len(texts.start)]), texts.document[candidates]


def _holds_json(buffer: Bytes, texts: Spans) -> NDArray[np.bool_]:
    first, last = buffer[texts.start], buffer[texts.start + texts.length - 1]
    holds: NDArray[np.bool_] = ((first == ord("{")) & (last == ord("}"))) | (
        (first == ord("[")) & (last == ord("]"))
    )
    return holds


def _is_json(text: bytes) -> bool:
    try:
        _ANY_JSON.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


# --- words in texts ---------------------------------------------------------------------------------------------

_DELIMITER, _IDENTIFYING, _IN_WORD = np.uint8(1), np.uint8(2), np.uint8(4)


def _classes() -> bytes:
    """Return the table that gives each byte its classes."""
    table = np.zeros(256, dtype=np.uint8)
    table[:33] |= _DELIMITER
    table[np.frombuffer(b"\"'`,;()<>[]{}|=&?*!\\", dtype=np.uint8)] |= _DELIMITER
    table[np.frombuffer(b"0123456789@_/.", dtype=np.uint8)] |= _IDENTIFYING
    for first, last in ((48, 58), (65, 91), (97, 123), (128, 256)):
        table[first:last] |= _IN_WORD
    return table.tobytes()


_CLASSES = _classes()
_LOWER = bytes(range(256)).lower()


def _translate(buffer: Bytes, table: bytes) -> Bytes:
    """Map every byte by a table: bytes.translate is several times faster than indexing."""
    return np.frombuffer(buffer.tobytes().translate(table), dtype=np.uint8)


def identifiers(buffer: Bytes, texts: Spans) -> Spans:
    """Find the identifier-like words of texts that have more than one word."""
    if not len(texts.start):
        return texts
    classes = _translate(buffer, _CLASSES)
    start, size = _long_runs((classes & _DELIMITER) == 0)
    owner = np.maximum(np.searchsorted(texts.start, start, side="right") - 1, 0)
    before = start - texts.start[owner]
    inside = (before >= 0) & (before + size <= texts.length[owner]) & (size < texts.length[owner])
    start, size, owner = start[inside], size[inside], owner[inside]
    for _ in range(2):
        last = buffer[start + size - 1]
        size = size - ((last == ord(".")) | (last == ord(":")))
    useful = size >= LEAF_CHARS
    start, size, owner = start[useful], size[useful], owner[useful]
    if not len(start):
        return Spans(start, start, start)
    bounds = np.stack([start, start + size], axis=1).ravel()
    marked = (np.bitwise_or.reduceat(classes, bounds)[::2] & _IDENTIFYING) != 0
    return Spans(texts.document[owner][marked], start[marked], size[marked])


def _long_runs(mask: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return start and length of each run of LEAF_CHARS True or more that neither begins nor ends the mask."""
    long = mask[:-1] & mask[1:]
    for reach in (2, 4):  # LEAF_CHARS in a row, from pairs of pairs of pairs
        long = long[:-reach] & long[reach:]
    edges = np.flatnonzero(long[1:] != long[:-1]) + 1
    if long[0]:
        edges = edges[1:]
    start, end = edges[: len(edges) & ~1 : 2], edges[1::2] + LEAF_CHARS - 1
    return start, end - start


def named_hosts(buffer: Bytes, texts: Spans, words: Spans) -> Spans:
    """Find the hosts, of LEAF_CHARS bytes or more, that texts and identifier-like words begin with."""
    document = np.concatenate([texts.document, words.document])
    start, length = (
        np.concatenate(pair) for pair in ((texts.start, words.start), (texts.length, words.length))
    )
    piece, begin, size = hosts(buffer, start, length)
    long = size >= LEAF_CHARS
    piece, begin, size = piece[long], begin[long], size[long]
    if not len(piece):
        return Spans(piece, piece, piece)
    delimiters = np.flatnonzero((_translate(buffer, _CLASSES) & _DELIMITER) != 0)
    whole = np.searchsorted(delimiters, start[piece]) == np.searchsorted(delimiters, begin + size)
    return Spans(document[piece], begin, size).where(whole)


def are_addresses(buffer: Bytes, spans: Spans, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which of the spans asked for are an e-mail address, a URL, a host or an IBAN and nothing else."""
    found = np.zeros(len(asked), dtype=np.bool_)
    (at,) = np.nonzero(asked)
    if not len(at):
        return found
    start, length = spans.start[at], spans.length[at]
    head = buffer[: int((start + length).max()) + 8]
    likely = addresses(head, start, length)
    at, start, length = at[likely], start[likely], length[likely]
    if len(at):
        delimiters = np.flatnonzero((_translate(head, _CLASSES) & _DELIMITER) != 0)
        whole = np.searchsorted(delimiters, start) == np.searchsorted(delimiters, start + length)
        found[at[whole]] = True
    return found


def words_of(buffer: Bytes, texts: Spans) -> tuple[Bytes, Spans, Ints]:
    """Return lower-cased bytes, the spans of words (document = text's document), and which text each is in."""
    ends = np.cumsum(texts.length)
    whole, stops = buffer.data, (texts.start + texts.length).tolist()
    pieces = [whole[start:stop] for start, stop in zip(texts.start.tolist(), stops, strict=True)]
    gathered = b"".join([*pieces, bytes(8)]).translate(_LOWER)
    inside = (np.frombuffer(gathered.translate(_CLASSES), dtype=np.uint8)[:-8] & _IN_WORD) != 0
    start, size = _runs_within(inside, ends)
    owner = np.repeat(np.arange(len(ends)), np.diff(np.searchsorted(start, ends), prepend=0))
    return np.frombuffer(gathered, dtype=np.uint8), Spans(texts.document[owner], start, size), owner


def _runs_within(mask: NDArray[np.bool_], ends: Ints) -> tuple[Ints, Ints]:
    """Return runs of True, none of which crosses an end."""
    change = np.empty(len(mask) + 1, dtype=bool)
    change[0] = mask[0]
    change[-1] = mask[-1]
    np.not_equal(mask[1:], mask[:-1], out=change[1:-1])
    inner = ends[:-1]
    split = inner[mask[inner] & mask[inner - 1]]
    edges = np.flatnonzero(change)
    if len(split):
        edges = np.sort(np.concatenate([edges, split, split]))
    return edges[0::2], edges[1::2] - edges[0::2]


def winnow(hashes: NDArray[np.uint64], document: Ints, text: Ints, keyed: _KeyedHash) -> tuple[Ints, Ints]:
    """Return (document, fingerprint) of the shingles each window of WINNOW consecutive shingles keeps."""
    count = len(hashes) - SHINGLE_WORDS + 1
    if count < WINNOW:
        return document[:0], document[:0]
    combined = np.zeros(count, dtype=np.uint64)
    for place in range(SHINGLE_WORDS):
        combined = combined * _MIX + hashes[place : place + count]
    whole = text[:count] == text[SHINGLE_WORDS - 1 :]
    sealed = keyed.seal(combined, np.zeros_like(combined))
    order = np.where(whole, sealed, np.iinfo(np.int64).max)
    windows = count - WINNOW + 1
    least = order[:windows].copy()
    for place in range(1, WINNOW):
        np.minimum(least, order[place : place + windows], out=least)
    inside = text[:windows] == text[WINNOW + SHINGLE_WORDS - 2 :]
    chosen = np.zeros(count, dtype=bool)
    for place in range(WINNOW):
        chosen[place : place + windows] |= (order[place : place + windows] == least) & inside
    return document[:count][chosen], sealed[chosen]


_MIX = np.uint64(0x9E3779B97F4A7C15)


_Part = tuple[Ints, Ints, NDArray[np.bool_]]
"""Owners, values, and which of these are addresses."""


def _gather(parts: list[_Part], documents: int) -> Fingerprints:
    """Sort values by document, keeping each document's order, without repeats inside a document."""
    owner = np.concatenate([p[0] for p in parts])
    values = np.concatenate([p[1] for p in parts])
    address = np.concatenate([p[2] for p in parts])
    order = np.argsort(values)
    narrow = owner[order].astype(np.uint16) if documents <= 1 << 16 else owner[order]
    order = order[np.argsort(narrow, kind="stable")]  # of 16 bits a radix sort: one pass, no comparison
    owner, values, address = owner[order], values[order], address[order]
    if len(values):
        fresh = np.empty(len(values), dtype=bool)
        fresh[0] = True
        np.logical_or(owner[1:] != owner[:-1], values[1:] != values[:-1], out=fresh[1:])
        owner, values, address = owner[fresh], values[fresh], address[fresh]
    offsets = np.searchsorted(owner, np.arange(documents + 1)).astype(np.int32)
    return Fingerprints(values, offsets, address)
