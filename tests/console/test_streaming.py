"""Streams to a SIEM: each event at least once, whatever breaks, and known by its id when it comes twice."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from broker import Broker
from kafka_harness import Kafka, eventually, messages
from lakes import rows_of
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from story import Run

from analytics.following import after, place_of
from console.sinks import KafkaSink, OtlpSink, retry_after
from console.streaming import StreamOptions, _stream
from reports.export.otlp import KEY
from store.errors import TooltrailError, UnreachableError
from store.lake import Lake

PATIENCE = 60.0
Answer = tuple[int, dict[str, str], bytes]
FINE: Answer = (200, {}, b"")


@dataclass
class Receiver:
    """An OTLP/HTTP receiver: `answers` are given first, then all is well. What it took is in `ids`."""

    address: str = ""
    answers: list[Answer] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    delay: float = 0.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver on a port of its own."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.headers.append(dict(self.headers))
            status, headers, answer = state.answers.pop(0) if state.answers else FINE
            time.sleep(state.delay)
            if status == 200:
                state.ids += ids_of(gzip.decompress(body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}/v1/logs"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def ids_of(body: bytes) -> list[str]:
    """Return the ids of the records of an export request."""
    logs = ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records
    return [next(a.value.string_value for a in log.attributes if a.key == KEY) for log in logs]


def batch(count: int = 3) -> Any:
    """Return a few events."""
    return rows_of(*[{"event_id": f"{n:032x}"} for n in range(count)]).to_batches()[0]


# --- OTLP -----------------------------------------------------------------------------------------------------------


def test_a_busy_receiver_is_waited_for_as_it_asks(receiver: Receiver) -> None:
    """429 and 503 are tried again after what Retry-After says, else after a growing pause; each record arrives once."""
    receiver.answers = [(429, {"Retry-After": "7"}, b""), (503, {}, b""), (502, {}, b"")]
    waits: list[float] = []
    OtlpSink(receiver.address, "native", wait=waits.append).send(batch())
    assert receiver.ids == [f"{n:032x}" for n in range(3)]
    assert waits[0] == 7.0
    assert 0 < waits[1] <= 0.5 * 2
    assert len(waits) == 3


def test_a_refusal_is_not_tried_again(receiver: Receiver) -> None:
    """400 means the same request will never be taken: it is said, with the answer."""
    receiver.answers = [(400, {}, b"no such tenant")]
    with pytest.raises(TooltrailError, match="no such tenant"):
        OtlpSink(receiver.address, "native", wait=lambda _: None).send(batch())
    assert receiver.ids == []


def test_a_redirect_does_not_lose_the_body(receiver: Receiver) -> None:
    """A POST that is redirected would arrive empty and be answered 200."""
    receiver.answers = [(302, {"Location": receiver.address}, b"")]
    with pytest.raises(TooltrailError, match="302"):
        OtlpSink(receiver.address, "native", wait=lambda _: None).send(batch())


def test_a_page_is_no_receiver(receiver: Receiver) -> None:
    """200 from something that does not speak OTLP is not taken for an acknowledgement."""
    receiver.answers = [(200, {}, b"<html>welcome</html>")]
    with pytest.raises(TooltrailError, match="no OTLP receiver"):
        OtlpSink(receiver.address, "native").send(batch())


def test_a_receiver_that_stays_away_is_given_up(receiver: Receiver) -> None:
    """After its patience a stream ends with an error that says nothing is lost."""
    with pytest.raises(UnreachableError, match="nothing is lost"):
        OtlpSink("http://127.0.0.1:9/v1/logs", "native", patience=0.0, wait=lambda _: None).send(batch())


def test_what_a_receiver_drops_is_said(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    """A partial success is an answer for good: it is reported and not sent again."""
    answer = ExportLogsServiceResponse()
    answer.partial_success.rejected_log_records = 2
    answer.partial_success.error_message = "too old"
    receiver.answers = [(200, {}, answer.SerializeToString())]
    OtlpSink(receiver.address, "native").send(batch())
    assert "refused 2 records for good: too old" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, None), ("3", 3.0), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    """Both forms of the header are read, and nonsense is as if there were none."""
    assert retry_after(text) == seconds


def test_the_command_streams_and_goes_on(run: Run, lake: Lake, receiver: Receiver, tmp_path: Path) -> None:
    """A first run sends all, a second nothing; headers come from the environment; the place is kept where asked."""
    again = ("export", "stream", "otlp", "--endpoint", receiver.address, "--cursor", str(tmp_path / "kept.json"),
             "--lake", str(lake.path))  # fmt: skip
    first = run(*again, OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20abc")
    assert first.returncode == 0, first.stderr
    assert len(receiver.ids) == len(set(receiver.ids)) == 6
    assert {h["Authorization"] for h in receiver.headers} == {"Bearer abc"}
    assert "abc" not in first.stderr
    assert run(*again).stderr.count("0 events to") == 1
    assert len(receiver.ids) == 6


def test_following_hands_on_what_is_being_committed(receiver: Receiver, tmp_path: Path) -> None:
    """With --follow a commit that comes later is sent too, and a stop ends it."""
    lake, stop = filled(tmp_path / "lake", 1, rows=5), threading.Event()
    sink = OtlpSink(receiver.address, "native")
    options = StreamOptions(follow=True, start="latest", cursor=None, payload="native")
    place = place_of(lake, "here", sink.name)
    thread = threading.Thread(target=_stream, args=(lake, sink, place, options, stop))
    thread.start()
    try:
        eventually(place.path.exists)
        lake.append("events", rows_of({"event_id": "e" * 32}))
        eventually(lambda: receiver.ids == ["e" * 32])
    finally:
        stop.set()
        thread.join(PATIENCE)
    kept = place.load()
    assert kept is not None
    assert sum(batch.num_rows for batch, _ in after(lake, kept)) == 0


def test_an_address_with_a_password_is_refused(run: Run, lake: Lake) -> None:
    """It would stand in messages and in the cursor."""
    done = run(
        "export",
        "stream",
        "otlp",
        "--endpoint",
        "http://me:secret@localhost/v1/logs",
        "--lake",
        str(lake.path),
    )
    assert done.returncode == 2
    assert "secret" not in done.stderr


# --- killed at any moment -------------------------------------------------------------------------------------------


def filled(path: Path, commits: int, rows: int = 2500) -> Lake:
    """Return a lake of several commits."""
    made = Lake.create(path)
    for commit in range(commits):
        made.append("events", rows_of(*[{"event_id": f"{commit * rows + n:032x}"} for n in range(rows)]))
    return made


def killed_and_restarted(lake: Lake, arguments: list[str], enough: Any) -> None:
    """Start the program and kill it while it sends, then let it run to the end."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "console.cli",
        "export",
        "stream",
        *arguments,
        "--lake",
        str(lake.path),
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + PATIENCE
        while not enough() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(first.pid, signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_a_killed_stream_to_otlp_loses_nothing(receiver: Receiver, tmp_path: Path) -> None:
    """After kill -9 every event arrives; those that came twice have one id."""
    lake = filled(tmp_path / "lake", 4)
    receiver.delay = 0.05
    killed_and_restarted(lake, ["otlp", "--endpoint", receiver.address], lambda: receiver.ids)
    assert set(receiver.ids) == {f"{n:032x}" for n in range(10_000)}


@pytest.mark.slow
@pytest.mark.broker
def test_a_killed_stream_to_kafka_loses_nothing(kafka: Kafka, broker: Broker, tmp_path: Path) -> None:
    """After kill -9 every event is in the topic, keyed by its id and readable as OCSF."""
    lake = filled(tmp_path / "lake", 4)
    topic = kafka.topic(partitions=2)
    cursor = lake.path / "exports" / f"kafka-{topic}.json"

    def begun() -> bool:
        return cursor.exists() and json.loads(cursor.read_text())["row"] > 0

    killed_and_restarted(lake, ["kafka", "--topic", topic, "--bootstrap-servers", broker.address], begun)
    seen = Counter(key.decode() for key, _ in messages(broker, topic))
    assert set(seen) == {f"{n:032x}" for n in range(10_000)}
    key, value = messages(broker, topic)[0]
    assert json.loads(value)["metadata"]["uid"] == key.decode()


@pytest.mark.broker
def test_a_missing_topic_is_said(broker: Broker) -> None:
    """A misspelt topic is not made, and is an error that names it."""
    with pytest.raises(UnreachableError, match="nowhere"):
        KafkaSink([broker.address], "nowhere", "ocsf", {"max_block_ms": 2000})
