"""Kafka into the lake, beside the client library alone on the same topic and the same events from a file.

The broker is a real Apache Kafka on this machine, the one the tests use. It takes its share of the processor: it is
kept on the first core, the consumers may use all.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from bench.lakes import fresh_lake, simulated
from bench.machine import cores
from bench.measure import ROOT, Clock, Samples, apart, interleaved, timed
from bench.options import Options
from bench.table import Row, at_least, ratio_at_least

SUMMARY = "a real Kafka into the lake, against kafka-python alone and against files"
PARTITIONS = 4
SHAPES = ((1, 25_000), (100, 45_000))
"""Events in a message, and the events a second asked for."""

RATIO = 0.9


def run(options: Options) -> Iterator[Row]:
    """Yield, for each shape of message, our rate beside kafka-python's, and beside the slower of it and a file."""
    missing = next((program for program in ("java", "mvn") if shutil.which(program) is None), None)
    if missing is not None:
        yield Row("kafka", "/s", note=f"skipped: no `{missing}` to run Apache Kafka with")
        return
    file = simulated(options.work / "native-1", options.events, ("native",))[0]
    folder = options.work / "broker"
    folder.mkdir()
    with _broker(folder) as address:
        for size, rate in SHAPES:
            topic = _topic(address)
            produced = apart(
                "bench.cases.kafka_to_lake:produce", pinned=False, address=address, topic=topic, file=str(file),
                size=size,
            )  # fmt: skip
            yield from _shape(options, address, topic, str(file), produced["events"], size, rate)


def _shape(
    options: Options, address: str, topic: str, file: str, events: int, size: int, rate: float
) -> Iterator[Row]:
    lake = str(options.work / "lake")
    call = partial(apart, pinned=False)
    found = interleaved(options.rounds, {
        "ours": partial(call, "bench.cases.kafka_to_lake:take_in", address=address, topic=topic, lake=lake),
        "alone": partial(call, "bench.cases.kafka_to_lake:poll", address=address, topic=topic, size=size),
        "file": partial(call, "bench.lakes:ingest", files=[file], lake=lake),
    })  # fmt: skip
    _check(found, events)
    ours, alone, from_file = found["ours"], found["alone"], found["file"]
    name = f"kafka, {size} a message"
    yield Row(
        f"{name}, per wall second", "/s", ours.per_wall, alone.per_wall, "client alone", (at_least(rate),)
    )
    slower, which = min((alone.per_wall, "client alone"), (from_file.per_wall, "file"))
    yield Row(f"{name}, the slower part", "/s", ours.per_wall, slower, which, (ratio_at_least(RATIO),))
    both = 1 / (1 / alone.per_cpu + 1 / from_file.per_cpu)
    yield Row(f"{name}, per CPU second", "/s", ours.per_cpu, both, "client + file")


def _check(found: dict[str, Samples], events: int) -> None:
    """Compare only runs that did the same work."""
    for name, samples in found.items():
        if samples.events != events:
            raise RuntimeError(f"{name} saw {samples.events} events of {events}")


@contextmanager
def _broker(folder: Path) -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tests"))
    from broker import Broker  # type: ignore[import-not-found]

    ours = cores()
    _keep_to({ours[0]})
    try:
        running = Broker.start(folder)
    finally:
        _keep_to(set(ours))
    with running:
        yield running.address


def _keep_to(allowed: set[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, allowed)


def _topic(address: str) -> str:
    from kafka.admin import KafkaAdminClient, NewTopic

    name = f"bench-{uuid.uuid4().hex[:12]}"
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        admin.create_topics([NewTopic(name, PARTITIONS, 1)], wait_for_metadata=True)
    finally:
        admin.close()
    return name


def produce(address: str, topic: str, file: str, size: int) -> dict[str, Any]:
    """Send a file's lines, `size` of them a message, in turn to each partition."""
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=address, linger_ms=20, batch_size=512 << 10, metrics_enabled=False,
        max_request_size=16 << 20,
    )  # fmt: skip
    clock, events = Clock(), 0
    with clock.running(), Path(file).open("rb") as lines:
        stripped = (line.rstrip(b"\n") for line in lines)
        for number in itertools.count():
            message = list(itertools.islice(stripped, size))
            if not message:
                break
            events += len(message)
            producer.send(topic, b"\n".join(message), partition=number % PARTITIONS)
        producer.flush(120)
    producer.close()
    return timed(clock, events)


def take_in(address: str, topic: str, lake: str) -> dict[str, Any]:
    """Consume a topic into a fresh lake to its end with every default on: connecting and the last commit included."""
    from ingest.apart import PipelineApart
    from ingest.kafka import KafkaOptions, consume
    from ingest.loop import IngestOptions

    target = fresh_lake(Path(lake))
    group = f"bench-{uuid.uuid4().hex[:12]}"
    options = KafkaOptions(topics=(topic,), bootstrap_servers=(address,), group=group, until_caught_up=True)
    clock = Clock()
    with clock.running(), PipelineApart(target, IngestOptions()) as pipeline:
        consume(pipeline, options, stop=Event())
    if pipeline.counts.dead or pipeline.counts.replayed:
        raise RuntimeError(f"not everything went in: {pipeline.counts}")
    shutil.rmtree(lake)
    return timed(clock, pipeline.counts.records)


def poll(address: str, topic: str, size: int) -> dict[str, Any]:
    """Read a topic to its end with kafka-python and do nothing with it; the fetch sizes are ours."""
    from kafka import KafkaConsumer
    from kafka.structs import TopicPartition

    from ingest.kafka_client import FETCH_BYTES, PARTITION_FETCH_BYTES

    clock, messages, events = Clock(), 0, 0
    with clock.running():
        consumer = KafkaConsumer(
            bootstrap_servers=address, enable_auto_commit=False, isolation_level="read_committed",
            fetch_max_bytes=FETCH_BYTES, max_partition_fetch_bytes=PARTITION_FETCH_BYTES, metrics_enabled=False,
        )  # fmt: skip
        partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        total = sum(consumer.end_offsets(partitions).values())
        while messages < total:
            for records in consumer.poll(timeout_ms=1000, max_records=10_000).values():
                messages += len(records)
                events += len(records) if size == 1 else sum(r.value.count(b"\n") + 1 for r in records)
        consumer.close()
    return timed(clock, events)
