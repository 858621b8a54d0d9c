"""The lake's tables: the folder is the registry, one file for each subject."""

from __future__ import annotations

import importlib
import pkgutil

from store.tables.table import Table


def _found() -> dict[str, Table]:
    """Return the tables of every file here by name, those of events first."""
    names = sorted(
        (module.name for module in pkgutil.iter_modules(__path__)), key=lambda n: (n != "events", n)
    )
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    tables = [value for module in modules for value in vars(module).values() if isinstance(value, Table)]
    return {table.name: table for table in tables}


TABLES: dict[str, Table] = _found()
