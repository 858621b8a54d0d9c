"""Formats of entitlements: the folder is the registry, the file's stem the id.

A format is one file with a function `read(file: File) -> Facts`. It is pure: no I/O, clock or network. The first line
of its docstring says what it reads.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analytics.entitlements import formats
from analytics.entitlements.facts import Facts
from analytics.entitlements.reading import File


@dataclass(frozen=True)
class Format:
    """One format: its id, what it reads, and the function that reads it."""

    id: str
    meaning: str
    read: Callable[[File], Facts]


def load() -> Mapping[str, Format]:
    """Return the formats by id, in order."""
    found = {}
    for module_info in pkgutil.iter_modules(formats.__path__):
        module = importlib.import_module(f"{formats.__name__}.{module_info.name}")
        meaning = (module.__doc__ or "").partition("\n")[0]
        found[module_info.name] = Format(module_info.name, meaning, module.read)
    return dict(sorted(found.items()))
