"""Durations as gateways write them: 12ms, 1.2s, 3µs, 1m2.5s."""

from __future__ import annotations

import re
from functools import lru_cache

_MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3600e3}
_PART = r"(\d{1,15}(?:\.\d{0,15})?)(ns|us|µs|μs|ms|s|m|h)"
_PARTS = re.compile(_PART, re.ASCII)
_WHOLE = re.compile(f"(?:{_PART})+", re.ASCII)


@lru_cache(maxsize=8192)
def milliseconds(text: str) -> float | None:
    """Return the duration in milliseconds, None when the text is no duration with a unit."""
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _MILLISECONDS[unit] for number, unit in _PARTS.findall(text))
