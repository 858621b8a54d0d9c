"""A receiver in this process, requests as agents send them, and a client that sees the whole answer."""

# ruff: noqa: S310  # the addresses are our own

from __future__ import annotations

import gzip
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from ingest.loop import IngestOptions, Pipeline
from ingest.otlp_commit import CommitOptions
from ingest.otlp_server import OtlpOptions, Progress, receive
from store.lake import Lake

PROTOBUF, JSON = "application/x-protobuf", "application/json"
BAD = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":{}}]}]}]}'
"""A request whose one log record no adapter can read."""

_START = 1_790_000_000_000_000_000


def logs(count: int, first: int = 0, **attributes: str) -> ExportLogsServiceRequest:
    """Return a request as Claude Code makes it: tool results, a second apart, numbered from `first`."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    for key, text in (("service.name", "claude-code"), ("service.version", "2.1.281"), ("os.type", "darwin")):
        group.resource.attributes.add(key=key).value.string_value = text
    scoped = group.scope_logs.add()
    scoped.scope.name, scoped.scope.version = "com.anthropic.claude_code.events", "2.1.281"
    for number in range(first, first + count):
        record = scoped.log_records.add(time_unix_nano=_START + number * 10**9)
        record.observed_time_unix_nano = record.time_unix_nano + 1000
        record.body.string_value = "claude_code.tool_result"
        for key, text in _EVENT.items() | attributes.items():
            record.attributes.add(key=key).value.string_value = text
        record.attributes.add(key="event.sequence").value.int_value = number
    return request


_EVENT = {
    "event.name": "tool_result", "user.id": "ab" * 32, "session.id": "62cd8fdd-63aa-4ebd-a6c4-2401969fa388",
    "user.email": "ana@acme.example", "terminal.type": "iTerm.app", "tool_name": "mcp_tool", "success": "true",
    "duration_ms": "125", "tool_parameters": '{"mcp_server_name":"crm","mcp_tool_name":"get_customer"}',
}  # fmt: skip


@dataclass
class Reply:
    """What a request was answered; header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(
    address: str, body: bytes, kind: str = PROTOBUF, context: ssl.SSLContext | None = None, **headers: str
) -> Reply:
    """Send a body and return the answer, whatever its status."""
    named = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(address, body, named, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return Reply(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def zipped(body: bytes) -> bytes:
    """Return a body compressed as senders do."""
    return gzip.compress(body, mtime=0)


@dataclass
class Receiving:
    """A receiver that runs, what it said, and how it stands."""

    url: str = ""
    said: list[str] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    failure: list[BaseException] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def logs(self) -> str:
        """Where logs are sent."""
        return f"{self.url}/v1/logs"

    @property
    def traces(self) -> str:
        """Where spans are sent."""
        return f"{self.url}/v1/traces"

    def say(self, text: str) -> None:
        """Take down what is said, and where it listens."""
        self.said.append(text)
        if text.startswith("listening on "):
            self.url = text.split()[2]


@contextmanager
def receiving(
    lake: Lake,
    options: OtlpOptions | None = None,
    pipeline: Callable[[], Pipeline] | None = None,
    **ingest: Any,
) -> Iterator[Receiving]:
    """Run a receiver on a free port while the block runs, then stop it and let it finish."""
    chosen = options or OtlpOptions(listen="127.0.0.1:0", commit=CommitOptions(interval=0.02))
    make = pipeline or (lambda: Pipeline(lake, IngestOptions(**ingest)))
    running = Receiving()

    def run() -> None:
        try:
            receive(
                lake, make, chosen, stop=running.stop, say=running.say, on_progress=running.progress.append
            )
        except BaseException as error:  # the test's own thread raises it  # noqa: BLE001
            running.failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_for(lambda: running.url or running.failure)
        if not running.failure:
            yield running
    finally:
        running.stop.set()
        thread.join(60)
    if running.failure:
        raise running.failure[0]


def wait_for(seen: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, "it did not come to be so in time"
        time.sleep(0.01)


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run works at the same time, and return what each gave."""
    results: list[Any] = [None] * len(works)

    def run(index: int) -> None:
        results[index] = works[index]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
