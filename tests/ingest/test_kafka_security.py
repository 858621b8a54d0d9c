"""TLS and SASL against a real broker: what is right reads, what is wrong is told without the secret."""

from __future__ import annotations

import functools
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from broker import Broker, Secured
from kafka_harness import FakeLedger, Kafka, events, options, take_in
from lakes import record

import ingest.kafka
from console.cli import main
from ingest.kafka import KafkaOptions, consume
from store.errors import UnreachableError
from store.lake import Lake

pytestmark = pytest.mark.broker

WRONG = "zz-wrong-password-4711"


@pytest.fixture
def secured(broker: Broker) -> Secured:
    """Return the broker's listeners with TLS and SASL."""
    if broker.secured is None:
        pytest.skip("the external broker's other listeners are not known to us")
    return broker.secured


def login(secured: Secured, mechanism: str = "SCRAM-SHA-512", **changes: Any) -> dict[str, Any]:
    """Return the client's settings for TLS and SASL, right but for `changes`."""
    return {
        "security_protocol": "SASL_SSL", "ssl_cafile": str(secured.certificates.authority),
        "sasl_mechanism": mechanism, "sasl_plain_username": "alice", "sasl_plain_password": "secret", **changes,
    }  # fmt: skip


def certificate(secured: Secured, **changes: Any) -> dict[str, Any]:
    """Return the client's settings for TLS with a client certificate, right but for `changes`."""
    file, key = map(str, secured.certificates.client)
    return {
        "security_protocol": "SSL", "ssl_cafile": str(secured.certificates.authority),
        "ssl_certfile": file, "ssl_keyfile": key, **changes,
    }  # fmt: skip


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_over_tls_reads(
    broker: Broker, kafka: Kafka, ledger: FakeLedger, secured: Secured, mechanism: str
) -> None:
    """Each mechanism reads every message over TLS under an authority of one's own."""
    topic = kafka.topic()
    kafka.send(topic, events(20))
    chosen = options(broker, topic, bootstrap_servers=(secured.login,), client=login(secured, mechanism))
    take_in(ledger, chosen)
    assert ledger.values() == sorted(events(20))


def test_a_client_certificate_reads(
    broker: Broker, kafka: Kafka, ledger: FakeLedger, secured: Secured
) -> None:
    """A broker that asks for a client certificate is read with one."""
    topic = kafka.topic()
    kafka.send(topic, events(20))
    take_in(ledger, options(broker, topic, bootstrap_servers=(secured.tls,), client=certificate(secured)))
    assert ledger.values() == sorted(events(20))


def refused(secured: Secured, case: str) -> tuple[str, dict[str, Any]]:
    """Return the address and the settings of a case that must be refused."""
    stranger = str(secured.certificates.stranger)
    return {
        "wrong password, SCRAM": (secured.login, login(secured, sasl_plain_password=WRONG)),
        "wrong password, PLAIN": (secured.login, login(secured, "PLAIN", sasl_plain_password=WRONG)),
        "unknown user": (secured.login, login(secured, sasl_plain_username="mallory", sasl_plain_password=WRONG)),
        "wrong authority": (secured.login, login(secured, ssl_cafile=stranger, sasl_plain_password=WRONG)),
        "another host's certificate": (
            secured.login.replace("127.0.0.1", "localhost"), login(secured, sasl_plain_password=WRONG)
        ),
        "no client certificate": (secured.tls, certificate(secured, ssl_certfile=None, ssl_keyfile=None)),
        "TLS to a listener without": (secured.sasl, login(secured, sasl_plain_password=WRONG)),
        "no TLS to a listener with": (secured.login, {}),
    }[case]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "reason", "remedy"),
    [
        ("wrong password, SCRAM", "(?i)authentication", "kafka.sasl_password"),
        ("wrong password, PLAIN", "(?i)authentication", "kafka.sasl_password"),
        ("unknown user", "(?i)authentication", "kafka.sasl_username"),
        ("wrong authority", "(?i)certificate", "kafka.ssl_cafile"),
        ("another host's certificate", "(?i)certificate", "kafka.ssl_check_hostname"),
        ("no client certificate", "(?i)certificate|ssl|connection", "kafka.ssl_certfile"),
        ("TLS to a listener without", "(?i)ssl", "kafka.security_protocol"),
        ("no TLS to a listener with", ".", "security_protocol"),
    ],
)
def test_what_is_refused_is_told(
    broker: Broker, ledger: FakeLedger, secured: Secured, case: str, reason: str, remedy: str
) -> None:
    """Each refusal names its reason and the setting to look at, and no message holds the password."""
    address, client = refused(secured, case)
    chosen = options(broker, "t", bootstrap_servers=(address,), client=client, connect_timeout=4.0)
    with pytest.raises(UnreachableError, match=reason) as caught:
        consume(ledger.pipeline(), chosen, stop=threading.Event())
    told = f"{caught.value} {caught.value.hint}"
    assert remedy in told
    assert address in told
    assert WRONG not in told


def run(
    monkeypatch: pytest.MonkeyPatch, lake: Lake, topic: str, address: str, settings: dict[str, str]
) -> int:
    """Run `tooltrail ingest kafka` in this process with these settings in the environment; return the exit code."""
    monkeypatch.setattr(ingest.kafka, "KafkaOptions", functools.partial(KafkaOptions, connect_timeout=3.0))
    for name, value in settings.items():
        monkeypatch.setenv(f"TOOLTRAIL_KAFKA_{name}", value)
    words = ["--lake", str(lake.path), "--bootstrap-servers", address, "--topic", topic, "--exit-at-end"]
    monkeypatch.setattr(sys, "argv", ["tooltrail", "ingest", "kafka", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("wrong", [None, "SASL_PASSWORD", "SSL_CAFILE"])
def test_the_command_line_logs_in_or_says_why_not(
    kafka: Kafka,
    secured: Secured,
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    wrong: str | None,
) -> None:
    """With settings from the environment it reads; with a wrong one it ends with 3, a hint, and no secret."""
    topic = kafka.topic()
    kafka.send(topic, [record(number) for number in range(3)])
    settings = {
        "SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "SCRAM-SHA-256", "SASL_USERNAME": "alice",
        "SASL_PASSWORD": "secret", "SSL_CAFILE": str(secured.certificates.authority),
    }  # fmt: skip
    if wrong is not None:
        settings[wrong] = {"SASL_PASSWORD": WRONG, "SSL_CAFILE": str(secured.certificates.stranger)}[wrong]
    code = run(monkeypatch, lake, topic, secured.login, settings)
    out, err = capfd.readouterr()
    assert code == (0 if wrong is None else 3), err
    assert Lake.open(lake.path).snapshot("events").rows == (3 if wrong is None else 0)
    assert WRONG not in out + err
    if wrong is not None:
        assert f"kafka.{wrong.lower()}" in err
        assert "Traceback" not in err
    assert [file for file in _files(lake.path) if WRONG.encode() in file.read_bytes()] == []


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]
