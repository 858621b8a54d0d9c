"""Winnowed shingles of words, by which copied passages are found (Schleimer and others: Winnowing, SIGMOD 2003)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.fingerprints.keyed import KeyedHash
from ingest.fingerprints.spans import Bytes, Ints, Spans
from ingest.fingerprints.words import CLASSES, IN_WORD

SHINGLE_WORDS = 5
WINNOW = 8
"""A passage of SHINGLE_WORDS + WINNOW - 1 = 12 words that stands in two texts gives them a shingle in common."""

_LOWER = bytes(range(256)).lower()
_MIX = np.uint64(0x9E3779B97F4A7C15)


def words_of(buffer: Bytes, texts: Spans) -> tuple[Bytes, Spans, Ints]:
    """Return lower-cased bytes, the spans of words (document = text's document), and which text each is in."""
    ends = np.cumsum(texts.length)
    whole, stops = buffer.data, (texts.start + texts.length).tolist()
    pieces = [whole[start:stop] for start, stop in zip(texts.start.tolist(), stops, strict=True)]
    gathered = b"".join([*pieces, bytes(8)]).translate(_LOWER)
    inside = (np.frombuffer(gathered.translate(CLASSES), dtype=np.uint8)[:-8] & IN_WORD) != 0
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


def winnow(hashes: NDArray[np.uint64], document: Ints, text: Ints, keyed: KeyedHash) -> tuple[Ints, Ints]:
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
