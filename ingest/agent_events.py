"""What the telemetry of coding agents has in common: OTLP log events named after the agent, durations as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.attributes import Attributes
from ingest.genai import attributes_of, envelope, event_names, stamped
from ingest.otlp import Telemetry


def opened(
    items: Sequence[Telemetry], prefix: str, texts: Mapping[str, Sequence[str]]
) -> tuple[Attributes, list[str], dict[str, Any]]:
    """Return the attributes, each event's name without the prefix, and the columns that need no judgement."""
    at = attributes_of(items)
    names = event_names(items, at, prefix)
    found: dict[str, Any] = {column: at.first(*keys) for column, keys in texts.items()}
    found |= envelope(items) | {"event_time": stamped(items, at)}
    found["duration_ms"] = [
        told if told is not None else item.duration_ms
        for told, item in zip(at.numbers("duration_ms"), items, strict=True)
    ]
    at.take("service.name")
    return at, names, found
