"""Why a record is of a format, and which formats it nearly is: by the keys at its top level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.parsed import Adapter

Signature = Mapping[str, Any]


@dataclass(frozen=True)
class Near:
    """A format a record nearly is: the keys of one signature it has, and those it has not or with another value."""

    format: str
    has: tuple[str, ...]
    lacks: tuple[str, ...]

    def __str__(self) -> str:
        has = f"has {', '.join(self.has)}"
        return (
            f"{self.format} ({has}; lacks {', '.join(self.lacks)})"
            if self.lacks
            else f"{self.format} ({has})"
        )


def ways(adapter: Adapter, mark: str = "") -> list[str]:
    """Return how a format's records are recognised, a text for each way; `mark` stands around each key."""
    texts = ["the shape of its text"] if adapter.recognises is not None else []
    texts += [
        f"OTLP records named {mark}{name}*{mark}" if name else "any other OTLP record"
        for name in adapter.otlp_names
    ]
    return [_described(signature, mark) for signature in adapter.signatures] + texts or [
        "only when asked for"
    ]


def why(adapter: Adapter, raw: bytes) -> str:
    """Name the signature a record matched: the most specific one its top level fits."""
    top = _top(raw)
    fitting = [s for s in adapter.signatures if top is not None and not _lacks(s, top)]
    return _described(max(fitting, key=len)) if fitting else "its text is recognised by the adapter"


def nearest(
    adapters: Mapping[str, Adapter], raw: bytes, but: str | None = None, count: int = 3
) -> list[Near]:
    """Return the formats a JSON record comes nearest to, the nearest first; none that shares no key with it.

    A format whose signature it fits, and that gave way to a more specific one, lacks nothing.
    """
    top = _top(raw)
    if top is None:
        return []
    found = [near for a in adapters.values() if a.id != but and (near := _near(a, top)) is not None]
    found.sort(key=lambda near: (len(near.lacks), -len(near.has), near.format))
    return found[:count]


def _near(adapter: Adapter, top: Mapping[str, Any]) -> Near | None:
    nears = []
    for signature in adapter.signatures:
        lacks = _lacks(signature, top)
        has = tuple(key for key in signature if _one(key, signature[key]) not in lacks)
        if has:
            nears.append(Near(adapter.id, has, lacks))
    return min(nears, key=lambda near: (len(near.lacks), -len(near.has)), default=None)


def _lacks(signature: Signature, top: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        _one(key, value)
        for key, value in signature.items()
        if key not in top or value not in (None, top[key])
    )


def _described(signature: Signature, mark: str = "") -> str:
    return f"it has {', '.join(mark + _one(key, value) + mark for key, value in signature.items())}"


def _one(key: str, value: Any) -> str:
    return key if value is None else f"{key}={msgspec.json.encode(value).decode()}"


def _top(raw: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
