"""Choose what of a text tells something by itself: identifier-like words, hosts, addresses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.addresses import addresses
from ingest.fingerprints.spans import LEAF_CHARS, Bytes, Ints, Spans, translate
from ingest.hosts import hosts

DELIMITER, _IDENTIFYING, IN_WORD = np.uint8(1), np.uint8(2), np.uint8(4)


def _classes() -> bytes:
    """Return the table that gives each byte its classes."""
    table = np.zeros(256, dtype=np.uint8)
    table[:33] |= DELIMITER
    table[np.frombuffer(b"\"'`,;()<>[]{}|=&?*!\\", dtype=np.uint8)] |= DELIMITER
    table[np.frombuffer(b"0123456789@_/.", dtype=np.uint8)] |= _IDENTIFYING
    for first, last in ((48, 58), (65, 91), (97, 123), (128, 256)):
        table[first:last] |= IN_WORD
    return table.tobytes()


CLASSES = _classes()


def identifiers(buffer: Bytes, texts: Spans) -> Spans:
    """Find the identifier-like words of texts that have more than one word."""
    if not len(texts.start):
        return texts
    classes = translate(buffer, CLASSES)
    start, size = _long_runs((classes & DELIMITER) == 0)
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
    delimiters = np.flatnonzero((translate(buffer, CLASSES) & DELIMITER) != 0)
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
        delimiters = np.flatnonzero((translate(head, CLASSES) & DELIMITER) != 0)
        whole = np.searchsorted(delimiters, start) == np.searchsorted(delimiters, start + length)
        found[at[whole]] = True
    return found
