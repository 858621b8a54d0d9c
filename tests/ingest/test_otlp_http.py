"""What OTLP senders are answered: the specification, row by row, and that nothing is answered before it is durable."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.rpc.status_pb2 import Status
from lakes import ask, bytes_of, letters, one
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from otlp_harness import BAD, JSON, PROTOBUF, Receiving, logs, post, receiving, together, wait_for, zipped

from ingest.loop import IngestOptions, Pipeline
from ingest.otlp_commit import CommitOptions
from ingest.otlp_http import HttpOptions
from ingest.otlp_server import OtlpOptions
from store.errors import UnreachableError, UsageError
from store.lake import Lake

HERE = "127.0.0.1:0"
QUICK = CommitOptions(interval=0.02)


@pytest.fixture
def receiver(lake: Lake) -> Iterator[Receiving]:
    """Return a receiver on a lake."""
    with receiving(lake) as running:
        yield running


def rows(lake: Lake) -> int:
    """Return how many rows are durable, as another process sees them."""
    return Lake.open(lake.path).snapshot("events").rows


def limited(**bounds: Any) -> OtlpOptions:
    """Return options with bounds on what is taken."""
    return OtlpOptions(listen=HERE, http=HttpOptions(**bounds), commit=QUICK)


# --- success ----------------------------------------------------------------------------------------------------


def test_an_answer_comes_after_the_rows_are_durable(lake: Lake, receiver: Receiving) -> None:
    """Whoever has the answer finds the rows, in a lake opened afresh, at once."""
    for number in range(5):
        assert post(receiver.logs, logs(7, 7 * number).SerializeToString()).status == 200
        assert rows(lake) == 7 * (number + 1)


@pytest.mark.parametrize("compressed", [False, True])
def test_protobuf_and_json_are_answered_in_kind(lake: Lake, receiver: Receiving, compressed: bool) -> None:
    """The answer has the content type of the request; full success is an empty response message."""
    sent = [
        (PROTOBUF, logs(3).SerializeToString(), b""),
        (JSON, (Path(__file__).parents[1] / "golden/claude_code/sample.ndjson").read_bytes().splitlines()[0], b"{}"),
    ]  # fmt: skip
    for kind, body, answer in sent:
        headers = {"content_encoding": "gzip"} if compressed else {}
        reply = post(receiver.logs, zipped(body) if compressed else body, f"{kind}; charset=utf-8", **headers)
        assert (reply.status, reply.headers["content-type"], reply.body) == (200, kind, answer)
    assert rows(lake) > 3
    assert letters(lake) == []


@pytest.mark.parametrize(("kind", "body"), [(PROTOBUF, b""), (JSON, b"{}"), (JSON, b'{"resourceLogs":null}')])
def test_an_empty_request_is_a_success(lake: Lake, receiver: Receiving, kind: str, body: bytes) -> None:
    """A request without records is answered as any other, and commits nothing."""
    before = lake.snapshot("events").version
    assert post(receiver.logs, body, kind).status == 200
    assert lake.snapshot("events").version == before


def test_claude_codes_rows_say_what_was_sent(lake: Lake, receiver: Receiving) -> None:
    """A payload as Claude Code sends it becomes its events, with the tool behind the placeholder."""
    assert post(receiver.logs, logs(2).SerializeToString()).status == 200
    found = ask(
        lake, "SELECT source_system, server_name, tool_name, user_email, duration_ms, outcome FROM events"
    )
    assert found == [("claude_code", "crm", "get_customer", "ana@acme.example", 125.0, "success")] * 2


def test_a_sender_that_tries_again_doubles_nothing(lake: Lake, receiver: Receiving) -> None:
    """The same request again, or its records in other batches, are known by what they are."""
    whole = logs(10)
    assert post(receiver.logs, whole.SerializeToString()).status == 200
    assert post(receiver.logs, zipped(whole.SerializeToString()), content_encoding="gzip").status == 200
    for first in range(0, 10, 5):
        assert post(receiver.logs, logs(5, first).SerializeToString()).status == 200
    assert rows(lake) == 10
    assert one(lake, "SELECT count(DISTINCT event_id) FROM events") == 10


def test_two_equal_records_of_one_request_are_two_events(lake: Lake, receiver: Receiving) -> None:
    """Records alike byte for byte are both kept, and known again together."""
    request = logs(1)
    scoped = request.resource_logs[0].scope_logs[0]
    scoped.log_records.append(scoped.log_records[0])
    for _ in range(2):
        assert post(receiver.logs, request.SerializeToString()).status == 200
    assert rows(lake) == 2


# --- what could not be read -----------------------------------------------------------------------------------


def test_dead_letters_are_a_partial_success(lake: Lake, receiver: Receiving) -> None:
    """The answer counts the records that became no events, and says why; the others are rows."""
    good = msgspec.json.decode(_json(2))
    good["resourceLogs"] += msgspec.json.decode(BAD)["resourceLogs"]
    answered = [post(receiver.logs, msgspec.json.encode(good), JSON) for _ in range(2)]
    for reply in answered:
        assert reply.status == 200
        told = msgspec.json.decode(reply.body)["partialSuccess"]
        assert told["rejectedLogRecords"] == "1"
        assert "dead letters" in told["errorMessage"]
    assert b"timeUnixNano" in answered[0].body
    assert rows(lake) == 2
    [letter] = letters(lake)
    assert letter["raw"] == BAD


def test_partial_success_in_protobuf(lake: Lake, receiver: Receiving) -> None:
    """A request in protobuf has its count in protobuf: here a record nested deeper than is read."""
    request = logs(2)
    value = request.resource_logs[0].scope_logs[0].log_records[1].attributes.add(key="deep").value
    for _ in range(40):
        value = value.array_value.values.add()
    value.string_value = "here"
    reply = post(receiver.logs, request.SerializeToString())
    told = ExportLogsServiceResponse.FromString(reply.body).partial_success
    assert (reply.status, told.rejected_log_records, rows(lake), len(letters(lake))) == (200, 1, 1, 1)


def _json(count: int) -> bytes:
    from google.protobuf.json_format import MessageToJson

    return MessageToJson(logs(count)).encode()


def test_each_sender_is_told_of_its_own_records(lake: Lake) -> None:
    """Requests that share a commit have their own counts."""
    options = OtlpOptions(listen=HERE, commit=CommitOptions(interval=0.5))
    bad = [b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"flags":{"%d":1}}]}]}]}' % i for i in range(4)]
    with receiving(lake, options) as receiver:
        works = [
            *(lambda i=i: post(receiver.logs, logs(3, 3 * i).SerializeToString()) for i in range(4)),
            *(lambda body=body: post(receiver.logs, body, JSON) for body in bad),
        ]
        replies = together(works)
    assert [reply.body for reply in replies[:4]] == [b""] * 4
    assert all(b'"rejectedLogRecords":"1"' in reply.body for reply in replies[4:])
    assert (rows(lake), len(letters(lake))) == (12, 4)


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "kept"),
    [
        pytest.param(b'{"resourceLogs":[{"scope', JSON, None, b'{"resourceLogs":[{"scope', id="JSON cut short"),
        pytest.param(b"[1]", JSON, None, b"[1]", id="JSON of another shape"),
        pytest.param(b'{"resourceLogs":{}}', JSON, None, b'{"resourceLogs":{}}', id="no list"),
        pytest.param(b"\xff\xfe", JSON, None, b"\xff\xfe", id="no text"),
        pytest.param(logs(9).SerializeToString()[:-3], PROTOBUF, None, None, id="protobuf cut short"),
        pytest.param(b"hello", PROTOBUF, None, None, id="no protobuf"),
        pytest.param(b"hello", JSON, "gzip", b"", id="no gzip"),
        pytest.param(zipped(b'{"resourceLogs":[]}')[:-9], JSON, "gzip", b'{"resourceLogs":[]}', id="gzip cut short"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_400_and_a_dead_letter(
    lake: Lake, receiver: Receiving, body: bytes, kind: str, encoding: str | None, kept: bytes | None
) -> None:
    """It is final, so that its sender does not send it for ever; what may be kept of it is, and only once."""
    headers = {"content_encoding": encoding} if encoding else {}
    for _ in range(2):
        reply = post(receiver.logs, body, kind, **headers)
        assert (reply.status, reply.headers["content-type"]) == (400, kind)
        assert "retry-after" not in reply.headers
        status = (
            Status.FromString(reply.body) if kind == PROTOBUF else msgspec.json.decode(reply.body, type=Code)
        )
        assert status.code == 3
        assert "dead letter" in status.message
    [letter] = letters(lake)
    assert letter["phase"] == "framing"
    if kept is not None:
        assert letter["raw"] == kept
    else:
        assert b"bytes of protobuf, not kept" in letter["raw"]


class Code(msgspec.Struct):
    """google.rpc.Status in JSON."""

    code: int
    message: str


def test_no_secret_of_a_broken_body_is_kept(lake: Lake, receiver: Receiving) -> None:
    """A password known by its field's name is taken out of broken JSON, and broken protobuf is not kept at all."""
    secret = "hunter2-correct-horse"
    post(receiver.logs, b'{"resourceLogs":[{"password":"%b"},' % secret.encode(), JSON)
    post(receiver.logs, logs(2, password=secret).SerializeToString()[:-3])
    post(receiver.logs, zipped(b'{"password":"%b"' % secret.encode())[:-4], JSON, content_encoding="gzip")
    assert len(letters(lake)) == 3
    assert secret.encode() not in bytes_of(lake.path)
    assert secret not in repr(receiver.said)


# --- refusals -------------------------------------------------------------------------------------------------


def test_other_types_paths_and_methods_are_refused(lake: Lake, receiver: Receiving) -> None:
    """415, 404 and 405, each with a Status that says what to send instead; nothing is stored of them."""
    body = logs(1).SerializeToString()
    assert post(receiver.logs, body, "text/plain").status == 415
    assert post(receiver.logs, body, content_encoding="zstd").status == 415
    assert post(f"{receiver.logs}/", body).status == 404
    metrics = post(f"{receiver.url}/v1/metrics", b"", PROTOBUF)
    assert metrics.status == 404
    assert "metrics" in Status.FromString(metrics.body).message
    with socket.create_connection(("127.0.0.1", int(receiver.url.rpartition(":")[2]))) as plain:
        plain.sendall(b"GET /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert plain.recv(4096).startswith(b"HTTP/1.1 405 ")
    assert (rows(lake), letters(lake)) == (0, [])


def test_a_body_above_the_bound_is_413(lake: Lake) -> None:
    """Told by its length, by what comes, or by what it unpacks to: a gzip bomb is never unpacked whole."""
    large = logs(400).SerializeToString()
    bomb = zipped(b"\0" * (64 << 20))
    assert len(bomb) < 100_000 < len(large)
    with receiving(lake, limited(max_body_bytes=100_000)) as receiver:
        assert post(receiver.logs, large).status == 413
        assert post(receiver.logs, iter([large]), transfer_encoding="chunked").status == 413  # type: ignore[arg-type]
        assert post(receiver.logs, bomb, content_encoding="gzip").status == 413
        assert post(receiver.logs, logs(5).SerializeToString()).status == 200
        assert receiver.progress[-1].held == 0 if receiver.progress else True
    assert (rows(lake), letters(lake)) == (5, [])


def test_a_wrong_token_is_401_and_stores_nothing(lake: Lake) -> None:
    """One of the tokens is needed, before anything is read; no answer, line or file holds one."""
    tokens = (b"first-token-of-two", b"second-token-of-two")
    with receiving(lake, limited(tokens=tokens)) as receiver:
        for wrong in (
            {},
            {"authorization": "Bearer wrong-token"},
            {"authorization": "Basic first-token-of-two"},
        ):
            reply = post(receiver.logs, b"broken", **wrong)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert Status.FromString(reply.body).code == 16
        for token in tokens:
            reply = post(receiver.logs, logs(1).SerializeToString(), authorization=f"Bearer {token.decode()}")
            assert reply.status == 200
    assert (rows(lake), letters(lake)) == (1, [])
    for text in (*tokens, b"wrong-token"):
        assert text not in bytes_of(lake.path) + repr(receiver.said).encode()


def test_beyond_this_machine_senders_must_be_known(lake: Lake) -> None:
    """Whoever listens for others needs a token or client certificates, or says that it is meant."""
    with pytest.raises(UsageError, match="anyone"), receiving(lake, OtlpOptions(listen="0.0.0.0:0")):
        pass
    with receiving(lake, OtlpOptions(listen="0.0.0.0:0", anonymous=True)) as receiver:
        assert receiver.url


def test_an_address_in_use_is_told(lake: Lake, receiver: Receiving) -> None:
    """It is an error that names the address, not a traceback."""
    address = receiver.url.removeprefix("http://")
    with pytest.raises(UnreachableError, match=address), receiving(lake, OtlpOptions(listen=address)):
        pass


# --- load and trouble -----------------------------------------------------------------------------------------


class Held(Pipeline):
    """A pipeline whose lake is slow, or away."""

    gate = threading.Event()
    away = False

    def flush(self) -> Any:
        """Wait for the gate, then flush, or fail as a lake does that cannot be reached."""
        self.gate.wait(30)
        if Held.away:
            raise UnreachableError("the disk is full", where="lake")
        return super().flush()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Return the gate that commits wait for, shut."""
    Held.gate.clear()
    Held.away = False
    yield Held.gate
    Held.gate.set()


def test_a_full_buffer_is_503_until_it_has_drained(lake: Lake, gate: threading.Event) -> None:
    """What is held is bounded; who comes too much is told when to come again, and then loses nothing."""
    body = logs(200).SerializeToString()
    options = limited(max_held_bytes=len(body) * 2)
    with receiving(lake, options, lambda: Held(lake, IngestOptions())) as receiver:
        waiting: list[Any] = []
        first = threading.Thread(target=lambda: waiting.append(post(receiver.logs, body)))
        first.start()
        wait_for(lambda: receiver.progress and receiver.progress[-1].held >= len(body))
        shed = post(receiver.logs, logs(200, 200).SerializeToString())
        assert (shed.status, shed.headers["retry-after"]) == (503, "1")
        assert Status.FromString(shed.body).code == 14
        gate.set()
        first.join(30)
        assert waiting[0].status == 200
        assert post(receiver.logs, logs(200, 200).SerializeToString()).status == 200
    assert rows(lake) == 400


def test_a_lake_in_trouble_is_503_and_recovers(
    lake: Lake, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Senders are told to wait, what they send again is taken in once, and the receiver goes on by itself."""
    monkeypatch.setattr("ingest.otlp_commit._RETRY_SECONDS", 0.3)
    gate.set()
    body = logs(5).SerializeToString()
    with receiving(lake, None, lambda: Held(lake, IngestOptions())) as receiver:
        assert post(receiver.logs, logs(5, 5).SerializeToString()).status == 200
        Held.away = True
        for _ in range(3):
            reply = post(receiver.logs, body)
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        Held.away = False
        wait_for(lambda: post(receiver.logs, body).status == 200)
    assert rows(lake) == 10
    assert any("the disk is full" in text for text in receiver.said)
    assert any("can be written again" in text for text in receiver.said)


def test_many_senders_share_commits(lake: Lake) -> None:
    """Every sender has its own answer, each event is there once, and there are fewer commits than requests."""
    options = OtlpOptions(listen=HERE, commit=CommitOptions(interval=0.2))
    before = lake.snapshot("events").version
    with receiving(lake, options) as receiver:
        works = [
            lambda i=i: [
                post(receiver.logs, logs(4, 8 * i + 4 * k).SerializeToString()).status for k in (0, 1)
            ]
            for i in range(20)
        ]
        assert together(works) == [[200, 200]] * 20
    assert rows(lake) == 160
    assert one(lake, "SELECT count(DISTINCT event_id) FROM events") == 160
    assert Lake.open(lake.path).snapshot("events").version - before <= 10


def test_two_receivers_of_one_name_fence_and_lose_nothing(lake: Lake) -> None:
    """Both may count as one stream: the one that is behind learns where it stands, and nothing is doubled or lost."""
    with receiving(lake) as one_, receiving(Lake.open(lake.path)) as other:
        for number in range(4):
            target = (one_, other)[number % 2]
            assert post(target.logs, logs(3, 3 * number).SerializeToString()).status == 200
            assert post(target.logs, BAD, JSON).status == 200
    assert rows(lake) == 12
    assert one(lake, "SELECT count(DISTINCT source_offset) FROM events") == 12


def test_stopping_answers_who_has_sent(lake: Lake, gate: threading.Event) -> None:
    """On stop, requests that were sent are made durable and answered before the receiver ends."""
    with receiving(lake, None, lambda: Held(lake, IngestOptions())) as receiver:
        waiting: list[Any] = []
        threads = [
            threading.Thread(target=lambda i=i: waiting.append(post(receiver.logs, logs(3, 3 * i).SerializeToString())))
            for i in range(3)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        wait_for(lambda: receiver.progress and receiver.progress[-1].held > 0)
        receiver.stop.set()
        threading.Timer(0.3, gate.set).start()
        for thread in threads:
            thread.join(30)
    assert [reply.status for reply in waiting] == [200] * 3
    assert rows(lake) == 9
