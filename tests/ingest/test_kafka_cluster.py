"""Several brokers: leaders and the group's coordinator move to other nodes while a consumer reads."""

import contextlib
from collections.abc import Iterator

import cluster
import pytest
from broker import Broker, BrokerUnavailableError, _give_up
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka_harness import FakeLedger, Run, events, eventually, options

pytestmark = [pytest.mark.slow, pytest.mark.broker]

PARTITIONS = 3
PATIENCE = 90.0


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Broker]]:
    """Return three nodes, running before and after each test."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(cluster.running(tmp_path_factory.mktemp("cluster")))
        except BrokerUnavailableError as error:
            _give_up(str(error))
        yield found


def leader(nodes: list[Broker], topic: str, partition: int) -> int:
    """Return the number of the node that leads a partition."""
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=[n.address for n in nodes])) as admin:
        [described] = admin.describe_topics([topic])
    [found] = [p for p in described["partitions"] if p["partition_index"] == partition]
    return int(found["leader_id"])


def test_every_event_once_while_leaders_change(nodes: list[Broker], ledger: FakeLedger) -> None:
    """Each node is killed in turn, whatever it leads or coordinates: each event arrives once, and none is missed."""
    addresses = tuple(node.address for node in nodes)
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=list(addresses))) as admin:
        admin.create_topics([NewTopic("calls", PARTITIONS, 3)], wait_for_metadata=True)
    producer = KafkaProducer(bootstrap_servers=list(addresses), acks="all", metrics_enabled=False)
    run = Run(
        ledger.pipeline(flush_rows=40, flush_seconds=0.2),
        options(nodes[0], "calls", bootstrap_servers=addresses, session_timeout=10.0),
    )
    sent: list[bytes] = []
    led: set[int] = set()

    def send() -> None:
        for number, value in enumerate(events(300, len(sent))):
            producer.send("calls", value, partition=number % PARTITIONS)
            sent.append(value)
        producer.flush(PATIENCE)

    try:
        send()
        eventually(lambda: len(ledger.rows) >= len(sent), PATIENCE)
        for node_number, node in enumerate(nodes, 1):
            before = {p: leader(nodes, "calls", p) for p in range(PARTITIONS)}
            led |= {p for p, number in before.items() if number == node_number}
            node.kill()
            send()
            eventually(lambda: len(ledger.rows) >= len(sent), PATIENCE)
            node.restart()
        run.finish(PATIENCE)
    finally:
        run.stop.set()
        producer.close(timeout=5)
    assert led, "no node led a partition when it was killed"
    assert ledger.values() == sorted(sent)
    assert ledger.repeated() == []
    assert max(p.lag_total or 0 for p in run.progress[-1:]) == 0


def test_the_first_broker_named_may_be_down(nodes: list[Broker], ledger: FakeLedger) -> None:
    """Any one of the brokers named is enough to begin."""
    addresses = tuple(node.address for node in nodes)
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=list(addresses))) as admin:
        admin.create_topics([NewTopic("first", 1, 3)], wait_for_metadata=True)
    producer = KafkaProducer(bootstrap_servers=list(addresses), acks="all", metrics_enabled=False)
    for value in events(50):
        producer.send("first", value)
    producer.flush(PATIENCE)
    producer.close(timeout=5)
    nodes[0].kill()
    run = Run(
        ledger.pipeline(),
        options(nodes[0], "first", bootstrap_servers=addresses, until_caught_up=True, connect_timeout=60.0),
    )
    run.wait(PATIENCE)
    nodes[0].restart()
    assert ledger.values() == sorted(events(50))
