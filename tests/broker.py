"""A real Apache Kafka for tests: one KRaft node on loopback, from the jars that tests/kafka/pom.xml names.

    with Broker.start(folder) as broker:
        broker.address        # host:port, no authentication
        broker.secured        # the same broker behind TLS and SASL; None where it is not our own
        broker.kill(); broker.restart()

TOOLTRAIL_TEST_KAFKA=host:port uses a running broker instead; tests that restart the broker or log in then
skip. Without Java or Maven the tests skip and say so, except under CI=true, where that is a failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

import pytest
from certificates import Certificates, make_certificates

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # from kafka-python's reading of its schemas
    from kafka import KafkaConsumer
    from kafka.errors import KafkaError

POM = Path(__file__).parent / "kafka" / "pom.xml"
EXTERNAL = "TOOLTRAIL_TEST_KAFKA"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
USERS = [
    word for bits in (256, 512)
    for word in ("--add-scram", f"SCRAM-SHA-{bits}=[name=alice,password=secret]")
]  # fmt: skip
PORTS = range(16_384, 32_768)
PORT_PARTS = 8
LISTENERS = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,\\
  CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={certificates}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={certificates}/ca.pem
listener.name.ssl.ssl.client.auth=required
log.dirs={logs}
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
background.threads=2
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.cleaner.dedupe.buffer.size=4194304
log.initial.task.delay.ms=500
message.max.bytes=33554432
socket.request.max.bytes=104857600
"""


class BrokerUnavailableError(RuntimeError):
    """There is no broker to test with, and why."""


def jars() -> Path:
    """Return the folder of Kafka's jars, fetched once by Maven and shared by every checkout and process."""
    found = re.search(r"<kafka\.version>([^<]+)<", POM.read_text())
    assert found, f"{POM} names no kafka.version"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tooltrail"
    target = cache / f"kafka-{found[1]}"
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _fetch(cache, target)
    return target


def _fetch(cache: Path, target: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="kafka-", dir=cache))
    try:
        command = [
            "mvn",
            "-q",
            "-B",
            "-f",
            str(POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={temporary}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise BrokerUnavailableError(
                f"Maven could not fetch Kafka:\n{(done.stdout + done.stderr)[-2000:]}"
            )
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def free_port() -> int:
    """Return a loopback port nothing listens on just now, and that no client's connection is given.

    A server binds its port seconds after it was found free. A port the system picked would by then often be
    the near end of somebody's connection, so ours lie below the range it picks from (32768 up on Linux), each
    test process draws from its own part of them, and none is drawn twice.
    """
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise BrokerUnavailableError("no loopback port is free below the range of clients' ports")


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PORT_PARTS
    size = (PORTS.stop - PORTS.start) // PORT_PARTS
    first = PORTS.start + worker * size
    yield from random.sample(range(first, first + size), size)


_ports = _own_ports()


@dataclass(frozen=True)
class Secured:
    """The same broker behind its other listeners, for user `alice` with password `secret`."""

    sasl: str
    """SASL PLAIN without TLS."""
    tls: str
    """TLS that demands a client certificate."""
    login: str
    """TLS, then PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    certificates: Certificates


class Broker:
    """A Kafka node in a folder: stop, kill and restart keep its data and its ports."""

    def __init__(self, address: str, *, secured: Secured | None = None, folder: Path | None = None) -> None:
        self.address = address
        self.secured = secured
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, folder: Path) -> Broker:
        """Format `folder`, start a node in it, and return when it answers a metadata request."""
        for program in ("java", "mvn"):
            if shutil.which(program) is None:
                raise BrokerUnavailableError(
                    f"`{program}` is not installed; {EXTERNAL}=host:port uses a running broker"
                )
        addresses = {name: f"127.0.0.1:{free_port()}" for name in LISTENERS}
        certificates = make_certificates(folder / "certificates")
        secured = Secured(addresses["SASL_PLAINTEXT"], addresses["SSL"], addresses["SASL_SSL"], certificates)
        broker = cls(addresses["PLAINTEXT"], secured=secured, folder=folder)
        settings = SETTINGS.format(
            listeners=",".join(f"{name}://{address}" for name, address in addresses.items()),
            controller=free_port(), logs=folder / "logs", certificates=certificates.folder,
        )  # fmt: skip
        (folder / "server.properties").write_text(settings)
        broker.format(uuid.uuid4().hex[:22], *USERS)
        broker.restart()
        return broker

    def format(self, identity: str, *options: str) -> None:
        """Prepare the folder, which holds server.properties, for a node of the cluster of this identity."""
        self._run("kafka.tools.StorageTool", "format", *options, "-t", identity, "-c")

    @property
    def restartable(self) -> bool:
        """Whether this is our own node, not one the environment names."""
        return self.folder is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def restart(self) -> None:
        """Start the node again after stop() or kill(), on the same data and ports."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the node's process without waiting for it: one of several is ready only once others are."""
        assert self.folder is not None, "this broker is not ours to restart"
        self.stop()
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka"), stdout=log, stderr=log, cwd=self.folder
            )

    def stop(self) -> None:
        """Shut the node down in order; kill it when it takes too long."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the node with SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def log_tail(self) -> str:
        """Return the last lines the node wrote."""
        log = (self.folder or Path()) / "broker.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else "(no log)"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _command(self, main: str, *arguments: str) -> list[str]:
        assert self.folder is not None
        options = [
            "-Xmx512m",
            "-Xms128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
        ]
        quiet = [
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
        ]
        classes = ["-cp", f"{jars()}/*"]
        return ["java", *options, *quiet, *classes, main, *arguments, str(self.folder / "server.properties")]

    def _run(self, main: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(main, *arguments), capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise BrokerUnavailableError(f"{main} failed:\n{done.stdout}\n{done.stderr}")

    def wait_ready(self) -> None:
        """Return when the node answers a metadata request."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if self._listening() and self._answers():
                return
            time.sleep(0.1)
        tail = self.log_tail()
        self.kill()
        raise BrokerUnavailableError(f"Kafka did not come up within {START_SECONDS:.0f} s:\n{tail}")

    def _listening(self) -> bool:
        host, port = self.address.split(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return True
        return False

    def _answers(self) -> bool:
        with contextlib.suppress(KafkaError), contextlib.closing(_probe(self.address)) as probe:
            probe.topics()
            return True
        return False


def _probe(address: str) -> KafkaConsumer:
    return KafkaConsumer(bootstrap_servers=address, bootstrap_timeout_ms=5000, metrics_enabled=False)


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"no Kafka to test with, and CI=true forbids skipping: {reason}", pytrace=False)
    pytest.skip(f"no Kafka to test with: {reason}")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the whole run; tests use topics of their own."""
    external = os.environ.get(EXTERNAL)
    if external:
        yield Broker(external)
        return
    try:
        running = Broker.start(tmp_path_factory.mktemp("kafka"))
    except BrokerUnavailableError as error:
        _give_up(str(error))
    with running:
        yield running


@pytest.fixture
def own_broker(broker: Broker) -> Iterator[Broker]:
    """Lend the session's broker to a test that stops it; it runs again afterwards."""
    if not broker.restartable:
        pytest.skip(f"{EXTERNAL} names a broker that is not ours to restart")
    yield broker
    if broker._process is None or broker._process.poll() is not None:
        broker.restart()
