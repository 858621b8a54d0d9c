"""OpenTelemetry's wire format (OTLP as JSON): an envelope, whose records are read as their products' formats.

A line is one export request of logs or of traces, as an OpenTelemetry Collector's file exporter and OTLP/HTTP write
it, or one record already flattened: a name, an object of attributes, and of a span its times. One request may hold
the records of many products. Each record is handed to the format whose names its scope, event, span, service or
attributes begin with, and to `otel_genai` where none does; `source_format` says which it was.

A record its product's format cannot read is read by `otel_genai`, with the warning `not_read_as:FORMAT`. A request
that does not fit OTLP, or holds no record, is rejected whole. Metrics are not read.

To switch it on: send logs and traces with OTEL_EXPORTER_OTLP_ENDPOINT to a collector whose file exporter writes JSON
(its default), or to whatever else keeps OTLP as JSON, one request a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ingest.otlp import Flat, Reader, Telemetry, flatten
from ingest.parsed import Adapter, Parsed, Reject

SUMMARY = "OpenTelemetry export requests (OTLP as JSON): logs and spans of every product"
SIGNATURES = ({"resourceLogs": None}, {"resourceSpans": None}, {"name": None, "attributes": None})

_LONGEST = 64
"""A name is told by its beginning: the rest of a text need not be remembered."""


def among(adapters: Mapping[str, Adapter]) -> Callable[[Sequence[bytes]], Parsed]:
    """Return the parse that hands each record on to its product's reader."""
    readers = {a.id: a.read for a in adapters.values() if a.read is not None}
    names = sorted(
        ((name, a.id) for a in adapters.values() if a.read is not None for name in a.otlp_names),
        key=lambda pair: (-len(pair[0]), pair),
    )
    generic = next((id_ for name, id_ in names if not name), None)
    known = tuple(name for name, _ in names if name)

    @lru_cache(maxsize=4096)
    def owner(said: tuple[str, ...], key: str) -> str | None:
        for texts in (said, (key,)):
            for name, id_ in names:
                if name and any(text.startswith(name) for text in texts):
                    return id_
        return generic

    def parse(records: Sequence[bytes]) -> Parsed:
        if generic is None:
            return Parsed({}, rejects=[Reject(i, "no format reads it") for i in range(len(records))])
        flat = flatten(records)
        groups: dict[str, list[int]] = {}
        for place, item in enumerate(flat.items):
            key = next((k[:_LONGEST] for k in item.attributes if k.startswith(known)), "")
            id_ = owner(_names(item), key)
            groups.setdefault(id_ or generic, []).append(place)
        return _joined(flat, groups, readers, generic)

    return parse


def _names(item: Telemetry) -> tuple[str, ...]:
    said, service = item.attributes.get("event.name"), item.resource.get("service.name")
    return (
        item.scope[:_LONGEST],
        item.name[:_LONGEST],
        said[:_LONGEST] if isinstance(said, str) else "",
        service[:_LONGEST] if isinstance(service, str) else "",
    )


def _joined(
    flat: Flat, groups: Mapping[str, Sequence[int]], readers: Mapping[str, Reader], generic: str
) -> Parsed:
    """Read each product's records together and put the rows back in order."""
    columns: dict[str, Any] = {}
    total = len(flat.items)
    todo = list(groups.items())
    refused: dict[int, str] = {}
    while todo:
        id_, places = todo.pop()
        parsed = readers[id_]([flat.items[place] for place in places])
        rows = places if parsed.record is None else [places[i] for i in parsed.record]
        if len(rows) == total and not refused:
            constants = {**parsed.constants, "source_format": id_}
            return Parsed(parsed.columns, constants, flat.record, flat.rejects, total)
        constant = {name: [value] * len(rows) for name, value in parsed.constants.items()}
        for name, values in {**constant, **parsed.columns, "source_format": [id_] * len(rows)}.items():
            column = columns.setdefault(name, [None] * total)
            for place, value in zip(rows, values, strict=True):
                column[place] = value
        if again := [places[reject.record] for reject in parsed.rejects]:
            assert id_ != generic, "the generic reader reads everything"
            refused |= dict.fromkeys(again, id_)
            todo.append((generic, again))
    for place, id_ in refused.items():
        words = columns.setdefault("parse_warnings", [None] * total)
        words[place] = [*(words[place] or []), f"not_read_as:{id_}"]
    return Parsed(columns, {}, flat.record, flat.rejects, total)
