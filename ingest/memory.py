"""The process's memory while it takes records in: kept from block to block, because blocks are alike.

Each block needs tens of megabytes for a moment. Given back to the system and asked for again, they arrive as fresh
pages that the kernel must clear, which costs more than parsing; and with an allocator of Arrow's own beside C's,
each holds what the other could use.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import pyarrow as pa

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Parameters of mallopt(3)."""


@cache
def reuse_memory() -> None:
    """Let the C library keep up to 256 MiB that were freed, and Arrow use it; does nothing without glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    for parameter, size in ((_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 256 << 20), (_TOP_PAD, 4 << 20)):
        mallopt(parameter, size)
    pa.set_memory_pool(pa.system_memory_pool())
