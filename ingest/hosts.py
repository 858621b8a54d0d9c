"""The host in a URL: `https://www.example.org/a/b`, `www.example.org/a` and `www.example.org` have it in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SLASH, _COLON, _DOT = 47, 58, 46

Places = NDArray[np.int64]


def hosts(buffer: NDArray[np.uint8], start: Places, length: Places) -> tuple[Places, Places, Places]:
    """Return (index of the piece, start, length) of the host at the head of each piece of a buffer that has one.

    A host has a dot, and stands between `://` and the next slash or the end, or before the first slash. The buffer runs
    on past its last piece.
    """
    slashes = np.append(np.flatnonzero(buffer == _SLASH), len(buffer))
    first = slashes[np.searchsorted(slashes, start)]
    piece = np.flatnonzero(first < start + length)
    begin, end, first = start[piece], (start + length)[piece], first[piece]
    scheme = (
        (first > begin) & (buffer[first - 1] == _COLON) & (buffer[first + 1] == _SLASH) & (first + 2 < end)
    )
    begin = np.where(scheme, first + 2, begin)
    stop = np.minimum(slashes[np.searchsorted(slashes, begin)], end)
    dots = np.flatnonzero(buffer == _DOT)
    dotted = np.searchsorted(dots, begin) < np.searchsorted(dots, stop)
    return piece[dotted], begin[dotted], (stop - begin)[dotted]
