"""`tooltrail export stream`: hand on what was committed, then what is being committed, and keep the place."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from analytics.following import Cursor, after, newest, place_of
from analytics.following import Place as CursorPlace
from console.exits import say
from console.ingesting import stop_on_signal
from console.sinks import KafkaSink, OtlpSink, Sink
from store.errors import UsageError

if TYPE_CHECKING:
    from threading import Event

    from console.options import Place
    from store.lake import Lake

POLL_SECONDS = 0.5
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
"""Headers as OpenTelemetry's exporters take them: NAME=VALUE with commas between, percent-encoded."""


@dataclass(frozen=True)
class StreamOptions:
    """Where to begin, where the place is kept, what an event becomes, and whether to stay."""

    follow: bool
    start: str
    cursor: str | None
    payload: str


def to_kafka(place: Place, options: StreamOptions, topic: str, servers: str | None) -> None:
    """Stream to a Kafka topic."""
    from console.sources import kafka_client

    settings = place.settings({"kafka.bootstrap_servers": servers or None})
    sink = KafkaSink(settings.kafka.bootstrap_servers, topic, options.payload, kafka_client(settings))
    _run(place, options, sink, f"kafka-{topic}")


def to_otlp(place: Place, options: StreamOptions, endpoint: str, headers: Sequence[str]) -> None:
    """Stream to an OTLP/HTTP receiver."""
    if not endpoint.startswith(("http://", "https://")):
        raise UsageError(f"{endpoint} is no http address", hint="such as http://localhost:4318/v1/logs")
    if "@" in urlsplit(endpoint).netloc:
        raise UsageError("an address must not hold a password", hint=f"{HEADERS} takes credentials")
    given = list(headers) or [unquote(text) for text in os.environ.get(HEADERS, "").split(",") if text]
    named = dict(_header(text) for text in given)
    _run(place, options, OtlpSink(endpoint, options.payload, named), "otlp")


def _header(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise UsageError("a header is NAME=VALUE", hint=f"{HEADERS} keeps a token off the command line")
    return name.strip(), value.strip()


def _run(place: Place, options: StreamOptions, sink: Sink, name: str) -> None:
    lake = place.open()
    kept = place_of(lake, options.cursor or name, sink.name)
    try:
        with stop_on_signal(say) as stop:
            began = time.monotonic()
            count = _stream(lake, sink, kept, options, stop)
            seconds = max(time.monotonic() - began, 1e-9)
            say(
                f"{count:,} events to {sink.name} in {seconds:.1f} s ({count / seconds:,.0f}/s); cursor {kept.path}"
            )
    finally:
        sink.close()


def _stream(lake: Lake, sink: Sink, kept: CursorPlace, options: StreamOptions, stop: Event) -> int:
    cursor = kept.load()
    if cursor is None:
        cursor = newest(lake) if options.start == "latest" else Cursor()
        kept.save(cursor)
    say(f"going on from version {cursor.version} to {sink.name}")
    count = 0
    while True:
        for batch, behind in after(lake, cursor):
            if batch.num_rows:
                sink.send(batch)
                count += batch.num_rows
            kept.save(behind)
            cursor = behind
            if stop.is_set():
                return count
        if not options.follow or stop.wait(POLL_SECONDS):
            return count


def options_of(options: dict[str, Any]) -> StreamOptions:
    """Take the options all streams have out of those of a command."""
    return StreamOptions(*(options.pop(name) for name in ("follow", "start", "cursor", "payload")))
