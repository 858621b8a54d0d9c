"""The loop against a real broker: everything that is in Kafka arrives once."""

import json
import time

import pytest
from broker import Broker
from kafka import KafkaProducer
from kafka_harness import FakeLedger, Kafka, Run, events, eventually, options, take_in

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(broker: Broker, kafka: Kafka, ledger: FakeLedger, codec: str) -> None:
    """Producers choose the compression: each codec Kafka knows is read without setting anything."""
    topic = kafka.topic()
    sent = events(500, size=200)
    kafka.send(topic, sent, codec=codec)
    take_in(ledger, options(broker, topic))
    assert ledger.values() == sorted(sent)


def test_messages_that_hold_several_records(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """JSON lines and arrays give one row per record, placed by offset and index."""
    topic = kafka.topic()
    kafka.send(topic, [b'{"n":0}', b'{"n":1}\n{"n":2}\n', b'[{"n":3},{"n":4}]', b'{"n":5}'])
    take_in(ledger, options(broker, topic))
    assert ledger.places() == [
        (topic, 0, offset, sub) for offset, sub in [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]
    ]
    assert [json.loads(value)["n"] for _, value in ledger.rows] == [0, 1, 2, 3, 4, 5]


def test_tombstones_and_empty_messages_are_kept_as_dead(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """A message without a record is told with its offset, never skipped in silence."""
    topic = kafka.topic()
    kafka.send(topic, [b'{"n":0}', None, b"", b'{"n":1}'])
    take_in(ledger, options(broker, topic))
    assert [place[2] for place in ledger.places()] == [0, 3]
    assert [(place[2], reason) for place, reason in ledger.dead] == [
        (1, "a tombstone: the message has no value"),
        (2, "an empty message"),
    ]


def test_large_messages(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A message larger than the fetch sizes still comes, and does not stop those after it."""
    topic = kafka.topic(**{"max.message.bytes": "33554432"})
    sent = [b'{"n":0}', b'{"pad":"' + b"x" * (20 << 20) + b'"}', b'{"n":2}']
    kafka.send(topic, sent)
    take_in(ledger, options(broker, topic))
    assert [len(value) for _, value in ledger.rows] == [len(value) for value in sent]


def test_group_offsets_follow_what_is_durable(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """After a flush the group's offsets say how far the lake is, for lag tools."""
    topic = kafka.topic(2)
    kafka.send(topic, events(30), partition=0)
    chosen = options(broker, topic)
    take_in(ledger, chosen)
    assert kafka.group_offset(chosen.group, topic, 0) == 30
    assert kafka.group_offset(chosen.group, topic, 1) is None


@pytest.mark.parametrize("moved_to", [0, 5, 30])
def test_the_table_wins_over_group_offsets(
    broker: Broker, kafka: Kafka, ledger: FakeLedger, moved_to: int
) -> None:
    """Group offsets that were lost, rewound or moved ahead change nothing: the table says where to go on."""
    topic = kafka.topic()
    chosen = options(broker, topic)
    kafka.send(topic, events(20))
    take_in(ledger, chosen)
    kafka.send(topic, events(20, 20))
    kafka.set_group_offset(chosen.group, topic, moved_to)
    take_in(ledger, chosen)
    assert ledger.places() == [(topic, 0, offset, 0) for offset in range(40)]


def test_a_group_offset_ahead_of_an_unseen_partition_is_not_trusted(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """A partition the table has never seen starts at its first message, even when the group claims more."""
    topic = kafka.topic()
    chosen = options(broker, topic)
    kafka.send(topic, events(10))
    kafka.set_group_offset(chosen.group, topic, 8)
    take_in(ledger, chosen)
    assert len(ledger.rows) == 10


def test_start_latest_skips_what_was_there(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """`start=latest` is for people who want no history; it counts only for partitions never seen."""
    topic = kafka.topic()
    kafka.send(topic, events(10))
    run = Run(ledger.pipeline(), options(broker, topic, start="latest"))
    eventually(lambda: run.progress and run.progress[-1].lag.get(f"{topic}[0]") == 0)
    kafka.send(topic, events(5, 10))
    eventually(lambda: len(ledger.rows) == 5)
    run.finish()
    kafka.send(topic, events(5, 15))
    take_in(ledger, options(broker, topic, start="latest"))
    assert [place[2] for place in ledger.places()] == list(range(10, 20))


def test_transactions(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """Aborted messages are no events; markers leave holes in the offsets, and do not hold the end off."""
    topic = kafka.topic()
    producer = KafkaProducer(bootstrap_servers=broker.address, transactional_id=topic, metrics_enabled=False)
    try:
        producer.init_transactions()
        for number, abort in enumerate([False, True, False]):
            producer.begin_transaction()
            for value in events(5, number * 5):
                producer.send(topic, value)
            producer.flush()
            producer.abort_transaction() if abort else producer.commit_transaction()
    finally:
        producer.close()
    chosen = options(broker, topic)
    run = take_in(ledger, chosen)
    assert ledger.values() == sorted(events(5) + events(5, 10))
    assert run.progress[-1].lag_total == 0
    assert kafka.group_offset(chosen.group, topic) == 18  # 15 messages, 3 markers


def test_progress_tells_where_it_stands(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """Lag, counts, the lake's version and the age of its last commit are there for people and for metrics."""
    topic = kafka.topic(2)
    kafka.send(topic, events(2000), partition=1)
    run = Run(ledger.pipeline(), options(broker, topic))
    eventually(lambda: run.progress and run.progress[-1].counts.rows == 2000)
    kafka.send(topic, events(10), partition=0)
    eventually(lambda: run.progress[-1].counts.rows == 2010)
    run.finish()
    last = run.progress[-1]
    assert last.lag == {f"{topic}[0]": 0, f"{topic}[1]": 0}
    assert last.lag_total == 0
    assert last.version == ledger.version
    assert last.commit_age is not None
    assert last.commit_age < 30
    assert last.counts.records == last.counts.rows == 2010
    assert (last.gaps, last.paused, last.trouble, last.fenced) == ((), False, None, 0)
    assert max(progress.events_per_second for progress in run.progress) > 0


def test_a_stop_drains(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """SIGTERM makes durable what is buffered and leaves the group: the next consumer starts at once."""
    topic = kafka.topic()
    kafka.send(topic, events(50))
    chosen = options(broker, topic, session_timeout=30.0)
    run = Run(ledger.pipeline(flush_rows=10**9, flush_seconds=10**9), chosen)
    eventually(lambda: run.progress and run.progress[-1].lag.get(f"{topic}[0]") == 0)
    assert ledger.rows == []
    run.finish()
    assert len(ledger.rows) == 50
    assert kafka.group_offset(chosen.group, topic) == 50
    kafka.send(topic, events(50, 50))
    began = time.monotonic()
    take_in(ledger, chosen)
    assert time.monotonic() - began < 10
    assert ledger.places() == [(topic, 0, offset, 0) for offset in range(100)]


def test_several_topics(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """One loop reads several topics, each record under its own."""
    topics = [kafka.topic(), kafka.topic(2)]
    for topic in topics:
        kafka.send(topic, events(10))
    take_in(ledger, options(broker, *topics))
    assert sorted(ledger.places()) == sorted(
        (topic, 0, offset, 0) for topic in topics for offset in range(10)
    )
