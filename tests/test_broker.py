"""The broker the other tests stand on."""

import contextlib
import socket

import broker as broker_module
import pytest
from broker import Broker
from kafka_harness import Kafka, events

pytestmark = pytest.mark.broker


@pytest.mark.slow
def test_messages_survive_a_kill(own_broker: Broker, kafka: Kafka) -> None:
    """A killed and restarted broker has the same data on the same port: tests of outages rely on both."""
    topic = kafka.topic()
    kafka.send(topic, events(3))
    address = own_broker.address
    own_broker.kill()
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        pytest.fail("a killed broker still listens")
    own_broker.restart()
    assert own_broker.address == address
    with kafka.admin() as admin:
        assert topic in admin.list_topics()


def test_a_missing_broker_skips_and_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker tests skip; under CI they fail, so that a broken setup cannot look green."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Java here"):
        broker_module._give_up("no Java here")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no Java here"):
        broker_module._give_up("no Java here")


def test_a_free_port_is_not_one_a_client_may_be_given() -> None:
    """Ports are below what the system gives to connections: a connection made meanwhile cannot take one."""
    ports = {broker_module.free_port() for _ in range(50)}
    assert len(ports) == 50, "a port was handed out twice"
    assert ports <= set(broker_module.PORTS)
    with socket.create_server(("127.0.0.1", 0)) as given:
        assert given.getsockname()[1] not in broker_module.PORTS
