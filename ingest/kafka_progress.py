"""What the Kafka loop tells about itself while it runs, and how it notices that nobody answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from ingest.delivery import Stream

QUIET_SECONDS = 5.0
"""After this long without a message, ask the brokers for the ends: it tells silence from absence."""

PROBE_SECONDS = 5.0
REMIND_SECONDS = 60.0


@dataclass(frozen=True)
class Gap:
    """Offsets that Kafka had deleted before they were read, both ends included."""

    stream: Stream
    first: int
    last: int


@dataclass(frozen=True)
class Progress:
    """The state of the loop at one moment.

    `lag` holds messages not yet read per partition, where the end is known; `counts` is the pipeline's own
    count at that moment; `commit_age` is seconds since the lake's last commit here, None before the first.
    `paused` is set while a flush or a lake in trouble holds reading back; `trouble` says what is waited for.
    `fenced` counts how often another writer was ahead.
    """

    seconds: float
    events_per_second: float
    lag: Mapping[str, int]
    lag_total: int
    counts: Any
    version: int | None
    commit_age: float | None
    gaps: tuple[Gap, ...]
    paused: bool
    trouble: str | None
    fenced: int


class Watch:
    """Asks quiet partitions for their ends in a thread of its own, so that asking never holds up reading."""

    def __init__(
        self, consumer: KafkaConsumer, topics: Sequence[str], words: list[str], say: Callable[[str], None]
    ) -> None:
        self.ends: dict[TopicPartition, int] = {}
        self.trouble: str | None = None
        self._consumer = consumer
        self._topics = topics
        self._words = words
        self._say = say
        self._heard = time.monotonic()
        self._said = 0.0
        self._probe: Future[dict[TopicPartition, int]] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-watch")

    def heard(self) -> None:
        """Note that messages came."""
        if self.trouble is not None:
            self._say(f"Kafka answers again after {time.monotonic() - self._heard:.0f} s")
        self._heard = time.monotonic()
        self.trouble = None

    def tick(self, partitions: Collection[TopicPartition]) -> None:
        """Take in the answer of a probe, or send one when it has been quiet."""
        if self._probe is None:
            if time.monotonic() - self._heard >= QUIET_SECONDS:
                asked = list(partitions) or [TopicPartition(topic, 0) for topic in self._topics]
                self._probe = self._thread.submit(self._consumer.end_offsets, asked, PROBE_SECONDS * 1000)
            return
        if not self._probe.done():
            return
        probe, self._probe = self._probe, None
        try:
            self.ends.update(probe.result())
        except (KafkaError, RuntimeError) as error:
            self._unanswered(error)
        else:
            self.heard()

    def close(self) -> None:
        """End the thread; call it after the consumer is closed, which ends a question still open."""
        self._thread.shutdown(cancel_futures=True)

    def _unanswered(self, error: BaseException) -> None:
        now = time.monotonic()
        reason = self._words[-1] if self._words else str(error)
        self.trouble = f"no answer from Kafka for {now - self._heard:.0f} s: {reason}"
        if now - self._said >= REMIND_SECONDS or self._said <= self._heard:
            self._say(f"{self.trouble}; still trying, nothing is lost")
            self._said = now
