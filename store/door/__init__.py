"""The guarded door: `from store import door; door.connect("lake", role="support", why="CASE-1").sql("...")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.door.connection import connect

__all__ = ["connect"]


def __getattr__(name: str) -> object:
    """Import what is exported when it is first used: the query process needs none of it."""
    if name == "connect":
        from store.door.connection import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
