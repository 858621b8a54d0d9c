"""Where each of our partitions stands: placed by the lake's table, moved by what is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from ingest.delivery import Batch, Stream
from ingest.kafka_progress import Gap
from store.errors import FencedError, UnreachableError

ANSWER_MS = 5000
"""How long one question to a broker may take before the loop goes on without the answer."""


class Flushed(Protocol):
    """What one flush made durable."""

    @property
    def version(self) -> int:
        """The version of the events table."""

    @property
    def positions(self) -> Mapping[Stream, int]:
        """The next position per stream."""


class Counts(Protocol):
    """What became of the records: records == rows + dead + replayed at each flush."""

    @property
    def records(self) -> int:
        """Records taken in."""


class Pipeline(Protocol):
    """What the loop feeds: `ingest.loop.Pipeline`, or a stand-in for tests."""

    @property
    def counts(self) -> Counts:
        """The counts since the start."""

    def resume(self, stream: Stream) -> int | None:
        """Return the next position by the table, read afresh; None when it has never seen the stream."""

    def add(self, batch: Batch) -> None:
        """Take a batch into the buffer."""

    def should_flush(self) -> bool:
        """Whether it is time to flush."""

    def is_full(self) -> bool:
        """Whether nothing more may be added before a flush."""

    def flush(self) -> Flushed:
        """Make everything buffered durable, or raise."""

    def drop(self, streams: Iterable[Stream]) -> None:
        """Forget what is buffered of these streams."""

    def record_gap(self, stream: Stream, first: int, last: int) -> None:
        """Note positions lost upstream; durable with the next flush."""


class Partitions:
    """The partitions assigned to us. One thread at a time calls in: the loop, or the thread it waits for."""

    def __init__(
        self, pipeline: Pipeline, consumer: KafkaConsumer, start: str, say: Callable[[str], None]
    ) -> None:
        self.streams: dict[TopicPartition, Stream] = {}
        self.next: dict[TopicPartition, int] = {}
        self.gaps: dict[tuple[Stream, int], Gap] = {}
        self.fences = 0
        self._durable: dict[TopicPartition, int] = {}
        self._origin: dict[TopicPartition, int] = {}
        self._pipeline = pipeline
        self._consumer = consumer
        self._start = start
        self._say = say

    def own(self, partitions: Iterable[TopicPartition]) -> None:
        """Take partitions on. They are not placed yet."""
        for tp in partitions:
            self.streams[tp] = Stream(tp.topic, tp.partition, f"{tp.topic}[{tp.partition}]")

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Let partitions go."""
        for tp in partitions:
            for known in (self.streams, self.next, self._durable, self._origin):
                known.pop(tp, None)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what is buffered of these partitions."""
        self._pipeline.drop([self.streams[tp] for tp in partitions if tp in self.streams])

    def place(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek each partition to what the table says; the group's offsets have no say.

        A partition the table has never seen begins where `start` says, and begins there again if what was
        read since has been dropped.
        """
        for tp in partitions:
            position = self._pipeline.resume(self.streams[tp])
            if position is None:
                position = self._origin.get(tp)
            if position is not None:
                self._seek(tp, position)
            else:
                self.next.pop(tp, None)
                (self._consumer.seek_to_end if self._start == "latest" else self._consumer.seek_to_beginning)(
                    tp
                )

    def fenced(self, error: FencedError) -> None:
        """Yield a stream another writer has taken: drop what is buffered of it and go on from the table."""
        self.fences += 1
        hit = [tp for tp, stream in self.streams.items() if stream.transaction == error.where] or list(
            self.streams
        )
        names = ", ".join(self.streams[tp].label for tp in hit)
        self._say(f"another writer is ahead on {names}: reading on from the table")
        self.drop(hit)
        self.place(tp for tp in hit if tp in self._consumer.assignment())

    def out_of_range(self, tp: TopicPartition, position: int) -> None:
        """Find out why the broker has no message at our position: deleted before we came, or another log."""
        if tp not in self.streams:
            return
        try:
            first = self._consumer.beginning_offsets([tp], timeout_ms=ANSWER_MS)[tp]
            end = self._consumer.end_offsets([tp], timeout_ms=ANSWER_MS)[tp]
        except KafkaError:
            return  # the next fetch asks again
        stream = self.streams[tp]
        if position > end:
            raise UnreachableError(
                f"the lake holds this partition up to offset {position}, but its log ends at {end}:"
                " the topic was made anew, or its tail was lost",
                where=stream.label,
                hint="new events under taken offsets would be skipped: use a topic of another name",
            )
        if position < first:
            self._pipeline.record_gap(stream, position, first - 1)
            self.gaps[stream, position] = Gap(stream, position, first - 1)
            self._say(f"LOST {stream.where(position)}..{first - 1}: Kafka deleted them before they were read")
            position = first
        self._seek(tp, position)

    def durable(self, positions: Mapping[Stream, int]) -> None:
        """Note what a flush made durable, and tell the group without waiting: lag tools look there."""
        for tp, stream in self.streams.items():
            if stream in positions:
                self._durable[tp] = positions[stream]
        self._consumer.commit_async(self.hints())

    def hints(
        self, partitions: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return the durable positions as group offsets."""
        chosen = self._durable if partitions is None else {*partitions} & self._durable.keys()
        return {tp: OffsetAndMetadata(self._durable[tp], "", -1) for tp in chosen}

    def begun(self, tp: TopicPartition, position: int) -> None:
        """Note the first position ever read of a partition."""
        self._origin.setdefault(tp, position)

    def _seek(self, tp: TopicPartition, position: int) -> None:
        self._consumer.seek(tp, position)
        self.next[tp] = position
