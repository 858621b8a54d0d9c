"""All faults of the list: those injected here, those other tests inject, and those nobody does."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from bench.faults import cases
from bench.faults.fault import Fault


@dataclass(frozen=True)
class Elsewhere:
    """A fault that a test of the suite injects, or that is not injected and why."""

    number: int
    name: str
    test: str | None = None
    why: str | None = None


def injected() -> list[Fault]:
    """Return the faults injected here, by number."""
    modules = [
        importlib.import_module(f"{cases.__name__}.{m.name}") for m in pkgutil.iter_modules(cases.__path__)
    ]
    return sorted((module.FAULT for module in modules), key=lambda fault: fault.number)


def elsewhere() -> list[Elsewhere]:
    """Return the others, by number."""
    told = tomllib.loads(Path(__file__).with_name("elsewhere.toml").read_text("utf-8"))["fault"]
    return sorted((Elsewhere(**one) for one in told), key=lambda one: one.number)
