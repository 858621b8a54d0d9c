"""The ids that tags may name, as published: `analytics/frameworks` has a file for each list, with version and source.

A tag that no list has, or that a list has withdrawn, is worse than none: whoever filters by it finds nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from store.errors import UsageError

FOLDER = Path(__file__).parent.parent / "frameworks"


@dataclass(frozen=True)
class Framework:
    """One published list: `titles` by id, and of ids it no longer has which one says the same now (`withdrawn`)."""

    name: str
    version: str
    date: date
    source: str
    titles: Mapping[str, str]
    withdrawn: Mapping[str, str] = field(default_factory=dict)


@cache
def frameworks() -> tuple[Framework, ...]:
    """Return the vendored lists, in order of file name."""
    return tuple(Framework(**tomllib.loads(f.read_text("utf-8"))) for f in sorted(FOLDER.glob("*.toml")))


def title(tag: str) -> str:
    """Return what a tag says: the list it is from and its title there; "" for a tag no list has."""
    return next((f"{f.name}: {f.titles[tag]}" for f in frameworks() if tag in f.titles), "")


def check(tags: Iterable[str], where: str) -> None:
    """Raise UsageError, with the nearest id, for a tag no list has or that was withdrawn. `where` names the file."""
    for tag in tags:
        if not title(tag):
            raise UsageError(f"the tag {tag!r} is in no framework's list", where=where, hint=_hint(tag))


def _hint(tag: str) -> str:
    instead = next((f.withdrawn[tag] for f in frameworks() if tag in f.withdrawn), "")
    if instead:
        return f"it was withdrawn; {instead} ({title(instead)}) stands in its place"
    known = [id_ for f in frameworks() for id_ in f.titles]
    near = get_close_matches(tag.upper(), known, n=1, cutoff=0)[0]
    return f"the nearest is {near} ({title(near)}); the lists: {', '.join(f.name for f in frameworks())}"
