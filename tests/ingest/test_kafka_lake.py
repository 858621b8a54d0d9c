"""The same loop on the real pipeline and lake: what Kafka holds is in the table once, and SQL can show it."""

import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq
import pytest
from broker import Broker
from kafka_harness import Kafka, Run, eventually, options
from lakes import ask, bytes_of, letters, one, record
from otlp_harness import logs

from ingest.kafka import KafkaOptions
from ingest.loop import IngestOptions, Pipeline
from store.lake import Lake

pytestmark = pytest.mark.broker


# --- consumers of a lake, and what it says -------------------------------------------------------------------


def pipeline_of(lake: Lake, **thresholds: Any) -> Pipeline:
    """Return a pipeline as another process would have it: its own handle on the lake, its own memory."""
    return Pipeline(
        Lake.open(lake.path), IngestOptions(**{"flush_rows": 400, "flush_seconds": 0.3, **thresholds})
    )


def consume_to_the_end(lake: Lake, chosen: KafkaOptions, pipeline: Pipeline | None = None) -> Run:
    """Consume until caught up, and demand that the counts close."""
    run = Run(pipeline or pipeline_of(lake), replace(chosen, until_caught_up=True))
    run.wait()
    counts = run.pipeline.counts
    assert counts.records == counts.rows + counts.dead + counts.replayed
    return run


def rows(lake: Lake) -> int:
    """Return how many rows are durable, from the table's log alone."""
    return Lake.open(lake.path).snapshot("events").rows


def places(lake: Lake) -> list[tuple[int, int, int]]:
    """Return partition, offset and index of each row, in order."""
    return ask(lake, "SELECT source_partition, source_offset, sub_index FROM events ORDER BY ALL")


def numbers(first: int, count: int) -> list[bytes]:
    """Return distinct events; the number is the end of their native id."""
    return [record(number) for number in range(first, first + count)]


def check_each_once(lake: Lake, topic: str, wanted: Iterable[int], ends: Sequence[int]) -> None:
    """Demand each event once, each partition without holes, and the table's positions at the ends."""
    ids = ask(lake, "SELECT native_event_id, count(*) FROM events GROUP BY ALL HAVING count(*) > 1")
    assert ids == []
    found = ask(lake, "SELECT CAST(native_event_id[3:] AS BIGINT) FROM events ORDER BY 1")
    assert [number for (number,) in found] == sorted(wanted)
    spans = ask(
        lake,
        "SELECT source_partition, min(source_offset), max(source_offset), count(DISTINCT source_offset), count(*)"
        " FROM events WHERE source_topic = ? GROUP BY ALL ORDER BY ALL",
        topic,
    )
    assert spans == [(p, 0, end - 1, end, end) for p, end in enumerate(ends)]
    assert [lake.position("events", f"{topic}-{p}")[0] for p in range(len(ends))] == [e - 1 for e in ends]
    assert one(lake, "SELECT count(*) FROM dead_letters") == 0


class Feed:
    """A producer in a thread: distinct events, over all partitions, until there are enough."""

    def __init__(self, kafka: Kafka, topic: str, partitions: int, total: int, seconds: float) -> None:
        self.sent = 0
        self.ends = [0] * partitions
        self._pause = seconds * 50 / total
        self._kafka, self._topic, self._total = kafka, topic, total
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self.sent < self._total:
            for _ in range(50):
                partition = self.sent % len(self.ends)
                self._kafka.producer.send(self._topic, record(self.sent), partition=partition)
                self.ends[partition] += 1
                self.sent += 1
            self._kafka.producer.flush(60)
            time.sleep(self._pause)

    @property
    def alive(self) -> bool:
        """Whether more is to come."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait until everything is sent."""
        self._thread.join(60)
        assert not self._thread.is_alive()


def owned(run: Run) -> int:
    """Return how many partitions a consumer reads just now."""
    return len(run.progress[-1].lag) if run.progress else 0


# --- members -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_consumers_that_come_and_go(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """Two, then four, then one consumer share four partitions under load: each event is one row.

    No partition has a hole, and the group's offsets end where the table does.
    """
    topic = kafka.topic(4)
    chosen = options(broker, topic)
    feed = Feed(kafka, topic, 4, 5000, 9.0)
    runs = [Run(pipeline_of(lake), chosen) for _ in range(2)]
    eventually(lambda: all(owned(run) == 2 for run in runs))
    eventually(lambda: rows(lake) > 0)
    runs += [Run(pipeline_of(lake), chosen) for _ in range(2)]
    eventually(lambda: all(owned(run) == 1 for run in runs))
    before = rows(lake)
    eventually(lambda: rows(lake) > before)
    assert feed.alive, "the members did not move under load"
    for run in (runs[0], runs[2], runs[3]):
        run.finish()
    feed.wait()
    eventually(lambda: owned(runs[1]) == 4)
    eventually(lambda: rows(lake) >= feed.sent)
    runs[1].finish()
    check_each_once(lake, topic, range(feed.sent), feed.ends)
    assert [kafka.group_offset(chosen.group, topic, p) for p in range(4)] == feed.ends
    assert sum(run.pipeline.counts.rows for run in runs) == feed.sent
    assert min(run.pipeline.counts.rows for run in runs) > 0


@pytest.mark.slow
def test_a_broker_that_goes_away_and_comes_back(own_broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """A broker killed in the middle of reading costs no event and doubles none; the consumer goes on by itself."""
    topic = kafka.topic(2)
    chosen = options(own_broker, topic)
    for partition in range(2):
        kafka.send(topic, numbers(partition * 300, 300), partition)
    run = Run(pipeline_of(lake, flush_rows=50), chosen)
    eventually(lambda: rows(lake) >= 50)
    own_broker.kill()
    own_broker.restart()
    for partition in range(2):
        kafka.send(topic, numbers(600 + partition * 300, 300), partition)
    eventually(lambda: rows(lake) >= 1200)
    run.finish()
    check_each_once(lake, topic, range(1200), [600, 600])
    assert [kafka.group_offset(chosen.group, topic, p) for p in range(2)] == [600, 600]


# --- what comes twice ----------------------------------------------------------------------------------------


def test_a_message_sent_twice_is_one_row(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """A producer that sends the same value again, at once or after a restart of ours, adds no row.

    The second one counts as replayed, and what came in is what became of it.
    """
    topic = kafka.topic()
    chosen = options(broker, topic)
    sent = numbers(0, 50)
    kafka.send(topic, [*sent, *sent[:20]])
    counts = consume_to_the_end(lake, chosen).pipeline.counts
    assert (counts.records, counts.rows, counts.dead, counts.replayed) == (70, 50, 0, 20)
    kafka.send(topic, [*sent[40:], *numbers(50, 5)])
    counts = consume_to_the_end(lake, chosen).pipeline.counts
    assert (counts.records, counts.rows, counts.dead, counts.replayed) == (15, 5, 0, 10)
    assert (
        one(lake, "SELECT count(*) FROM events")
        == one(lake, "SELECT count(DISTINCT event_id) FROM events")
        == 55
    )
    assert kafka.group_offset(chosen.group, topic) == 85


def test_group_offsets_set_back_or_ahead_change_nothing(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """The table alone says where to go on: offsets reset to 0 bring no row again, offsets ahead skip none."""
    topic = kafka.topic()
    chosen = options(broker, topic)
    kafka.send(topic, numbers(0, 40))
    consume_to_the_end(lake, chosen)
    kafka.set_group_offset(chosen.group, topic, 0)
    counts = consume_to_the_end(lake, chosen).pipeline.counts
    assert (counts.records, rows(lake)) == (0, 40)
    kafka.send(topic, numbers(40, 40))
    kafka.set_group_offset(chosen.group, topic, 70)
    counts = consume_to_the_end(lake, chosen).pipeline.counts
    assert (counts.records, counts.rows) == (40, 40)
    check_each_once(lake, topic, range(80), [80])
    assert kafka.group_offset(chosen.group, topic) == 80


# --- what is in a message ------------------------------------------------------------------------------------

POISON: list[tuple[bytes | None, str, str]] = [
    (None, "framing", "tombstone"),
    (b"", "framing", "empty message"),
    (b" \r\n ", "framing", "empty message"),
    (b"[]", "framing", "empty JSON array"),
    (b'{"event_time":"\xff\xfe"}', "decode", "not UTF-8 at byte 15"),
    (record(1)[:-20], "detect", "JSON"),
    (b'{"colour":"blue"}', "detect", "no format has these top-level keys: colour"),
    (b"what is this", "detect", "not a JSON object"),
    (b"42", "detect", "not a JSON object"),
    (record(2, decision="perhaps"), "validate", "decision: unknown value 'perhaps'"),
    (record(3, tool_name={"a": 1}), "parse", "tool_name"),
    (record(4, event_time="yesterday"), "validate", "event_time: not an RFC 3339 time"),
    (b'{"event_time":' + b"[" * 5000, "detect", "nested"),
]


def test_poison_among_good_messages(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """Every message is a row or a dead letter, and a letter tells phase, reason and topic[partition]@offset.

    Nothing behind poison is held up, and another group buries nothing twice.
    """
    topic = kafka.topic(2)
    chosen = options(broker, topic)
    values: list[bytes | None] = []
    for number, (poison, _, _) in enumerate(POISON):
        values += [record(100 + number), poison]
    kafka.send(topic, values, partition=1)
    counts = consume_to_the_end(lake, chosen).pipeline.counts
    assert (counts.records, counts.rows, counts.dead) == (len(values), len(POISON), len(POISON))
    assert places(lake) == [(1, offset, 0) for offset in range(0, len(values), 2)]
    found = letters(lake)
    assert [letter["place"] for letter in found] == [f"{topic}[1]@{n}" for n in range(1, len(values), 2)]
    assert [letter["raw_bytes"] for letter in found] == [len(poison or b"") for poison, _, _ in POISON]
    for letter, (_, phase, reason) in zip(found, POISON, strict=True):
        assert (letter["phase"], reason in letter["error"]) == (phase, True), letter
    consume_to_the_end(lake, replace(chosen, group=chosen.group + "-again"))
    assert (rows(lake), len(letters(lake))) == (len(POISON), len(POISON))


def test_letters_written_before_a_crash_are_not_written_again(
    broker: Broker, kafka: Kafka, lake: Lake
) -> None:
    """Letters become durable before their rows: a crash between the two doubles and loses neither."""
    topic = kafka.topic()
    chosen = options(broker, topic)
    kafka.send(topic, [record(1), b"poison one", record(2), b"poison two"])
    crash_before_rows(lake, chosen)
    assert (rows(lake), len(letters(lake))) == (0, 2)
    kafka.send(topic, [b"poison three"])
    counts = consume_to_the_end(lake, chosen).pipeline.counts
    assert (counts.records, counts.rows, counts.dead, counts.replayed) == (5, 2, 1, 2)
    assert [letter["source_offset"] for letter in letters(lake)] == [1, 3, 4]


def test_codecs_and_kinds_of_messages_in_one_topic(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """Whatever it was compressed with, a message holds one event, lines or an array.

    Each record is a row at its message's offset, with its index inside.
    """
    topic = kafka.topic()
    wanted: list[tuple[int, int, int]] = []
    number = 0
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        a, b, c, d, e, f = numbers(number, 6)
        pretty = json.dumps(json.loads(f), indent=2).encode()
        messages = [a, b + b"\n" + c + b"\r\n", b"[" + d + b",\n" + e + b"]", pretty]
        kafka.send(topic, messages, codec=codec)
        offset = len({place[1] for place in wanted})
        wanted += [(0, offset + step, sub) for step, sub in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0))]
        number += 6
    consume_to_the_end(lake, options(broker, topic))
    assert places(lake) == wanted
    found = ask(
        lake, "SELECT CAST(native_event_id[3:] AS BIGINT) FROM events ORDER BY source_offset, sub_index"
    )
    assert [n for (n,) in found] == list(range(number))
    assert one(lake, "SELECT count(*) FROM dead_letters") == 0


# --- what Kafka deleted --------------------------------------------------------------------------------------


def test_records_deleted_before_they_were_read_are_one_gap(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """What Kafka deleted too early stands in `gaps` with its exact offsets, once, however often we start again."""
    topic = kafka.topic()
    chosen = options(broker, topic)
    kafka.send(topic, numbers(0, 20))
    consume_to_the_end(lake, chosen)
    kafka.send(topic, numbers(20, 30))
    kafka.delete_before(topic, 35)
    for _ in range(3):
        consume_to_the_end(lake, chosen)
    assert gaps(lake) == [(topic, 0, 20, 34)]
    assert [offset for _, offset, _ in places(lake)] == [*range(20), *range(35, 50)]
    assert lake.position("events", f"{topic}-0")[0] == 49


def test_a_gap_written_before_a_crash_is_not_written_again(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """A crash between the gap and the rows after it doubles no lost offset, even when more was deleted meanwhile."""
    topic = kafka.topic()
    chosen = options(broker, topic)
    kafka.send(topic, numbers(0, 20))
    consume_to_the_end(lake, chosen)
    kafka.send(topic, numbers(20, 30))
    kafka.delete_before(topic, 30)
    crash_before_rows(lake, chosen)
    assert gaps(lake) == [(topic, 0, 20, 29)]
    kafka.delete_before(topic, 40)
    consume_to_the_end(lake, chosen)
    assert gaps(lake) == [(topic, 0, 20, 29), (topic, 0, 30, 39)]
    assert [offset for _, offset, _ in places(lake)] == [*range(20), *range(40, 50)]


def gaps(lake: Lake) -> list[tuple[str, int, int, int]]:
    """Return the rows of `gaps`."""
    return ask(
        lake,
        "SELECT source_topic, source_partition, first_offset, last_offset FROM gaps ORDER BY ALL",
    )


# --- secrets -------------------------------------------------------------------------------------------------

SECRETS = {
    "github": "ghp_" + "a1B2c3D4e5F6" * 3,
    "aws": "AKIA" + "Q7Z3M5N4P6R2T4V6",
    "password": "correct-horse-" + "battery-staple",
    "bearer": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJhbmEifQ." + "s3cr3tS1gnatur3s3cr3tS1gnatur3",
    "session": "raw-session-" + "5d41402abc4b2a76",
    "result": "the patient's " + "diagnosis",
}


def test_secrets_reach_no_file_of_the_lake(broker: Broker, kafka: Kafka, lake: Lake) -> None:
    """A secret in a good message, in poison, or in a value an error would quote is in no byte of the lake.

    Neither in a file as it is nor in what its Parquet holds. Raw session ids and results are not kept at all.
    """
    topic = kafka.topic()
    quoted = {name: SECRETS[name] for name in ("github", "aws", "bearer")}
    good = record(
        1, arguments={"note": "in plain sight", "password": SECRETS["password"], "say": " ".join(quoted.values())},
        session_id=SECRETS["session"], result={"text": SECRETS["result"]},
        error_message=f"refused: Authorization: Bearer {SECRETS['bearer']}",
    )  # fmt: skip
    leaky = record(2, arguments={"token": SECRETS["github"], "password": SECRETS["password"]})
    messages: list[bytes] = [
        good,
        b"[" + record(3, arguments={"x": SECRETS["aws"]}) + b"," + leaky + b"]",
        record(4, user_agent=SECRETS["github"], password=SECRETS["password"]),
        leaky[:-3],
        leaky.replace(b"files", b"\xff\xfe"),
        record(5, tool_name={"password": SECRETS["password"], "k": SECRETS["github"]}),
    ]
    for secret in quoted.values():
        messages += [
            record(6, decision=secret), record(6, event_time=secret), record(6, **{secret: 1}),
            json.dumps({"colour": secret}).encode(), f"a line with {secret} in it".encode(),
            f"[{secret}".encode(), b"x" * 65_520 + b" " + secret.encode(),
        ]  # fmt: skip
    kafka.send(topic, messages)
    counts = consume_to_the_end(lake, options(broker, topic)).pipeline.counts
    assert counts.rows > 3
    assert counts.dead > 10
    kept = bytes_of(lake.path) + b"".join(
        repr(pq.read_table(file, partitioning=None).to_pylist()).encode()
        for file in lake.path.rglob("*.parquet")
    )
    assert b"in plain sight" in kept, "the search finds what is there"
    assert [name for name, secret in SECRETS.items() if secret.encode() in kept] == []


# --- a crash -------------------------------------------------------------------------------------------------


class CrashError(Exception):
    """Stands for the end of the process."""


def crash_before_rows(lake: Lake, chosen: KafkaOptions) -> None:
    """Consume until letters and gaps are durable, and end there, before the rows and positions are."""

    def crash(*_: object) -> int:
        raise CrashError

    pipeline = pipeline_of(lake)
    pipeline._write_rows = crash  # type: ignore[method-assign]
    with pytest.raises(CrashError):
        consume_to_the_end(lake, chosen, pipeline)


@pytest.mark.parametrize("encoding", ["auto", "otlp_proto"])
def test_the_collectors_protobuf_topic(broker: Broker, kafka: Kafka, lake: Lake, encoding: str) -> None:
    """Export requests as the Collector writes them to otlp_logs become their events, each once; poison is told."""
    topic = kafka.topic()
    requests = [logs(20, 20 * number).SerializeToString() for number in range(5)]
    kafka.send(topic, [*requests, requests[0][:-3], requests[1]])
    consume_to_the_end(lake, options(broker, topic, encoding=encoding))
    found = ask(lake, "SELECT tool_name, count(*), count(DISTINCT event_id) FROM events GROUP BY ALL")
    assert found == [("get_customer", 100, 100)]
    assert {letter["source_offset"] for letter in letters(lake)} == {5}
    assert places(lake) == [(0, offset, sub) for offset in range(5) for sub in range(20)]
