"""Findings on a Kafka topic: one message each, keyed by the finding's id, and which of them are there already."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from console.sinks import write_once
from console.webhook import harmless
from store.errors import UnreachableError

PATIENCE = 60.0
"""Seconds for reading what is there."""
SKEW = timedelta(hours=1)
"""How far a broker's clock, by which messages may be dated, may be behind ours."""


def write(servers: Sequence[str], topic: str, finding: Mapping[str, Any], client: Mapping[str, Any]) -> None:
    """Write a finding; returns when all in-sync replicas have it. UnreachableError when it was not taken."""
    body = json.dumps(harmless(dict(finding))).encode()
    write_once(servers, topic, finding["finding_id"].encode(), body, client)


def arrived(servers: Sequence[str], topic: str, since: datetime, client: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of the findings written to a topic since a time; UnreachableError when it cannot be read."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    ours = {"bootstrap_servers": list(servers), "enable_auto_commit": False, "metrics_enabled": False}
    moment = int((since - SKEW).timestamp() * 1000)
    keys: set[bytes] = set()
    try:
        with closing(KafkaConsumer(**{**ours, **client})) as consumer:
            parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(parts)
            ends, begins = (
                consumer.end_offsets(parts),
                consumer.offsets_for_times(dict.fromkeys(parts, moment)),
            )
            for part in parts:
                consumer.seek(part, begins[part].offset if begins[part] else ends[part])
            deadline = time.monotonic() + PATIENCE
            while any(consumer.position(part) < ends[part] for part in parts):
                if time.monotonic() > deadline:
                    raise _unread(servers, f"topic {topic} was not read to its end in {PATIENCE:.0f} s")
                keys |= {
                    one.key for some in consumer.poll(timeout_ms=500).values() for one in some if one.key
                }
    except KafkaError as error:
        raise _unread(servers, str(error) or type(error).__name__) from error
    return frozenset(key.decode(errors="replace") for key in keys)


def _unread(servers: Sequence[str], reason: str) -> UnreachableError:
    return UnreachableError(
        f"Kafka does not say which findings it has: {reason}", where=",".join(servers),
        hint="grant this user READ on the topic",
    )  # fmt: skip
