"""Helpers to read single records with an adapter."""

from __future__ import annotations

import json
from typing import Any

from ingest.catalog import load_adapters
from ingest.parsed import Parsed

ADAPTERS = load_adapters()


def parse(name: str, *records: Any) -> Parsed:
    """Parse records given as bytes, or as objects to be written as JSON."""
    return ADAPTERS[name].parse([r if isinstance(r, bytes) else json.dumps(r).encode() for r in records])


def row(name: str, record: Any) -> dict[str, Any]:
    """Return the filled columns of the one row a record becomes."""
    parsed = parse(name, record)
    assert parsed.rejects == []
    assert parsed.rows == 1
    values = {column: values[0] for column, values in parsed.columns.items()} | dict(parsed.constants)
    return {column: value for column, value in values.items() if value is not None}


def picked(found: dict[str, Any], *columns: str) -> tuple[Any, ...]:
    """Return some columns of a row, None where they are not filled."""
    return tuple(found.get(column) for column in columns)


def unmapped(found: dict[str, Any]) -> dict[str, Any]:
    """Return the row's unmapped fields."""
    return dict(json.loads(found.get("unmapped", b"{}")))
