"""A call that policies are asked about, and what they say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A call that is asked about: who, under all the names known of them, in which groups, and what."""

    names: Sequence[str]
    groups: Sequence[str]
    server: str
    tool: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruling:
    """What a set of policies says: those that decided, and those that lack a claim or an argument to be decided by."""

    allowed: bool
    deciding: tuple[Row, ...] = ()
    undecided: tuple[Row, ...] = ()
    lacking: tuple[str, ...] = ()
