"""The whole program killed and frozen at random moments: each event is in the lake once."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker import Broker
from kafka_harness import Kafka, eventually

from store.lake import Lake

pytestmark = [pytest.mark.slow, pytest.mark.broker]

KILLS = int(os.environ.get("TOOLTRAIL_TEST_KILLS", "50"))
SEED = int(os.environ.get("TOOLTRAIL_TEST_SEED", str(random.randrange(10**6))))  # noqa: S311
PARTITIONS = 3
MAIN = "import sys; from console.cli import main; sys.exit(main())"
POISON_EVERY = 40


class Feed:
    """A producer in a thread: one event, JSON lines or an array per message, and now and then poison."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self.events = 0
        self.poison = 0
        self._kafka = kafka
        self._topic = topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextmanager
    def running(self) -> Iterator["Feed"]:
        """Produce while the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(60)
            self._kafka.producer.flush(60)

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.05):
            for _ in range(20):
                self._kafka.producer.send(self._topic, self._message(number), partition=number % PARTITIONS)
                number += 1

    def _message(self, number: int) -> bytes:
        if number % POISON_EVERY == 7:
            self.poison += 1
            return b'{"event_time":"2026-10-01T10:00:00Z","tool_name":{"poison":%d}}' % number
        if number % 3 == 0:
            return self._event()
        if number % 3 == 1:
            return self._event() + b"\n" + self._event()
        return b"[" + self._event() + b",\n" + self._event() + b"]"

    def _event(self) -> bytes:
        event = {
            "event_time": "2026-10-01T10:00:00Z", "event_kind": "tool_call", "tool_name": "crm.lookup",
            "native_event_id": f"n{self.events}", "arguments": {"n": self.events},
        }  # fmt: skip
        self.events += 1
        return json.dumps(event).encode()


def start(broker: Broker, lake: Path, topic: str, *more: str, flush: str = "0.2s") -> subprocess.Popen[bytes]:
    """Start `tooltrail ingest kafka` as a person would, in a group of its own: offsets do not matter."""
    command = [
        sys.executable, "-W", "ignore", "-c", MAIN, "ingest", "kafka", "--bootstrap-servers", broker.address,
        "--topic", topic, "--group", f"g-{uuid.uuid4().hex[:8]}", "--lake", str(lake),
        "--flush-seconds", flush, *more,
    ]  # fmt: skip
    log = (lake.parent / "ingest.log").open("ab")
    with log:
        return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "TOOLTRAIL_DEBUG": "1"})


def read_to_the_end(broker: Broker, lake: Path, topic: str) -> None:
    """Take in what is left, and demand success."""
    process = start(broker, lake, topic, "--exit-at-end")
    assert process.wait(120) == 0, (lake.parent / "ingest.log").read_text()[-3000:]


def check(lake: Path, feed: Feed) -> None:
    """Compare the lake with what was produced: nothing missing or twice, poison among the dead letters."""
    opened = Lake.open(lake)
    rows = opened.sql(
        "SELECT native_event_id, source_partition, source_offset, sub_index FROM events"
    ).arrow()
    ids = Counter(rows["native_event_id"].to_pylist())
    assert [i for i, count in ids.items() if count > 1] == []
    assert [n for n in range(feed.events) if f"n{n}" not in ids] == []
    places = Counter(zip(*(rows[name].to_pylist() for name in rows.column_names[1:]), strict=True))
    assert max(places.values()) == 1
    dead = opened.sql("SELECT source_partition, source_offset FROM dead_letters").arrow()
    assert dead.num_rows == feed.poison
    assert len(set(zip(*(column.to_pylist() for column in dead.columns), strict=True))) == feed.poison


def version(lake: Path) -> int:
    """Return the newest version of the events table, from its log."""
    return max(
        int(name.stem) for name in (lake / "events" / "_delta_log").glob("*.json") if name.stem.isdigit()
    )


def test_killed_at_random_moments(broker: Broker, kafka: Kafka, tmp_path: Path) -> None:
    """Kill -9 at any moment, again and again, loses no event and doubles none; nor does a dead letter."""
    chance = random.Random(SEED)  # noqa: S311
    lake, topic = tmp_path / "lake", kafka.topic(PARTITIONS)
    Lake.create(lake)
    during = 0
    with Feed(kafka, topic).running() as feed:
        for _ in range(KILLS):
            before = version(lake)
            process = start(broker, lake, topic)
            eventually(lambda p=process, v=before: version(lake) > v or p.poll() is not None, 60)
            time.sleep(chance.random() ** 2 * 1.5)
            assert process.poll() is None, (tmp_path / "ingest.log").read_text()[-3000:]
            process.kill()
            process.wait()
            during += version(lake) > before
    read_to_the_end(broker, lake, topic)
    print(f"seed {SEED}: {KILLS} kills, {during} after a commit, {feed.events} events, {feed.poison} dead")  # noqa: T201
    check(lake, feed)


def test_a_frozen_writer_is_fenced(broker: Broker, kafka: Kafka, tmp_path: Path) -> None:
    """SIGSTOP, another takes over, SIGCONT: the zombie finds itself fenced and doubles nothing."""
    chance = random.Random(SEED)  # noqa: S311
    lake, topic = tmp_path / "lake", kafka.topic(PARTITIONS)
    Lake.create(lake)
    with Feed(kafka, topic).running() as feed:
        first = start(broker, lake, topic)
        second = None
        try:
            eventually(lambda: version(lake) > 0, 60)
            for _ in range(5):
                time.sleep(chance.random())
                first.send_signal(signal.SIGSTOP)
                before = version(lake)
                second = start(broker, lake, topic)
                eventually(lambda p=second, v=before: version(lake) > v + 2 or p.poll() is not None, 60)
                assert second.poll() is None, (tmp_path / "ingest.log").read_text()[-3000:]
                first.send_signal(signal.SIGCONT)
                time.sleep(chance.random())
                second.send_signal(signal.SIGTERM)
                assert second.wait(60) == 0, (tmp_path / "ingest.log").read_text()[-3000:]
        finally:
            for process in (first, second):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()
    read_to_the_end(broker, lake, topic)
    check(lake, feed)
