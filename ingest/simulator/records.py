"""Business records: a customer with everything filed under it, computed from its number alone.

Record number r belongs to user r // BOOK. Nothing is stored: any block can compute any record, so memory does
not grow with the fleet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.simulator import wording
from ingest.simulator.slots import RECORD
from ingest.simulator.stamps import Words, mix, pattern

BOOK = 64
"""How many records a user owns."""


def _table(words: tuple[str, ...] | list[str]) -> NDArray[Any]:
    table = np.empty(len(words), object)
    table[:] = [word.encode() for word in words]
    return table


_WORDS = {
    "company": _table(wording.COMPANIES),
    "domain": _table([f"{company.replace(' ', '-').lower()}.example" for company in wording.COMPANIES]),
    "city": _table(wording.CITIES),
    "topic": _table(wording.TOPICS),
    "note": _table(wording.NOTES),
    "remark": _table(wording.REMARKS),
    "first": _table(wording.FIRST_NAMES),
    "last": _table(wording.LAST_NAMES),
    "first_lower": _table([name.lower() for name in wording.FIRST_NAMES]),
    "last_lower": _table([name.lower() for name in wording.LAST_NAMES]),
    "amount": _table([f"{euros}.{cents:02d}" for euros in range(100, 2600) for cents in (0, 25, 49, 90)]),
    "day": _table([f"2026-{month:02d}-{day:02d}" for month in range(1, 10) for day in range(1, 29)]),
}
_SALT = {"company": 11, "domain": 11, "first": 13, "first_lower": 13, "last": 14, "last_lower": 14}
_PATTERNS = {
    "cus": "{cus_}xxxxxxxxxxxx",
    "phone": "+1-ddd-555-dddd",
    "iban": "{DE}dddddddddddddddddddd",
    "ticket": "{SUP-}dddddd",
    "invoice": "{INV-2026-}ddddddd",
    "file": "{1}xxxxxxxxxxxxxxxxxxxxxxx",
    "issue": "{4}dddd",
    "sha": "hhhhhhhhhhhhhhhhhhhh",
    "thread": "{msg_}hhhhhhhhhhhhhhhh",
}


def record_values(numbers: Words) -> list[tuple[bytes, ...]]:
    """Return the values of the RECORD slots for each record number."""
    columns: list[list[bytes]] = []
    for place, name in enumerate(RECORD):
        if name in _PATTERNS:
            columns.append(pattern(_PATTERNS[name], numbers, 100 + 8 * place))
        else:
            table = _WORDS[name]
            choice = mix(numbers, _SALT.get(name, 20 + place)) % np.uint64(len(table))
            columns.append(table[choice.astype(np.int64)].tolist())
    return list(zip(*columns, strict=True))
