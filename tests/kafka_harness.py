"""What the Kafka tests stand on: topics with messages, consumers in threads, and a ledger of what arrived.

The ledger is the one place that knows what the records end up in. `FakeLedger` keeps the table in memory and
holds to the pipeline's contract: rows and positions move together, and a writer that is behind is fenced.
"""

# ruff: noqa: D101, D102  # the contract these stand-ins keep is documented where it is defined

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from broker import Broker
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NoError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata, TopicPartition

from ingest.delivery import Batch, Stream
from ingest.kafka import KafkaOptions, Progress, consume
from store.errors import FencedError

PATIENCE = 30.0
Place = tuple[str, int, int, int]  # topic, partition, offset, sub


# --- the table and the pipeline, in memory ------------------------------------------------------------------


@dataclass(frozen=True)
class FakeCounts:
    records: int = 0
    rows: int = 0
    dead: int = 0
    replayed: int = 0


@dataclass(frozen=True)
class FakeFlushed:
    version: int
    positions: dict[Stream, int]
    counts: FakeCounts
    seconds: float


class FakePipeline:
    """A buffer in front of the ledger. `flush_rows` and `full_rows` are its two thresholds."""

    def __init__(self, ledger: FakeLedger, flush_rows: int, full_rows: int, flush_seconds: float) -> None:
        self.counts = FakeCounts()
        self.flushes = 0
        self._ledger = ledger
        self._flush_rows = flush_rows
        self._full_rows = full_rows
        self._flush_seconds = flush_seconds
        self._base: dict[Stream, int | None] = {}
        self._buffer: dict[Stream, list[Batch]] = {}
        self._gaps: list[tuple[Stream, int, int]] = []
        self._rows = 0
        self._flushed = time.monotonic()

    def resume(self, stream: Stream) -> int | None:
        self._base[stream] = self._ledger.position(stream)
        return self._base[stream]

    def add(self, batch: Batch) -> None:
        self._buffer.setdefault(batch.stream, []).append(batch)
        self._rows += len(batch.records) + len(batch.unreadable)

    def should_flush(self) -> bool:
        old = time.monotonic() - self._flushed >= self._flush_seconds
        return self._rows >= self._flush_rows or (old and bool(self._rows or self._gaps))

    def is_full(self) -> bool:
        return self._rows >= self._full_rows

    def flush(self) -> FakeFlushed:
        self.flushes += 1
        began = time.monotonic()
        version, counts = self._ledger.commit(self._base, self._buffer, self._gaps)
        positions = {stream: batches[-1].next for stream, batches in self._buffer.items()}
        self._base.update(positions)
        self.drop(list(self._buffer))
        self._gaps = []
        self._flushed = time.monotonic()
        self.counts = FakeCounts(
            self.counts.records + counts.records,
            self.counts.rows + counts.rows,
            self.counts.dead + counts.dead,
            self.counts.replayed + counts.replayed,
        )
        return FakeFlushed(version, positions, counts, self._flushed - began)

    def drop(self, streams: Iterable[Stream]) -> None:
        for stream in streams:
            for batch in self._buffer.pop(stream, []):
                self._rows -= len(batch.records) + len(batch.unreadable)

    def record_gap(self, stream: Stream, first: int, last: int) -> None:
        self._gaps.append((stream, first, last))


@dataclass
class FakeLedger:
    """The table: what is durable, shared by every pipeline of a test."""

    rows: list[tuple[Place, bytes]] = field(default_factory=list)
    dead: list[tuple[Place, str]] = field(default_factory=list)
    gaps: list[tuple[str, int, int]] = field(default_factory=list)
    version: int = 0
    before_commit: Callable[[], None] = lambda: None
    """Runs at the start of each flush, outside the table's lock: tests slow it down or make it fail here."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, int] = {}

    def pipeline(
        self, *, flush_rows: int = 100, full_rows: int = 100_000, flush_seconds: float = 0.3
    ) -> FakePipeline:
        return FakePipeline(self, flush_rows, full_rows, flush_seconds)

    def position(self, stream: Stream) -> int | None:
        with self._lock:
            return self._next.get(stream.transaction)

    def values(self) -> list[bytes]:
        """Every record taken in, sorted."""
        with self._lock:
            return sorted(value for _, value in self.rows)

    def places(self) -> list[Place]:
        with self._lock:
            return [place for place, _ in self.rows]

    def repeated(self) -> list[Place]:
        """Places that are in the table more than once: always empty, or something is badly wrong."""
        return [place for place, count in Counter(self.places()).items() if count > 1]

    def commit(
        self,
        base: dict[Stream, int | None],
        buffer: dict[Stream, list[Batch]],
        gaps: Sequence[tuple[Stream, int, int]],
    ) -> tuple[int, FakeCounts]:
        self.before_commit()
        with self._lock:
            for stream in buffer:
                if self._next.get(stream.transaction) != base.get(stream):
                    raise FencedError("another writer moved this stream", where=stream.transaction)
            rows, dead = len(self.rows), len(self.dead)
            for stream, batches in buffer.items():
                for batch in batches:
                    self._keep(stream, batch)
                self._next[stream.transaction] = batches[-1].next
            self.gaps += [(stream.label, first, last) for stream, first, last in gaps]
            self.version += 1
            rows, dead = len(self.rows) - rows, len(self.dead) - dead
            return self.version, FakeCounts(rows + dead, rows, dead, 0)

    def _keep(self, stream: Stream, batch: Batch) -> None:
        subs = batch.subs or [0] * len(batch.records)
        for value, position, sub in zip(batch.records, batch.positions, subs, strict=True):
            assert b"\n" not in value
            self.rows.append(((stream.topic, stream.partition, position, sub), value))
        for piece in batch.unreadable:
            self.dead.append(((stream.topic, stream.partition, piece.position, 0), piece.reason))


@pytest.fixture
def ledger() -> FakeLedger:
    """Give an empty table, and with it the pipelines that write to it."""
    return FakeLedger()


# --- Kafka --------------------------------------------------------------------------------------------------


def _once_coordinated(ask: Callable[[], Any]) -> Any:
    """Ask about a group until its coordinator is there: a broker makes it only when the first group comes."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


class Kafka:
    """A broker as tests use it: topics of their own, messages, and what a group has committed."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._producer: KafkaProducer | None = None

    @property
    def producer(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self.broker.address, linger_ms=5, max_request_size=32 << 20,
                max_block_ms=60_000, metrics_enabled=False,
            )  # fmt: skip
        return self._producer

    @contextlib.contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        client = KafkaAdminClient(bootstrap_servers=self.broker.address)
        try:
            yield client
        finally:
            client.close()

    def topic(self, partitions: int = 1, **settings: str) -> str:
        """Make a topic nobody else uses."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        with self.admin() as admin:
            admin.create_topics(
                [NewTopic(name, partitions, 1, topic_configs=settings)], wait_for_metadata=True
            )
        return name

    def send(
        self, topic: str, values: Iterable[bytes | None], partition: int = 0, codec: str | None = None
    ) -> None:
        """Append messages and wait until the broker has them."""
        if codec is None:
            for value in values:
                self.producer.send(topic, value, key=b"k", partition=partition)
            self.producer.flush(60)
            return
        settings = {"compression_type": None if codec == "none" else codec, "linger_ms": 50}
        other = KafkaProducer(bootstrap_servers=self.broker.address, metrics_enabled=False, **settings)
        try:
            for value in values:
                other.send(topic, value, partition=partition)
            other.flush(60)
        finally:
            other.close()

    def delete_before(self, topic: str, offset: int, partition: int = 0) -> None:
        with self.admin() as admin:
            admin.delete_records({TopicPartition(topic, partition): offset})

    def set_group_offset(self, group: str, topic: str, offset: int, partition: int = 0) -> None:
        wanted = {TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)}

        def alter() -> None:
            for outcome in admin.alter_group_offsets(group, wanted).values():
                if outcome is not NoError:
                    raise outcome

        with self.admin() as admin:
            _once_coordinated(alter)

    def group_offset(self, group: str, topic: str, partition: int = 0) -> int | None:
        with self.admin() as admin:
            found = _once_coordinated(lambda: admin.list_group_offsets([group]))
        known = found.get(group, found)
        entry = known.get(TopicPartition(topic, partition))
        return None if entry is None else int(entry.offset)

    def close(self) -> None:
        if self._producer is not None:
            with contextlib.suppress(KafkaError):
                self._producer.close(timeout=5)


@pytest.fixture
def kafka(broker: Broker) -> Iterator[Kafka]:
    """Give the broker with helpers."""
    helpers = Kafka(broker)
    yield helpers
    helpers.close()


def messages(broker: Broker, topic: str) -> list[tuple[bytes, bytes]]:
    """Return every message of a topic."""
    found = []
    with contextlib.closing(
        KafkaConsumer(bootstrap_servers=broker.address, metrics_enabled=False)
    ) as consumer:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(p) < ends[p] for p in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                found += [(r.key, r.value) for r in records]
    return found


# --- consumers ----------------------------------------------------------------------------------------------


@dataclass
class Run:
    """A `consume` in a thread."""

    pipeline: Any
    options: KafkaOptions
    progress: list[Progress] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._consume, daemon=True)
        self._thread.start()

    def _consume(self) -> None:
        try:
            consume(
                self.pipeline,
                self.options,
                stop=self.stop,
                on_progress=self.progress.append,
                say=self.said.append,
            )
        except BaseException as error:  # noqa: BLE001  # raised again in the test's thread
            self.error = error

    def finish(self, seconds: float = PATIENCE) -> None:
        """Ask it to stop, as SIGTERM does, and wait; raise what it raised."""
        self.stop.set()
        self.wait(seconds)

    def wait(self, seconds: float = PATIENCE) -> None:
        """Wait for it to end by itself; raise what it raised."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"consume() did not return within {seconds} s: {self.said}"
        if self.error is not None:
            raise self.error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()


def options(broker: Broker, *topics: str, group: str = "", **changes: Any) -> KafkaOptions:
    """Options for tests: quick to notice, quick to give up."""
    chosen = KafkaOptions(
        topics=topics, bootstrap_servers=(broker.address,), group=group or f"g-{uuid.uuid4().hex[:12]}",
        connect_timeout=20.0, session_timeout=6.0, progress_interval=0.1,
    )  # fmt: skip
    return replace(chosen, **changes)


def take_in(ledger: FakeLedger, chosen: KafkaOptions, **thresholds: Any) -> Run:
    """Consume until caught up, in this thread's time."""
    run = Run(ledger.pipeline(**thresholds), replace(chosen, until_caught_up=True))
    run.wait()
    return run


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for a condition, and fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def events(count: int, start: int = 0, size: int = 0) -> list[bytes]:
    """Make distinct one-object messages."""
    return [b'{"n":%d,"pad":"%s"}' % (n, b"x" * size) for n in range(start, start + count)]
