"""Which values say where something goes: e-mail addresses, URLs, hosts that begin with www, and IBANs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_AT, _SLASH, _COLON, _DOT = 64, 47, 58, 46
_WWW = np.frombuffer(b"www.", dtype=np.uint8)
_IBAN = (12, 34)

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

_UPPER, _DIGIT = np.zeros(256, dtype=np.bool_), np.zeros(256, dtype=np.bool_)
_UPPER[65:91] = True
_DIGIT[48:58] = True


def addresses(buffer: Bytes, start: Places, length: Places) -> Flags:
    """Say which pieces of a buffer are an address, given that they are a single word.

    The buffer runs on past its last piece.
    """
    end = start + length
    at, dot, slash = (_next(buffer, sign, start) for sign in (_AT, _DOT, _SLASH))
    dot = np.where(at < end, _next(buffer, _DOT, at), dot)
    mail = (at > start) & (at < end) & (dot < end - 1)
    url = (slash > start) & (slash + 2 < end) & (buffer[slash - 1] == _COLON)
    url &= buffer[np.minimum(slash + 1, len(buffer) - 1)] == _SLASH
    found: Flags = mail | url | _begins(buffer, start) | _iban(buffer, start, length)
    return found


def _next(buffer: Bytes, sign: int, start: Places) -> Places:
    """Return the place of a sign at or after each start, and the end of the buffer where there is none."""
    places = np.append(np.flatnonzero(buffer == sign), len(buffer))
    found: Places = places[np.searchsorted(places, start).clip(max=len(places) - 1)]
    return found


def _begins(buffer: Bytes, start: Places) -> Flags:
    www = np.ones(len(start), dtype=np.bool_)
    for place, byte in enumerate(_WWW):
        www &= buffer[start + place] == byte
    return www


def _iban(buffer: Bytes, start: Places, length: Places) -> Flags:
    """Say which pieces are two capital letters, two digits, and capitals and digits after them (ISO 13616)."""
    fits = (length >= _IBAN[0]) & (length <= _IBAN[1])
    fits &= (
        _UPPER[buffer[start]]
        & _UPPER[buffer[start + 1]]
        & _DIGIT[buffer[start + 2]]
        & _DIGIT[buffer[start + 3]]
    )
    (at,) = np.nonzero(fits)
    if len(at):
        ends = np.cumsum(length[at])
        place = np.arange(int(ends[-1])) + np.repeat(start[at] - (ends - length[at]), length[at])
        plain = _UPPER[buffer[place]] | _DIGIT[buffer[place]]
        fits[at] = np.logical_and.reduceat(plain, ends - length[at])
    return fits
