"""Ingest metrics for Prometheus, served on the address of metrics.listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.errors import UnreachableError

if TYPE_CHECKING:
    from console.ingesting import Moment


class Metrics:
    """One process's ingest counters and gauges."""

    def __init__(self, address: str) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

        registry = CollectorRegistry()
        self._registry = registry
        self._events = Counter(
            "tooltrail_events", "Events by what became of them.", ["outcome"], registry=registry
        )
        self._lag = Gauge("tooltrail_kafka_lag", "Messages not yet read.", registry=registry)
        self._version = Gauge("tooltrail_events_version", "Version of the events table.", registry=registry)
        self._lost = Gauge(
            "tooltrail_lost_upstream", "Messages that expired before they were read.", registry=registry
        )
        self._last = Gauge(
            "tooltrail_last_commit_timestamp_seconds", "When rows last became durable.", registry=registry
        )
        self._requests = Counter(
            "tooltrail_otlp_requests", "OTLP requests answered, by status.", ["code"], registry=registry
        )
        self._held = Gauge(
            "tooltrail_otlp_held_bytes", "OTLP requests received and not durable yet.", registry=registry
        )
        self._before: dict[str, int] = {}
        host, _, port = address.rpartition(":")
        try:
            self._server: Any = start_http_server(
                int(port), addr=host.strip("[]") or "127.0.0.1", registry=registry
            )
        except OSError as error:
            raise UnreachableError(
                f"metrics cannot be served: {error.strerror}",
                where=address,
                hint="choose another metrics.listen",
            ) from error

    def set(self, moment: Moment) -> None:
        """Take over the counts of a moment."""
        counts = moment.counts
        for name, now in (("rows", counts.rows), ("dead", counts.dead), ("replayed", counts.replayed)):
            self._events.labels(name).inc(max(0, now - self._before.get(name, 0)))
            self._before[name] = now
        for code, now in moment.answered.items():
            self._requests.labels(str(code)).inc(max(0, now - self._before.get(f"code {code}", 0)))
            self._before[f"code {code}"] = now
        if moment.held is not None:
            self._held.set(moment.held)
        if moment.lag is not None:
            self._lag.set(moment.lag)
        self._lost.set(moment.lost)
        if moment.version is not None and moment.version != self._before.get("version"):
            self._before["version"] = moment.version
            self._version.set(moment.version)
            self._last.set_to_current_time()

    def close(self) -> None:
        """Stop serving."""
        server, thread = self._server
        server.shutdown()
        server.server_close()
        thread.join()
