"""The lake: `from store import Lake` opens one from Python, in a script or a notebook.

Importing this package loads nothing heavy; `Lake` is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.lake import Lake

__all__ = ["Lake"]


def __getattr__(name: str) -> object:
    """Import what is exported when it is first used."""
    if name == "Lake":
        from store.lake import Lake

        return Lake
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
