"""Alerts reach a real webhook and a real syslog socket, once as far as the receiver can tell, whatever breaks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context

import pyarrow as pa
import pytest
from certificates import make_certificates
from kafka_harness import messages
from lakes import NOON, ask

from console.alerts import sinks
from console.alerts.delivering import Courier
from console.alerts.settings import parsed
from store.errors import UnreachableError, UsageError
from store.lake import Lake
from store.settings import KafkaSettings, Settings
from store.tables import TABLES

HOSTILE = 'x"] \n<1>1 \x1b[31m\u202e\\'


@pytest.fixture
def lake(empty_lake, tmp_path):
    """Return an empty lake of the test's own: the story's is shared."""
    return Lake.open(shutil.copytree(empty_lake, tmp_path / "lake"))


class Hook:
    """A webhook: it answers with `answers` first, then 200, and keeps what it took."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.took: list[tuple[dict[str, str], dict[str, object]]] = []
        self.url = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Run a webhook on a port of its own."""
    state = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = state.answers.pop(0) if state.answers else 200
            if status == 200:
                state.took.append((dict(self.headers), body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def put(lake, *names, **fields):
    """Keep findings as found just now."""
    rows = []
    for name in names:
        now = datetime.now(UTC)
        usual = {
            "finding_id": name, "detection": "d", "title": "T", "severity": "high", "confidence": 0.5,
            "evidence": [name], "event_time": NOON, "explanation": HOSTILE,
            "rollout": False, "tags": [], "revision": 1, "found_time": now,
            "found_date": now.date(), "user_id": HOSTILE,
        }  # fmt: skip
        rows.append({**usual, **fields})
    lake.append("finding_states", pa.Table.from_pylist(rows, TABLES["finding_states"].schema))


def courier(lake, **given):
    """Return a courier that has begun."""
    [alert] = parsed({"soc": given}, "here")
    made = Courier(lake, alert)
    made.begin()
    return made


def test_a_finding_is_sent_once(lake, hook, monkeypatch):
    """Not the history, not what is less grave, not twice; with the finding id as key, and the token."""
    monkeypatch.setenv("HOOK_TOKEN", "t0ken")
    put(lake, "old")
    sender = courier(lake, kind="webhook", url=hook.url, token_env="HOOK_TOKEN")
    put(lake, "new")
    put(lake, "low", severity="low")
    assert (sender.run(), sender.run(), courier(lake, kind="webhook", url=hook.url).run()) == (1, 0, 0)
    [(headers, body)] = hook.took
    assert (headers["Idempotency-Key"], headers["Authorization"]) == ("new", "Bearer t0ken")
    assert body["finding_id"] == "new"
    assert not set("\n\x1b\u202e") & set(str(body["explanation"]))


def test_a_failure_is_kept_and_tried_again_later(lake, hook):
    """A receiver that fails is left alone, ever longer; then the finding arrives. The ledger tells both."""
    sender = courier(lake, kind="webhook", url=hook.url)
    now = [0.0]
    sender.clock = lambda: now[0]
    put(lake, "a")
    hook.answers = [503, 302]
    assert (sender.run(), sender.run()) == (0, 0)
    assert hook.answers == [302]
    now[0] = 1.5
    assert sender.run() == 0
    now[0] = 3.0
    assert sender.run() == 0
    now[0] = 4.0
    assert sender.run() == 1
    assert ask(lake, "SELECT state FROM deliveries ORDER BY delivery_time") == [
        ("began",), ("failed",), ("failed",), ("sent",)]  # fmt: skip


def test_what_is_refused_holds_up_nothing_else(lake):
    """Findings that the other side will never take are left for last; the rest arrive at once."""
    sender = courier(lake, kind="webhook", url="http://127.0.0.1:1/")
    now, took = [0.0], []
    sender.clock = lambda: now[0]

    def deliver(_, finding):
        if finding["finding_id"] in ("a", "b"):
            raise OSError("413 Payload Too Large")
        took.append(finding["finding_id"])

    sender.deliver = deliver
    put(lake, "a", "b", severity="critical")
    put(lake, "c", "d")
    sent = []
    for now[0] in (0.0, 2.0, 2.5):
        sent.append(sender.run())
    assert (sent, took) == ([0, 2, 0], ["c", "d"])


@pytest.mark.parametrize(
    "answer", [b"not HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
def test_an_answer_that_is_no_answer_is_a_failure(lake, answer):
    """A receiver that speaks something else, or breaks off, is tried again and ends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        sender = courier(lake, kind="webhook", url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        put(lake, "a")

        def once():
            with server.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        assert sender.run() == 0
        thread.join(30)
    assert ask(lake, "SELECT count(*) FROM deliveries WHERE state = 'failed'") == [(1,)]


def test_a_budget_a_day_is_not_exceeded(lake, hook):
    """The gravest are sent first, and no more than the budget."""
    sender = courier(lake, kind="webhook", url=hook.url, budget=2)
    put(lake, "a", "b")
    put(lake, "c", severity="critical")
    assert (sender.run(), sender.run()) == (2, 0)
    assert [body["finding_id"] for _, body in hook.took] == ["c", "a"]


def die_after_sending(path, url):
    """Send, and be killed before that is written down."""
    sender = courier(Lake.open(path), kind="webhook", url=url)
    sender._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    sender.run()


def test_a_kill_between_sending_and_recording_repeats_under_the_same_key(lake, hook):
    """It is at least once: the repeat carries the finding id, by which a receiver drops it."""
    sender = courier(lake, kind="webhook", url=hook.url)
    put(lake, "a")
    process = get_context("spawn").Process(target=die_after_sending, args=(lake.path, hook.url))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert sender.run() == 1
    assert [headers["Idempotency-Key"] for headers, _ in hook.took] == ["a", "a"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_syslog_is_one_message_whatever_a_log_holds(lake, transport):
    """RFC 5424, over TCP framed by octet count; quotes, brackets and newlines of a log forge nothing."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        if transport == "tcp":
            server.listen()
        sender = courier(
            lake, kind="syslog", address=f"127.0.0.1:{server.getsockname()[1]}", transport=transport
        )
        put(lake, "a")
        assert sender.run() == 1
        if transport == "udp":
            message = server.recv(65536)
        else:
            connection, _ = server.accept()
            with connection:
                size, _, message = connection.recv(65536).partition(b" ")
            assert int(size) == len(message)
    assert message.startswith(b"<107>1 20")
    assert (
        b'finding [tooltrail@32473 finding_id="a" detection="d" severity="high" user_id="x\\"\\] ' in message
    )
    assert not set(b"\n\x1b") & set(message)
    assert b"\xef\xbb\xbfT: x" in message


def test_syslog_by_tls_is_to_the_server_that_is_vouched_for(lake, tmp_path):
    """A server of an authority that is trusted gets it, framed; of another one nothing is sent, and that is said."""
    made = make_certificates(tmp_path / "certificates")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.folder / "broker.pem")
    put(lake, "old")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        tls = {"kind": "syslog", "address": address, "transport": "tls"}
        senders = [courier(lake, **tls, ca_file=str(ca)) for ca in (made.stranger, made.authority)]
        put(lake, "a")
        sent = []
        thread = threading.Thread(target=lambda: sent.extend(sender.run() for sender in senders))
        thread.start()
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(server.accept()[0], server_side=True)
        with context.wrap_socket(server.accept()[0], server_side=True) as connection:
            size, _, message = connection.recv(65536).partition(b" ")
        thread.join(30)
    assert sent == [0, 1]
    assert int(size) == len(message)
    assert b'finding_id="a"' in message
    [(error,)] = ask(lake, "SELECT error FROM deliveries WHERE state = 'failed'")
    assert "CERTIFICATE_VERIFY_FAILED" in error


def test_mail_of_a_finding_is_known_as_a_repeat(lake, mails):
    """By a real server with TLS and a password; the finding's id is the Message-ID, and a log adds no header."""
    [alert] = parsed({"people": {"kind": "email", "to": ["soc@acme.example"]}}, "here")
    sender = Courier(lake, alert, sinks.Sender(mails.settings))
    sender.begin()
    put(lake, "a", title="x\r\nBcc: evil@example.com")
    assert (sender.run(), sender.run()) == (1, 0)
    [mail] = mails.took
    assert mail["Message-ID"] == "<finding-a@tooltrail>"
    assert (mail["To"], mail["Bcc"]) == ("soc@acme.example", None)
    assert mail["Subject"].startswith("[Tooltrail] high: x")
    text = mail.get_content()
    assert not set("\x1b\u202e") & set(text)
    assert "detection: d" in text


def bus(lake, broker, topic):
    """Return the courier of a topic, as a new process makes it."""
    sender = sinks.Sender(Settings(kafka=KafkaSettings(bootstrap_servers=(broker.address,))))
    [alert] = parsed({"bus": {"kind": "kafka", "topic": topic}}, "here")
    made = Courier(lake, alert, sender, sender.arrived)
    made.begin()
    return made


@pytest.mark.slow
@pytest.mark.broker
def test_kafka_is_asked_what_arrived_before_a_crash(lake, broker, kafka):
    """Killed between sending and recording, the next process finds the message there: exactly once, and recorded."""
    topic = kafka.topic(3)
    bus(lake, broker, topic)
    put(lake, "a", "b")
    killed = bus(lake, broker, topic)
    killed._write = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    assert [key for key, _ in messages(broker, topic)] == [b"a"]
    put(lake, "c")
    after = bus(lake, broker, topic)
    assert (after.run(), after.run()) == (2, 0)
    assert sorted(key for key, _ in messages(broker, topic)) == [b"a", b"b", b"c"]
    assert ask(lake, "SELECT DISTINCT finding_id FROM deliveries WHERE state = 'sent' ORDER BY 1") == [
        ("a",), ("b",), ("c",)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.broker
def test_a_failure_that_was_none_repeats_nothing_on_kafka(lake, broker, kafka):
    """An answer that was lost after the broker took the message: it is asked, and the message stays one."""
    topic = kafka.topic(1)
    sender = bus(lake, broker, topic)
    sender.clock = lambda: now[0]
    now, deliver = [0.0], sender.deliver

    def lost(alert, finding):
        deliver(alert, finding)
        raise TimeoutError("no answer")

    put(lake, "a")
    sender.deliver = lost
    assert sender.run() == 0
    sender.deliver = deliver
    now[0] = 400.0
    assert sender.run() == 0
    assert [key for key, _ in messages(broker, topic)] == [b"a"]
    assert ask(lake, "SELECT count(*) FROM deliveries WHERE state = 'sent'") == [(1,)]


def test_a_bus_that_tells_nothing_is_said_and_sent_to(lake, capsys):
    """Who may write and not read sends all the same, and is told that some may come twice."""
    [alert] = parsed({"bus": {"kind": "kafka", "topic": "t"}}, "here")

    def refuse(*_):
        raise UnreachableError("Kafka does not say which findings it has: TopicAuthorizationFailedError")

    sent = []
    sender = Courier(lake, alert, lambda _, finding: sent.append(finding["finding_id"]), refuse)
    sender.begin()
    put(lake, "a")
    assert sender.run() == 1
    assert sent == ["a"]
    assert "may get some twice" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.broker
def test_kafka_gets_a_message_keyed_by_the_finding(lake, broker, kafka):
    """It is sent when the broker has it; a topic that is not there is a failure, which is said."""
    topic = kafka.topic(1)
    settings = Settings(kafka=KafkaSettings(bootstrap_servers=(broker.address,)))
    alerts = parsed(
        {n: {"kind": "kafka", "topic": t} for n, t in (("bus", topic), ("gone", "nowhere"))}, "here"
    )
    senders = [Courier(lake, alert, sinks.Sender(settings)) for alert in alerts]
    for sender in senders:
        sender.begin()
    put(lake, "a")
    assert [sender.run() for sender in senders] == [1, 0]
    [(key, value)] = messages(broker, topic)
    assert key == b"a"
    assert json.loads(value)["finding_id"] == "a"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"kind": "email"}, "to is a list"), ({"kind": "kafka"}, "topic is"),
        ({"kind": "pigeon"}, "kind is one of"), ({"kind": "webhook", "url": "http://a:b@c/"}, "without a password"),
        ({"kind": "webhook", "url": "https://c/", "token": "x"}, "unknown key"), ({"kind": "syslog"}, "HOST:PORT"),
        ({"kind": "syslog", "address": "h:1", "severity": "grave"}, "severity"),
    ],
)  # fmt: skip
def test_a_wrong_alert_is_said(given, reason):
    """The section and the key are named; a secret in the file is refused."""
    with pytest.raises(UsageError, match=reason):
        parsed({"soc": given}, "tooltrail.toml")


def test_what_is_sent_has_a_name():
    """The structured data's id is of the form RFC 5424 wants of private ones."""
    name, _, number = sinks.SD_ID.partition("@")
    assert name.isascii()
    assert number.isdecimal()
