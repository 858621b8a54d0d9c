"""Times, identifiers and patterned words as bytes, made for a whole block at once with NumPy."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

SECOND = 1_000_000
DAY = 86_400 * SECOND

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE32 = np.frombuffer(b"0123456789abcdefghjkmnpqrstvwxyz", np.uint8)
_TABLES = {
    "d": np.frombuffer(b"0123456789", np.uint8)[np.arange(256) % 10],
    "h": _HEX[np.arange(256) & 15],
    "x": _BASE32[np.arange(256) & 31],
}
_TWO = np.array([[48 + i // 10, 48 + i % 10] for i in range(100)], np.uint8)
_THREE = np.array([[48 + i // 100, 48 + i // 10 % 10, 48 + i % 10] for i in range(1000)], np.uint8)
_HEX_PAIR = np.stack([_HEX[np.arange(256) >> 4], _HEX[np.arange(256) & 15]], axis=1)
_HEX_FOUR = np.concatenate(
    [_HEX_PAIR[np.arange(65536) & 255], _HEX_PAIR[np.arange(65536) >> 8]], axis=1
).view(np.uint32).ravel()  # fmt: skip
_NUMBERS = np.empty(65536, object)
_NUMBERS[:] = [b"%d" % number for number in range(65536)]


def mix(numbers: Words, salt: int) -> Words:
    """Hash each number with splitmix64: equal number and salt give an equal hash, in every run."""
    z = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64((salt * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def rows_to_bytes(matrix: Bytes) -> list[bytes]:
    """Return each row of a byte matrix as one bytes object."""
    width = matrix.shape[1]
    words: list[bytes] = np.ascontiguousarray(matrix).view(f"S{width}").ravel().tolist()
    return words


def pattern(shape: str, numbers: Words, salt: int) -> list[bytes]:
    """Write one word per number: d is a digit, h a hex digit, x a base-32 digit, `{...}` literal letters."""
    places, template = _shape(shape)
    hashes = np.concatenate(
        [mix(numbers, salt + i)[:, None] for i in range(-(-len(places) // 8))], axis=1
    ).view(np.uint8)
    matrix = np.empty((len(numbers), len(template)), np.uint8)
    matrix[:] = template
    for source, (place, kind) in enumerate(places):
        matrix[:, place] = _TABLES[kind][hashes[:, source]]
    return rows_to_bytes(matrix)


def _shape(shape: str) -> tuple[list[tuple[int, str]], Bytes]:
    places: list[tuple[int, str]] = []
    letters: list[int] = []
    literal = False
    for letter in shape:
        if letter in "{}":
            literal = letter == "{"
            continue
        if letter in _TABLES and not literal:
            places.append((len(letters), letter))
        letters.append(ord(letter))
    return places, np.array(letters, np.uint8)


def uuids(high: Words, low: Words) -> list[bytes]:
    """Return version-4 UUIDs of 128 random bits each."""
    digits = _hex_digits(high, low)
    digits[:, 12] = ord("4")
    digits[:, 16] = _HEX[8 + (high & np.uint64(3)).astype(np.int64)]
    matrix = np.full((len(high), 36), ord("-"), np.uint8)
    for target, start, stop in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        matrix[:, target : target + stop - start] = digits[:, start:stop]
    return rows_to_bytes(matrix)


def hex32(high: Words, low: Words) -> list[bytes]:
    """Return 32 hex digits of 128 bits each."""
    return rows_to_bytes(_hex_digits(high, low))


def hex16(words: Words) -> list[bytes]:
    """Return 16 hex digits of 64 bits each."""
    quads = _HEX_FOUR[np.ascontiguousarray(words).view(np.uint16)]
    return rows_to_bytes(quads.view(np.uint8).reshape(-1, 16))


def _hex_digits(high: Words, low: Words) -> Bytes:
    pairs = np.stack([high, low], axis=1).view(np.uint16)
    return _HEX_FOUR[pairs].view(np.uint8).reshape(-1, 32)


def small_numbers(numbers: Ints) -> list[bytes]:
    """Return numbers below 65536 in decimal digits."""
    digits: list[bytes] = _NUMBERS[numbers].tolist()
    return digits


def iso_times(micros: Ints) -> tuple[list[bytes], list[bytes]]:
    """Return RFC 3339 texts in UTC: with microseconds, and cut to the second."""
    days, within = np.divmod(micros, DAY)
    seconds, fraction = np.divmod(within, SECOND)
    full = np.empty((len(micros), 27), np.uint8)
    full[:, :11] = _dates(days)
    full[:, 13] = full[:, 16] = ord(":")
    full[:, 19] = ord(".")
    full[:, 26] = ord("Z")
    full[:, 11:13] = _TWO[seconds // 3600]
    full[:, 14:16] = _TWO[seconds // 60 % 60]
    full[:, 17:19] = _TWO[seconds % 60]
    full[:, 20:23] = _THREE[fraction // 1000]
    full[:, 23:26] = _THREE[fraction % 1000]
    short = full[:, :20].copy()
    short[:, 19] = ord("Z")
    return rows_to_bytes(full), rows_to_bytes(short)


def _dates(days: Ints) -> Bytes:
    first = int(days.min()) if len(days) else 0
    last = int(days.max()) if len(days) else 0
    table = np.frombuffer(b"".join(_date(day) for day in range(first, last + 1)), np.uint8).reshape(-1, 11)
    return table[days - first]


def iso_millis(micros: int) -> bytes:
    """Return one time as RFC 3339 text with milliseconds, for the places that need one at a time."""
    day, within = divmod(micros // 1000, DAY // 1000)
    seconds, fraction = divmod(within, 1000)
    minutes, second = divmod(seconds, 60)
    return b"%s%02d:%02d:%02d.%03dZ" % (_date(day), minutes // 60, minutes % 60, second, fraction)


@lru_cache(maxsize=16)
def _date(day: int) -> bytes:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%dT").encode()


def iso_time(micros: int) -> str:
    """Return one time as RFC 3339 text with microseconds."""
    return iso_times(np.array([micros], np.int64))[0][0].decode()
