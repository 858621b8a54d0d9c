"""Where a stream of events is handed on to. `send` returns when the other side has taken the batch, or raises."""

from __future__ import annotations

import gzip
import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from console.cells import ENCODER, json_rows
from console.exits import say
from reports.export import ocsf
from store.errors import TooltrailError, UnreachableError

if TYPE_CHECKING:
    import pyarrow as pa


STANDS = "nothing is lost: the next run goes on from the cursor"
"""What may be said of every failure to hand on."""


class Sink(Protocol):
    """Takes batches of events; one that was taken may come again after a crash, under the same event_id."""

    @property
    def name(self) -> str:
        """What a cursor is kept for."""
        ...

    def send(self, batch: pa.RecordBatch) -> None:
        """Hand on a batch; returns when it is safe on the other side."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def payloads(batch: pa.RecordBatch, payload: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the event_id and the JSON of each event: OCSF, or our own columns without the empty ones."""
    ids = batch["event_id"].to_pylist()
    if payload == "ocsf":
        rows: Iterator[Mapping[str, Any]] = ocsf.records(batch)
    else:
        rows = ({n: v for n, v in row.items() if v is not None} for row in json_rows(batch))
    for event_id, row in zip(ids, rows, strict=True):
        yield event_id.encode(), ENCODER.encode(row)


# --- Kafka ----------------------------------------------------------------------------------------------------------


class KafkaSink:
    """Sends each event as one message keyed by event_id, and waits until all in-sync replicas have it."""

    def __init__(self, servers: Sequence[str], topic: str, payload: str, client: Mapping[str, Any]) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaError, KafkaTimeoutError

        self._topic, self._payload, self._where = topic, payload, ",".join(servers)
        ours = {
            "bootstrap_servers": list(servers), "acks": "all", "compression_type": "zstd", "linger_ms": 20,
            "allow_auto_create_topics": False, "max_block_ms": 15_000, "metrics_enabled": False,
        }  # fmt: skip
        try:
            self._producer = KafkaProducer(**{**ours, **client})
            self._producer.partitions_for(topic)
        except KafkaTimeoutError as error:
            self.close()
            raise UnreachableError(
                f"topic {topic} does not exist, or this user may not see it", where=self._where,
                hint="make it, or check --topic",
            ) from error  # fmt: skip
        except KafkaError as error:
            raise self._failed(error) from error

    @property
    def name(self) -> str:
        """What a cursor is kept for."""
        return f"kafka topic {self._topic}"

    def send(self, batch: pa.RecordBatch) -> None:
        """Hand on a batch; returns when every message is acknowledged."""
        self.write(payloads(batch, self._payload))

    def write(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Write keys and values; returns when every message is acknowledged."""
        from kafka.errors import KafkaError

        try:
            sent = [self._producer.send(self._topic, value, key=key) for key, value in messages]
            self._producer.flush()
            for one in sent:
                one.get(timeout=0)
        except KafkaError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of connections."""
        self._producer.close(timeout=5)

    def _failed(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"Kafka did not take the events: {error or type(error).__name__}", where=self._where, hint=STANDS
        )


def write_once(
    servers: Sequence[str], topic: str, key: bytes, value: bytes, client: Mapping[str, Any]
) -> None:
    """Write one message and wait until all in-sync replicas have it; UnreachableError when it was not taken."""
    sink = KafkaSink(servers, topic, "", client)
    try:
        sink.write([(key, value)])
    finally:
        sink.close()


# --- OTLP -----------------------------------------------------------------------------------------------------------

RETRIED = frozenset({429, 502, 503, 504})
"""Statuses that the OTLP specification lets a client try again on."""


@dataclass
class OtlpSink:
    """Sends batches as OTLP/HTTP protobuf; waits as long as a Retry-After says, else ever longer up to `longest`."""

    endpoint: str
    payload: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    patience: float = 300.0
    longest: float = 30.0
    wait: Callable[[float], object] = time.sleep

    @property
    def name(self) -> str:
        """What a cursor is kept for."""
        return f"otlp {self.endpoint}"

    def send(self, batch: pa.RecordBatch) -> None:
        """Hand on a batch; returns when it was answered with 200."""
        from reports.export.otlp import request

        body = gzip.compress(
            request(batch, as_ocsf=self.payload == "ocsf").SerializeToString(), compresslevel=1
        )
        deadline = time.monotonic() + self.patience
        pause = 0.5
        while True:
            status, answer, asked = self._post(body)
            if status == http.client.OK:
                self._read(answer)
                return
            if status is not None and status not in RETRIED:
                raise TooltrailError(
                    f"the receiver answered {status}: {answer[:200].decode(errors='replace')}",
                    where=self.endpoint, hint=STANDS,
                )  # fmt: skip
            if time.monotonic() > deadline:
                raise UnreachableError(f"the receiver does not take the events: {status or answer.decode()}",
                                       where=self.endpoint, hint=STANDS)  # fmt: skip
            self.wait(asked if asked is not None else random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(pause * 2, self.longest)

    def close(self) -> None:
        """There is nothing to let go of: each batch is a request of its own."""

    def _post(self, body: bytes) -> tuple[int | None, bytes, float | None]:
        """Return status, body and the seconds a Retry-After asks for; no status where nobody answered."""
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **self.headers}
        asked = urllib.request.Request(self.endpoint, body, headers, method="POST")  # noqa: S310 - checked when it was given
        try:
            with _OPENER.open(asked, timeout=self.timeout) as answer:
                return answer.status, answer.read(), None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), retry_after(error.headers.get("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            return None, str(error).encode(), None

    def _read(self, answer: bytes) -> None:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

        try:
            partial = ExportLogsServiceResponse.FromString(answer).partial_success
        except DecodeError as error:
            raise TooltrailError(
                "what answered 200 is no OTLP receiver", where=self.endpoint, hint=f"check the path; {STANDS}"
            ) from error
        if partial.rejected_log_records:
            say(
                f"the receiver refused {partial.rejected_log_records:,} records for good: {partial.error_message}"
            )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body: the redirect is told as an error."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def open_without_redirect(request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    """Send a request that must not be sent on; OSError, of which HTTPError is one, when it was not taken."""
    answer: http.client.HTTPResponse = _OPENER.open(request, timeout=timeout)
    return answer


def retry_after(text: str | None) -> float | None:
    """Return the seconds a Retry-After asks to wait: a number, or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
