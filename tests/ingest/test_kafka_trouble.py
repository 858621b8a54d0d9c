"""The loop when things go wrong: brokers away, data deleted, members moving, a lake that cannot write."""

import random
import threading
import time
from dataclasses import replace

import pytest
from broker import Broker, free_port
from kafka_harness import FakeLedger, Kafka, Run, events, eventually, options, take_in

from ingest.delivery import Batch
from ingest.kafka import KafkaOptions, consume
from store.errors import DurabilityError, FencedError, UnreachableError, UsageError

pytestmark = pytest.mark.broker


# --- at the start -------------------------------------------------------------------------------------------


def test_no_broker_is_an_error_with_a_hint(ledger: FakeLedger) -> None:
    """A wrong address is told within the time allowed, naming the address and the setting to look at."""
    address = f"127.0.0.1:{free_port()}"
    chosen = KafkaOptions(topics=("t",), bootstrap_servers=(address,), connect_timeout=2.0)
    began = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        consume(ledger.pipeline(), chosen, stop=threading.Event())
    assert time.monotonic() - began < 10
    assert address in str(caught.value)
    assert caught.value.hint is not None
    assert "--bootstrap-servers" in caught.value.hint


def test_an_unknown_topic_is_an_error_with_the_nearest_name(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """A misspelt topic is neither created nor waited for; the message names the topic that was meant."""
    topic = kafka.topic()
    with pytest.raises(UnreachableError, match="does not exist") as caught:
        consume(ledger.pipeline(), options(broker, topic + "x"), stop=threading.Event())
    assert caught.value.hint == f"did you mean {topic}?"
    with kafka.admin() as admin:
        assert topic + "x" not in admin.list_topics()


@pytest.mark.parametrize(
    ("client", "message"),
    [
        ({"sasl_mechanim": "PLAIN"}, "did you mean sasl_mechanism"),
        ({"enable_auto_commit": True}, "not free to choose"),
        ({"auto_offset_reset": "latest"}, "not free to choose"),
        ({"fetch_max_wait_ms": 10**9}, "do not fit together"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    ledger: FakeLedger, client: dict[str, object], message: str
) -> None:
    """A misspelt setting, and one that would lose events, stop the command before it connects."""
    chosen = KafkaOptions(topics=("t",), client=client)
    with pytest.raises(UsageError, match=message):
        consume(ledger.pipeline(), chosen, stop=threading.Event())


@pytest.mark.parametrize("name", ["session_timeout", "max_poll_interval"])
@pytest.mark.parametrize("seconds", [0.001, 1e10])
def test_durations_kafka_cannot_hold_are_refused(ledger: FakeLedger, name: str, seconds: float) -> None:
    """A duration that does not fit the protocol is told before anything is connected, and never waited for."""
    chosen = replace(KafkaOptions(topics=("t",)), **{name: seconds})
    with pytest.raises(UsageError, match=f"{name} must be between"):
        consume(ledger.pipeline(), chosen, stop=threading.Event())


def test_a_session_timeout_the_broker_refuses_names_its_setting(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """Brokers bound the session timeout: the refusal says which setting to change."""
    chosen = options(broker, kafka.topic(), session_timeout=7200.0)
    with pytest.raises(UnreachableError) as caught:
        consume(ledger.pipeline(), chosen, stop=threading.Event())
    assert "--session-timeout" in (caught.value.hint or "")


@pytest.mark.slow
def test_a_wrong_password_is_an_error_that_names_the_settings(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """Refused credentials are told as such, not as an unreachable broker; right ones read."""
    if broker.secured is None:
        pytest.skip("the external broker has no SASL listener we know")
    topic = kafka.topic()
    kafka.send(topic, events(5))
    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "alice"}
    chosen = options(broker, topic, bootstrap_servers=(broker.secured.sasl,), connect_timeout=3.0)
    with pytest.raises(UnreachableError) as caught:
        consume(
            ledger.pipeline(),
            options(broker, topic, bootstrap_servers=(broker.secured.sasl,), connect_timeout=3.0,
                    client={**login, "sasl_plain_password": "wrong"}),
            stop=threading.Event(),
        )  # fmt: skip
    assert "kafka.sasl_password" in (caught.value.hint or "")
    right = options(
        broker,
        topic,
        bootstrap_servers=chosen.bootstrap_servers,
        client={**login, "sasl_plain_password": "secret"},
    )
    take_in(ledger, right)
    assert len(ledger.rows) == 5


# --- the broker ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_broker_outage_is_told_and_waited_out(own_broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A killed broker stops nothing for good: people are told after ten seconds, and all arrives later."""
    topic = kafka.topic(2)
    for partition in range(2):
        kafka.send(topic, events(300, partition * 300), partition=partition)
    run = Run(ledger.pipeline(), options(own_broker, topic))
    eventually(lambda: len(ledger.rows) >= 100)
    own_broker.kill()
    eventually(lambda: any("no answer from Kafka" in line for line in run.said))
    assert run.progress[-1].trouble is not None
    assert run.alive
    own_broker.restart()
    for partition in range(2):
        kafka.send(topic, events(300, 600 + partition * 300), partition=partition)
    eventually(lambda: len(ledger.rows) >= 1200)
    eventually(lambda: run.progress[-1].trouble is None)
    run.finish()
    assert any("answers again" in line for line in run.said)
    assert ledger.values() == sorted(events(1200))
    assert ledger.repeated() == []


@pytest.mark.slow
def test_an_outage_does_not_hold_up_a_stop(own_broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """SIGTERM while the broker is away makes durable what is buffered and ends in time."""
    topic = kafka.topic()
    kafka.send(topic, events(50))
    run = Run(ledger.pipeline(flush_rows=10**9, flush_seconds=10**9), options(own_broker, topic))
    eventually(lambda: run.progress and run.progress[-1].lag.get(f"{topic}[0]") == 0)
    own_broker.kill()
    began = time.monotonic()
    run.finish()
    assert time.monotonic() - began < 20
    assert len(ledger.rows) == 50


# --- what Kafka deleted -------------------------------------------------------------------------------------


def test_retention_past_our_position_is_a_gap(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """What Kafka deleted before it was read is recorded with its exact offsets; reading goes on after it."""
    topic = kafka.topic()
    kafka.send(topic, events(20))
    take_in(ledger, options(broker, topic))
    kafka.send(topic, events(30, 20))
    kafka.delete_before(topic, 35)
    run = take_in(ledger, options(broker, topic))
    assert ledger.gaps == [(f"{topic}[0]", 20, 34)]
    assert [place[2] for place in ledger.places()] == [*range(20), *range(35, 50)]
    assert [(gap.first, gap.last) for gap in run.progress[-1].gaps] == [(20, 34)]
    assert any(line.startswith("LOST") for line in run.said)


def test_history_deleted_before_our_time_is_no_gap(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A partition never seen starts at its first message that is left: nothing of ours was lost."""
    topic = kafka.topic()
    kafka.send(topic, events(20))
    kafka.delete_before(topic, 5)
    take_in(ledger, options(broker, topic))
    assert ledger.gaps == []
    assert [place[2] for place in ledger.places()] == list(range(5, 20))


def test_a_topic_made_anew_stops_loudly(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A log that ends before our position is another log: reading it would drop new events as known ones."""
    topic = kafka.topic()
    kafka.send(topic, events(20))
    take_in(ledger, options(broker, topic))
    short = kafka.topic()
    kafka.send(short, events(5))
    ledger._next[f"{short}-0"] = 20
    with pytest.raises(UnreachableError, match="made anew"):
        take_in(ledger, options(broker, short))


# --- members ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_members_join_and_leave(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """Partitions move between up to four consumers while messages flow: each arrives once."""
    topic = kafka.topic(6)
    chosen = options(broker, topic)
    sent = events(6000)
    feeding = threading.Thread(target=_feed, args=(kafka, topic, sent))
    feeding.start()
    runs = [Run(ledger.pipeline(flush_rows=50), chosen)]
    for step in ("join", "join", "leave", "join", "join", "leave"):
        time.sleep(0.7)
        if step == "join":
            runs.append(Run(ledger.pipeline(flush_rows=50), chosen))
        else:
            next(run for run in runs if run.alive).finish()
    feeding.join()
    eventually(lambda: len(ledger.rows) >= len(sent))
    for run in runs:
        run.finish()
    assert ledger.values() == sorted(sent)
    assert ledger.repeated() == []
    assert sum(run.pipeline.counts.rows > 0 for run in runs) >= 3


def _feed(kafka: Kafka, topic: str, sent: list[bytes]) -> None:
    for start in range(0, len(sent), 200):
        for number, value in enumerate(sent[start : start + 200]):
            kafka.producer.send(topic, value, partition=number % 6)
        kafka.producer.flush(30)
        time.sleep(0.12)


@pytest.mark.slow
def test_a_partition_that_moves_is_flushed_first(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """Cooperative rebalance: a member flushes what it gives up and keeps the rest, read once."""
    topic = kafka.topic(2)
    for partition in range(2):
        kafka.send(topic, events(50, partition * 50), partition=partition)
    chosen = options(broker, topic)
    first = Run(ledger.pipeline(flush_rows=10**9, flush_seconds=10**9), chosen)
    eventually(
        lambda: first.progress and first.progress[-1].lag_total == 0 and len(first.progress[-1].lag) == 2
    )
    assert ledger.rows == []
    second = Run(ledger.pipeline(), chosen)
    eventually(lambda: len(ledger.rows) == 100)
    eventually(lambda: second.progress and len(second.progress[-1].lag) == 1)
    first.finish()
    second.finish()
    assert second.pipeline.counts.rows == 0
    assert ledger.repeated() == []
    assert (first.progress[-1].fenced, second.progress[-1].fenced) == (0, 0)


def test_two_groups_on_one_lake_fence_each_other(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """Two writers of one stream never double a row: the one that is behind drops its buffer and reads on."""
    topic = kafka.topic()
    kafka.send(topic, events(1000))
    runs = [Run(ledger.pipeline(flush_rows=37), options(broker, topic)) for _ in range(2)]
    for start in range(1000, 3000, 500):
        kafka.send(topic, events(500, start))
        time.sleep(0.2)
    eventually(lambda: len(ledger.rows) >= 3000)
    for run in runs:
        run.finish()
    assert ledger.values() == sorted(events(3000))
    assert ledger.repeated() == []
    assert sum(run.progress[-1].fenced for run in runs) > 0
    assert any("another writer" in line for run in runs for line in run.said)


@pytest.mark.slow
def test_a_member_that_was_thrown_out_drops_and_reads_on(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """A consumer that did not poll in time loses its partitions: its buffer is dropped, not written late."""
    topic = kafka.topic()
    kafka.send(topic, events(100))
    pipeline = ledger.pipeline(flush_rows=10**9, flush_seconds=10**9)
    add = pipeline.add
    seen = []

    def slowly(batch: Batch) -> None:
        add(batch)
        seen.extend(batch.positions)
        if not ledger.rows:
            time.sleep(2.5)

    pipeline.add = slowly  # type: ignore[method-assign]
    run = Run(pipeline, options(broker, topic, max_poll_interval=1.0, session_timeout=2.0))
    eventually(lambda: run.progress)
    take_in(ledger, run.options)
    kafka.send(topic, events(100, 100))
    eventually(lambda: seen[-1] == 199)
    run.finish()
    assert ledger.values() == sorted(events(200))
    assert ledger.repeated() == []


# --- the lake -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_pipeline_pauses_and_keeps_its_membership(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """A flush longer than the poll interval pauses reading; the partitions stay, nothing is read twice."""
    topic = kafka.topic(2)
    kafka.send(topic, events(500))
    run = Run(
        ledger.pipeline(flush_rows=10**9, full_rows=100, flush_seconds=10**9),
        options(broker, topic, max_poll_interval=3.0, session_timeout=2.0),
    )
    ledger.before_commit = lambda: time.sleep(4.5)
    eventually(lambda: any(progress.paused for progress in run.progress))
    eventually(lambda: ledger.version >= 1)
    ledger.before_commit = lambda: None
    eventually(lambda: len(ledger.rows) >= 400)
    run.finish()
    assert ledger.values() == sorted(events(500))
    assert run.progress[-1].fenced == 0
    assert ledger.repeated() == []


@pytest.mark.slow
def test_a_rebalance_waits_for_a_flush(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A member that joins during a long flush gets its partition after it, and both read on."""
    topic = kafka.topic(2)
    for partition in range(2):
        kafka.send(topic, events(100, partition * 100), partition=partition)
    chosen = options(broker, topic)
    ledger.before_commit = lambda: time.sleep(3.0)
    first = Run(ledger.pipeline(flush_rows=10), chosen)
    eventually(lambda: any(progress.paused for progress in first.progress))
    second = Run(ledger.pipeline(), chosen)
    eventually(lambda: second.progress and len(second.progress[-1].lag) == 1)
    ledger.before_commit = lambda: None
    for partition in range(2):
        kafka.send(topic, events(100, 200 + partition * 100), partition=partition)
    eventually(lambda: len(ledger.rows) >= 400)
    first.finish()
    second.finish()
    assert ledger.values() == sorted(events(400))
    assert ledger.repeated() == []


@pytest.mark.slow
def test_a_lake_that_cannot_write_is_waited_for(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A full disk pauses reading and is told; with room again everything arrives, once and in order."""
    topic = kafka.topic()
    kafka.send(topic, events(300))
    failures = iter([UnreachableError("no space left on device")] * 2)

    def full_disk() -> None:
        for failure in failures:
            raise failure

    ledger.before_commit = full_disk
    run = Run(ledger.pipeline(), options(broker, topic))
    eventually(lambda: any(progress.trouble and progress.paused for progress in run.progress))
    eventually(lambda: len(ledger.rows) >= 300)
    run.finish()
    assert ledger.places() == [(topic, 0, offset, 0) for offset in range(300)]
    assert any("no space left" in line for line in run.said)


def test_a_lake_in_trouble_at_the_end_is_an_error(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """A stop while the lake cannot be written raises: the exit code must not say that all is well."""
    topic = kafka.topic()
    kafka.send(topic, events(10))

    def full_disk() -> None:
        raise UnreachableError("no space left on device")

    ledger.before_commit = full_disk
    chosen = options(broker, topic)
    run = Run(ledger.pipeline(flush_seconds=10**9), chosen)
    eventually(lambda: run.progress and run.progress[-1].lag.get(f"{topic}[0]") == 0)
    with pytest.raises(UnreachableError, match="no space left"):
        run.finish()
    assert kafka.group_offset(chosen.group, topic) is None


def test_a_failed_fsync_ends_the_process(broker: Broker, kafka: Kafka, ledger: FakeLedger) -> None:
    """After a failed fsync nothing may be tried again: the error comes out, and no offset is committed."""
    topic = kafka.topic()
    kafka.send(topic, events(10))

    def broken_disk() -> None:
        raise DurabilityError("fsync failed")

    ledger.before_commit = broken_disk
    chosen = options(broker, topic)
    run = Run(ledger.pipeline(), chosen)
    with pytest.raises(DurabilityError):
        run.wait()
    assert kafka.group_offset(chosen.group, topic) is None


@pytest.mark.slow
def test_a_failed_fsync_during_a_rebalance_ends_the_process(
    broker: Broker, kafka: Kafka, ledger: FakeLedger
) -> None:
    """An error inside a rebalance is not lost in the client's log: it ends the loop like any other."""
    topic = kafka.topic(2)
    for partition in range(2):
        kafka.send(topic, events(10), partition=partition)

    def broken_disk() -> None:
        raise DurabilityError("fsync failed")

    chosen = options(broker, topic)
    first = Run(ledger.pipeline(flush_rows=10**9, flush_seconds=10**9), chosen)
    eventually(
        lambda: first.progress and len(first.progress[-1].lag) == 2 and first.progress[-1].lag_total == 0
    )
    ledger.before_commit = broken_disk
    second = Run(ledger.pipeline(), chosen)
    with pytest.raises(DurabilityError):
        first.wait()
    ledger.before_commit = lambda: None
    eventually(lambda: len(ledger.rows) == 20)
    second.finish()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_random_trouble(broker: Broker, kafka: Kafka, ledger: FakeLedger, seed: int) -> None:
    """Fences, write failures and short stops at random moments: in the end every record is there once."""
    chance = random.Random(seed)  # noqa: S311  # a seed a failure can be repeated with
    topic = kafka.topic(3)
    for partition in range(3):
        kafka.send(topic, events(1000, partition * 1000), partition=partition)

    def trouble() -> None:
        dice = chance.random()
        if dice < 0.1:
            raise UnreachableError("a passing failure")
        if dice < 0.25:
            raise FencedError("a passing fence", where=f"{topic}-{chance.randrange(3)}")
        time.sleep(chance.random() * 0.05)

    ledger.before_commit = trouble
    chosen = options(broker, topic)
    for _ in range(4):
        run = Run(ledger.pipeline(flush_rows=chance.choice([40, 150, 400]), flush_seconds=0.05), chosen)
        time.sleep(chance.random() * 2)
        try:
            run.finish()
        except UnreachableError:
            continue
    ledger.before_commit = lambda: None
    take_in(ledger, chosen)
    assert ledger.values() == sorted(events(3000))
    assert ledger.repeated() == []
