"""Kafka as a source: poll, frame, add, maybe flush, and only then tell the group how far we are.

The lake's table says where each partition goes on; offsets of the consumer group are a hint for lag tools
and are never read. Rebalances are cooperative: a partition that moves is flushed before its next owner may
have it, and if that fails the table fences whoever comes late. Everything that waits for the lake runs in a
thread of its own while this one keeps polling, so a slow disk pauses reading and costs no membership.
"""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.errors import (
    CorruptRecordError,
    FencedInstanceIdError,
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    RetriableError,
)
from kafka.future import Future as KafkaFuture
from kafka.structs import MemberState, TopicPartition

from ingest.kafka_client import POLL_BYTES, KafkaOptions, connect, last_words, unreachable
from ingest.kafka_messages import frame
from ingest.kafka_partitions import ANSWER_MS, Counts, Partitions, Pipeline
from ingest.kafka_progress import Gap, Progress, Watch
from store.errors import FencedError, IntegrityError, UnreachableError

__all__ = ["Gap", "KafkaOptions", "Progress", "consume"]

_POLL_MS = 200
_FIRST_RECORDS = 100
_PATIENCE = 2.0
"""A flush that takes more seconds than this is waited for while polling with every partition paused."""

_RETRY_SECONDS = 30.0
_CLOSE_MS = 5000
_MAX_FENCES = 100

_CORRUPT = "the broker's copy or the network is at fault; nothing before it is lost"
_TRUNCATED = "an unclean leader election: offsets may be in use twice, compare with the producers"
_TWINS = "give each process an instance id of its own"

Polled = tuple[TopicPartition, Sequence[Any], int]


def consume(
    pipeline: Pipeline,
    options: KafkaOptions,
    *,
    stop: threading.Event,
    on_progress: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Counts:
    """Take topics into the pipeline until `stop` is set, then flush, commit and leave the group.

    Outages of Kafka and of the lake are waited out, and told to `say` (stderr). Raises UnreachableError when
    Kafka cannot be used at the start, when access is refused, or when the lake is in trouble at the end.
    Whatever is raised, what the table holds is whole: starting again reads on from there.
    """
    consumer = connect(options)
    with last_words() as words:
        loop = _Loop(
            pipeline,
            options,
            consumer,
            stop=stop,
            on_progress=on_progress,
            say=say or _to_stderr,
            words=words,
        )
        try:
            consumer.subscribe(list(options.topics), listener=_Listener(loop))
            loop.run()
        finally:
            loop.leave()
    return pipeline.counts


def _to_stderr(message: str) -> None:
    sys.stderr.write(f"kafka: {message}\n")


class _Loop:
    def __init__(
        self,
        pipeline: Pipeline,
        options: KafkaOptions,
        consumer: KafkaConsumer,
        *,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] | None,
        say: Callable[[str], None],
        words: list[str],
    ) -> None:
        self.consumer = consumer
        self.lake_thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-lake")
        self.failure: BaseException | None = None  # from a rebalance; raised by the loop as soon as it can
        self._pipeline = pipeline
        self._options = options
        self._stop = stop
        self._on_progress = on_progress
        self._say = say
        self._partitions = Partitions(pipeline, consumer, options.start, say)
        self._watch = Watch(consumer, options.topics, words, say)
        self._dirty = False  # something was added that no flush has covered
        self._holding = False
        self._leaving = False
        self._lake_trouble: UnreachableError | None = None
        self._retry_after = 1.0
        self._deferred: KafkaError | None = None
        self._want = _FIRST_RECORDS
        self._goals: dict[TopicPartition, int] = {}
        self._version: int | None = None
        self._committed: float | None = None
        self._began = self._reported = time.monotonic()
        self._events = self._events_reported = 0

    # --- the loop ---

    def run(self) -> None:
        """Poll, add, maybe flush, until told to stop; then drain."""
        while not self._stop.is_set():
            if self._lake_trouble is not None:
                self._apart(self._relearn)
                continue
            polled = self._poll()
            if self._lake_trouble is None:
                for tp, records, following in polled:
                    self._take(tp, records, following)
            if self._dirty and (self._pipeline.is_full() or self._pipeline.should_flush()):
                self._apart(self._flush)
            self._report()
            if self._options.until_caught_up and not polled and self._caught_up():
                break
        self._drain()

    def leave(self) -> None:
        """Leave the group and end the threads. Flushes nothing."""
        self._leaving = True
        with suppress(KafkaError, RuntimeError):
            self.consumer.close(timeout_ms=_CLOSE_MS)
        self._watch.close()
        self.lake_thread.shutdown()

    def _poll(self) -> list[Polled]:
        try:
            if self._deferred is not None:
                error, self._deferred = self._deferred, None
                raise error
            polled = self.consumer.poll(timeout_ms=_POLL_MS, max_records=self._want)
        except KafkaError as error:
            self._raise_failure()
            if self._lake_trouble is None:
                self._judge(error)
            return []
        self._raise_failure()
        return [(tp, records, self._following(tp, records)) for tp, records in polled.items()]

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _judge(self, error: KafkaError) -> None:
        """Return when polling again may help; raise what a person must act on."""
        if isinstance(error, OffsetOutOfRangeError):
            for tp, position in error.args[0].items():
                self._partitions.out_of_range(tp, position)
                self._dirty = self._dirty or bool(self._partitions.gaps)
        elif isinstance(error, CorruptRecordError):
            self._drain()
            raise IntegrityError(f"a message does not match its checksum: {error}", hint=_CORRUPT) from error
        elif isinstance(error, LogTruncationError):
            raise UnreachableError(f"Kafka lost messages the lake holds: {error}", hint=_TRUNCATED) from error
        elif isinstance(error, FencedInstanceIdError):
            name = self._options.instance_id
            raise UnreachableError(f"another process reads as instance {name}", hint=_TWINS) from error
        elif not isinstance(error, RetriableError):
            raise unreachable(self._options, f"{type(error).__name__}: {error}") from error

    def _following(self, tp: TopicPartition, records: Sequence[Any]) -> int:
        """Return where the partition goes on: past the last record and the transaction markers after it."""
        last: int = records[-1].offset
        try:
            return max(last + 1, self.consumer.position(tp, timeout_ms=0) or 0)
        except KafkaError as error:
            self._deferred = error
            return last + 1

    def _take(self, tp: TopicPartition, records: Sequence[Any], following: int) -> None:
        floor = self._partitions.next.get(tp)
        if floor is not None and records[0].offset < floor:
            records = [record for record in records if record.offset >= floor]
        positions = [record.offset for record in records]
        values = [record.value for record in records]
        if not positions:
            return
        self._partitions.begun(tp, positions[0])
        batch = frame(self._partitions.streams[tp], positions, values, following, self._options.encoding)
        self._pipeline.add(batch)
        self._dirty = True
        self._partitions.next[tp] = following
        self._events += len(batch.records) + len(batch.unreadable)
        self._watch.heard()
        mean = sum(map(len, filter(None, values))) // len(values)
        self._want = max(1, min(self._options.max_poll_records, POLL_BYTES // (mean + 1)))

    def _caught_up(self) -> bool:
        if self.consumer.group_metadata().state is not MemberState.STABLE:
            return False
        ours = self.consumer.assignment()
        try:
            missing = [tp for tp in ours if tp not in self._goals]
            self._goals.update(self.consumer.end_offsets(missing, timeout_ms=ANSWER_MS) if missing else {})
            if any((self.consumer.position(tp, timeout_ms=0) or 0) < self._goals[tp] for tp in ours):
                return False
        except KafkaError as error:
            self._deferred = error
            return False
        if self._dirty:
            self._apart(self._flush)
        return self._lake_trouble is None

    def _drain(self) -> None:
        """Make durable what is buffered, and leave the group with true offsets."""
        if self._dirty:
            self._apart(self._flush)
        if self._lake_trouble is not None:
            raise self._lake_trouble
        with suppress(KafkaError):
            self.consumer.commit(self._partitions.hints(), timeout_ms=ANSWER_MS)
        self._report(last=True)

    # --- what waits for the lake: always in the lake thread ---

    def _apart(self, work: Callable[[], None]) -> None:
        """Run work in the lake thread; when it takes long, keep polling with everything paused meanwhile."""
        running = self.lake_thread.submit(work)
        wait([running], timeout=_PATIENCE)
        if not running.done():
            with self._hold():
                while not running.done():
                    self._poll_held()
        running.result()

    @contextmanager
    def _hold(self) -> Iterator[None]:
        self._holding = True
        self.consumer.pause(*self.consumer.assignment())
        try:
            yield
        finally:
            self._holding = False
            self.consumer.resume(*self.consumer.paused())

    def _poll_held(self) -> None:
        try:
            if self.consumer.poll(timeout_ms=_POLL_MS):
                raise RuntimeError(
                    "a paused partition gave messages"
                )  # stopping loses nothing, going on would
        except KafkaError as error:
            self._deferred = error
            time.sleep(_POLL_MS / 1000)
        self._raise_failure()
        self._report()

    def _flush(self) -> None:
        for _ in range(_MAX_FENCES):
            try:
                flushed = self._pipeline.flush()
            except FencedError as error:
                self._partitions.fenced(error)
            except UnreachableError as error:
                self._lake_failed(error)
                return
            else:
                break
        else:
            raise FencedError(
                "another writer keeps taking over", hint="one consumer group per lake and topic"
            )
        self._dirty = False
        self._retry_after = 1.0
        self._version = flushed.version
        self._committed = time.monotonic()
        with suppress(KafkaError):
            self._partitions.durable(flushed.positions)

    def _lake_failed(self, error: UnreachableError) -> None:
        """Drop everything unflushed: Kafka still has it, and the table says from where."""
        self._say(f"the lake cannot be written, reading is paused: {error}; still trying, nothing is lost")
        self._lake_trouble = error
        self._partitions.drop(list(self._partitions.streams))
        self._dirty = False

    def _relearn(self) -> None:
        """Wait, then place every partition afresh by the table."""
        self._stop.wait(self._retry_after)
        self._retry_after = min(_RETRY_SECONDS, self._retry_after * 2)
        try:
            self._partitions.place(list(self._partitions.streams))
        except UnreachableError as error:
            self._lake_trouble = error
        else:
            if not self._stop.is_set():
                self._lake_trouble = None

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Place new partitions before anything is fetched from them."""
        first = not self._partitions.streams and self._version is None
        self._partitions.own(partitions)
        if self._holding:
            self.consumer.pause(*partitions)
        try:
            self._partitions.place(partitions)
        except UnreachableError as error:
            if first:
                raise
            self._lake_failed(error)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Make partitions durable before their next owner may have them."""
        if self._leaving:
            return
        if self._dirty:
            self._flush()
        with suppress(KafkaError):
            self.consumer.commit(self._partitions.hints(partitions), timeout_ms=ANSWER_MS)
        self._let_go(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions somebody else may own already."""
        self._partitions.drop(partitions)
        self._let_go(partitions)

    def _let_go(self, partitions: Collection[TopicPartition]) -> None:
        self._partitions.forget(partitions)
        for tp in partitions:
            self._goals.pop(tp, None)
            self._watch.ends.pop(tp, None)

    # --- what is told ---

    def _report(self, *, last: bool = False) -> None:
        now = time.monotonic()
        seconds = now - self._reported
        if not last and seconds < self._options.progress_interval:
            return
        ours = self.consumer.assignment()
        self._watch.tick(ours)
        if self._on_progress is not None:
            self._on_progress(self._progress(ours, now, seconds))
        self._reported, self._events_reported = now, self._events

    def _progress(self, ours: Collection[TopicPartition], now: float, seconds: float) -> Progress:
        lag = {f"{tp.topic}[{tp.partition}]": behind for tp in ours if (behind := self._lag(tp)) is not None}
        trouble = str(self._lake_trouble) if self._lake_trouble is not None else self._watch.trouble
        return Progress(
            seconds=now - self._began,
            events_per_second=(self._events - self._events_reported) / seconds if seconds else 0.0,
            lag=lag,
            lag_total=sum(lag.values()),
            counts=copy.copy(self._pipeline.counts),
            version=self._version,
            commit_age=None if self._committed is None else now - self._committed,
            gaps=tuple(self._partitions.gaps.values()),
            paused=self._holding or self._lake_trouble is not None,
            trouble=trouble,
            fenced=self._partitions.fences,
        )

    def _lag(self, tp: TopicPartition) -> int | None:
        known = [end for end in (self.consumer.highwater(tp), self._watch.ends.get(tp)) if end is not None]
        try:
            position = self.consumer.position(tp, timeout_ms=0) if known else None
        except KafkaError as error:
            self._deferred = error
            return None
        return None if position is None else max(0, max(known) - position)


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Runs what a rebalance asks for in the lake thread; the client's own thread keeps the heartbeat going.

    The loop itself stands still inside poll() meanwhile, so the two never touch the pipeline at once.
    """

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._apart(self._loop.assigned, assigned)

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._apart(self._loop.revoked, revoked)

    async def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        await self._apart(self._loop.lost, lost)

    async def _apart(
        self, work: Callable[[Collection[TopicPartition]], None], partitions: Collection[TopicPartition]
    ) -> None:
        done = KafkaFuture()
        self._loop.lake_thread.submit(self._work, work, partitions, done)
        await done

    def _work(
        self,
        work: Callable[[Collection[TopicPartition]], None],
        partitions: Collection[TopicPartition],
        done: Any,
    ) -> None:
        try:
            work(partitions)
        except BaseException as error:  # the loop raises it; here it would end up in a log line  # noqa: BLE001 - the edge: whatever it is must be reported
            self._loop.failure = error
        finally:
            done.success(None)
            with suppress(KafkaError, RuntimeError):
                self._loop.consumer.bootstrap(
                    refresh=False
                )  # wakes the client's thread, which saw nothing happen
