"""A keyed 64-bit hash of pieces of a buffer: NH, then AES (UMAC, RFC 4418; Wegman and Carter)."""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from ingest.fingerprints.spans import Bytes, Ints, Spans

MAX_HASHED = 1 << 20
"""Of a longer string the first MiB and the length are hashed."""


class KeyedHash:
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
