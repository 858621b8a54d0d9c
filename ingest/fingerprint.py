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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.fingerprints.keyed import KeyedHash
from ingest.fingerprints.leaves import scan
from ingest.fingerprints.opened import open_texts
from ingest.fingerprints.passages import SHINGLE_WORDS, WINNOW, winnow, words_of
from ingest.fingerprints.spans import Bytes, Ints, Spans
from ingest.fingerprints.words import are_addresses, identifiers, named_hosts
from store.keys import derive

MAX_OPENED = 3
"""How many layers of JSON inside strings are opened."""


@dataclass(frozen=True)
class Fingerprints:
    """Values of all documents one after another; document i owns `values[offsets[i]:offsets[i + 1]]`.

    `address` says which are of an e-mail address, a URL, a host or an IBAN, where that was looked for.
    """

    values: Ints
    offsets: NDArray[np.int32]
    address: NDArray[np.bool_]


class Fingerprinter:
    """Fingerprints JSON documents under one site key; the same text gives the same number in any version."""

    def __init__(self, site_key: bytes) -> None:
        self._leaf = KeyedHash(derive(site_key, "leaf-fingerprint", 64))
        self._shingle = KeyedHash(derive(site_key, "shingle-fingerprint", 64))

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
                opened, spans, texts, inner = open_texts(buffer, spans, texts)
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
