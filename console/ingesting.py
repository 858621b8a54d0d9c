"""What an ingest tells while it runs: one living line on a terminal, JSON lines for machines, metrics, a summary."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import click

from console.exits import say
from console.metrics import Metrics

REDRAW_SECONDS = 0.25


@dataclass(frozen=True)
class Moment:
    """The state of an ingest at one moment."""

    counts: Any
    events_per_second: float
    version: int | None
    lag: int | None = None
    lost: int = 0
    note: str | None = None
    answered: Mapping[int, int] = field(default_factory=dict)
    held: int | None = None


class Reporter:
    """Shows the moments of an ingest. stdout gets nothing but the summary."""

    def __init__(self, *, json_logs: bool, metrics: Metrics | None) -> None:
        self._json = json_logs
        self._metrics = metrics
        self._living = sys.stderr.isatty() and not json_logs
        self._drawn = 0.0
        self._began = time.monotonic()

    def show(self, moment: Moment) -> None:
        """Show a moment in the way that suits the listener."""
        if self._metrics is not None:
            self._metrics.set(moment)
        if self._json:
            click.echo(json.dumps({"time": datetime.now(UTC).isoformat(), **_facts(moment)}), err=True)
        elif self._living and time.monotonic() - self._drawn >= REDRAW_SECONDS:
            self._drawn = time.monotonic()
            click.echo(f"\r\x1b[2K{_line(moment)}", nl=False, err=True)

    def say(self, text: str) -> None:
        """Say something that happened."""
        if self._json:
            click.echo(json.dumps({"time": datetime.now(UTC).isoformat(), "message": text}), err=True)
            return
        self._end_line()
        say(text)

    def finish(self, moment: Moment, output: str | None, extra: Mapping[str, Any] | None = None) -> None:
        """Print the summary: for people on stderr, and one JSON object on stdout where a program listens."""
        self._end_line()
        seconds = time.monotonic() - self._began
        if output == "json" or (output is None and not sys.stdout.isatty()):
            click.echo(json.dumps({**_facts(moment), "seconds": round(seconds, 3), **(extra or {})}))
        if output != "json" and not self._json:
            say(f"{_line(moment)} in {seconds:.1f} s")

    def _end_line(self) -> None:
        if self._living and self._drawn:
            click.echo("\r\x1b[2K", nl=False, err=True)


def _facts(moment: Moment) -> dict[str, Any]:
    facts = {
        "in": moment.counts.records, "rows": moment.counts.rows, "dead": moment.counts.dead,
        "replayed": moment.counts.replayed, "events_per_second": round(moment.events_per_second),
        "version": moment.version,
    }  # fmt: skip
    if moment.lag is not None:
        facts["lag"] = moment.lag
    if moment.lost:
        facts["lost_upstream"] = moment.lost
    if moment.held is not None:
        facts |= {"held_bytes": moment.held, "answered": {str(k): v for k, v in moment.answered.items()}}
    return facts


def _line(moment: Moment) -> str:
    counts = moment.counts
    parts = [
        f"{counts.records:,} in = {counts.rows:,} rows + {counts.dead:,} dead + {counts.replayed:,} replayed",
        f"{moment.events_per_second:,.0f} events/s",
    ]
    if moment.lag is not None:
        parts.append(f"lag {moment.lag:,}")
    if moment.version is not None:
        parts.append(f"version {moment.version}")
    if moment.lost:
        parts.append(f"{moment.lost:,} LOST UPSTREAM (see gaps)")
    refused = sum(count for status, count in moment.answered.items() if status >= 400)
    if refused:
        parts.append(f"{refused:,} requests refused")
    if moment.note:
        parts.append(moment.note)
    return " | ".join(parts)


@contextmanager
def stop_on_signal(tell: Callable[[str], None]) -> Iterator[threading.Event]:
    """Yield an event that the first SIGINT or SIGTERM sets, so that work drains; the second interrupts it."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        tell(f"{signal.Signals(number).name}: finishing what is in hand; again to stop at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
