"""OTLP over HTTP into the lake: events received durable, and what the way from protobuf to records costs."""

from __future__ import annotations

import http.client
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.lakes import fresh_lake, simulated
from bench.measure import Clock, apart, interleaved, timed
from bench.options import Options
from bench.table import Row

SUMMARY = "OTLP/HTTP requests answered durable, against the same events from a file"
BATCHES = (100, 500)
SENDERS = 16
_JSON_SAMPLE = 20


def run(options: Options) -> Iterator[Row]:
    """Yield the rate received by batch size beside a file's, and protobuf's decoding beside the official JSON."""
    source = [str(file) for file in simulated(options.work / "claude-otlp", options.events, ("claude_code",))]
    lake = str(options.work / "lake")
    for size in BATCHES:
        folder = str(_requests(options.work / f"requests-{size}", source, size))
        found = interleaved(options.rounds, {
            "otlp": partial(apart, "bench.cases.otlp_to_lake:receive_all", folder=folder, lake=lake),
            "file": partial(apart, "bench.lakes:ingest", files=source, lake=lake),
        })  # fmt: skip
        ours, file = found["otlp"], found["file"]
        yield Row(f"otlp, {size} a request, per wall second", "/s", ours.per_wall, file.per_wall, "file")
        yield Row(
            f"otlp, {size} a request, senders too, per CPU second", "/s", ours.per_cpu, file.per_cpu, "file"
        )
    decoding = interleaved(options.rounds, {
        name: partial(apart, f"bench.cases.otlp_to_lake:{name}", folder=folder)
        for name in ("to_records", "to_official_json")
    })  # fmt: skip
    ours, official = (1e6 / decoding[name].per_cpu for name in ("to_records", "to_official_json"))
    yield Row("otlp, protobuf to records, per event", "us", ours, official, "json_format")


def _requests(folder: Path, source: Sequence[str], size: int) -> Path:
    """Write the log records of a source as requests in protobuf, `size` records each, one file each."""
    from google.protobuf.json_format import Parse
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    if folder.exists():
        return folder
    folder.mkdir()
    request, count = ExportLogsServiceRequest(), 0
    for line in (line for file in source for line in Path(file).read_bytes().splitlines()):
        for group in Parse(line, ExportLogsServiceRequest()).resource_logs:
            for scoped in group.scope_logs:
                request.resource_logs.append(group)
                count += len(scoped.log_records)
        if count >= size:
            _write(folder, request)
            request, count = ExportLogsServiceRequest(), 0
    if count:
        _write(folder, request)
    return folder


def _write(folder: Path, request: Any) -> None:
    (folder / f"{len(list(folder.iterdir())):06}.pb").write_bytes(request.SerializeToString())


def _bodies(folder: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(Path(folder).iterdir())]


def receive_all(folder: str, lake: str) -> dict[str, Any]:
    """Send every request from some senders at once, as users' programs would; the time ends with the last answer."""
    from ingest.loop import IngestOptions, Pipeline
    from ingest.otlp_server import OtlpOptions, receive

    target, bodies, stop = fresh_lake(Path(lake)), _bodies(folder), threading.Event()
    listening: list[str] = []
    counts: list[Any] = []

    def serve() -> None:
        options = OtlpOptions(listen="127.0.0.1:0")
        make = partial(Pipeline, target, IngestOptions())
        counts.append(
            receive(target, make, options, stop=stop, say=listening.append, on_progress=lambda _: None)
        )

    server = threading.Thread(target=serve)
    server.start()
    while not listening:
        server.join(0.01)
    port = int(listening[0].split()[2].rpartition(":")[2])
    senders = [threading.Thread(target=_send, args=(port, bodies[i::SENDERS])) for i in range(SENDERS)]
    clock = Clock()
    with clock.running():
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    stop.set()
    server.join()
    shutil.rmtree(lake)
    return timed(clock, counts[0].rows)


def _send(port: int, bodies: Sequence[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies:
        connection.request("POST", "/v1/logs", body, {"content-type": "application/x-protobuf"})
        answer = connection.getresponse()
        if answer.status != 200 or answer.read():
            raise RuntimeError(f"a request was answered {answer.status}")
    connection.close()


def to_records(folder: str) -> dict[str, Any]:
    """Decode every request as the receiver does."""
    from ingest.otlp_proto import log_records

    bodies, records, clock = _bodies(folder), 0, Clock()
    with clock.running():
        for body in bodies:
            records += len(log_records(body))
    return timed(clock, records)


def to_official_json(folder: str) -> dict[str, Any]:
    """Decode some requests with protobuf's own JSON encoder."""
    from google.protobuf.json_format import MessageToJson
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    records, clock = 0, Clock()
    for body in _bodies(folder)[:_JSON_SAMPLE]:
        with clock.running():
            request = ExportLogsServiceRequest.FromString(body)
            MessageToJson(request)
        records += sum(len(s.log_records) for g in request.resource_logs for s in g.scope_logs)
    return timed(clock, records)
