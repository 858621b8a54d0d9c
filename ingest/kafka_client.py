"""How to reach Kafka: the options a person sets, and a connected consumer or an error with what to check."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaConfigurationError, KafkaConnectionError, KafkaError
from kafka.net.compat import KafkaNetClient

from store.errors import UnreachableError, UsageError

FETCH_BYTES = 32 << 20
"""The most one broker answers to one fetch, as it travels (compressed); one answer per broker is held."""

PARTITION_FETCH_BYTES = 8 << 20
"""The share of one partition in an answer; a message larger than this still comes."""

POLL_BYTES = 16 << 20
"""About how many message bytes, decompressed, are taken in hand at once: it sets the number of records."""

_LEAST_SECONDS = 0.1
_MOST_SECONDS = 24 * 86_400.0


@dataclass(frozen=True)
class KafkaOptions:
    """What to read and as whom.

    `client` passes further settings to kafka-python under its own names: security_protocol, ssl_cafile,
    sasl_mechanism, sasl_plain_username and so on. `start` is where a partition begins that the lake has never
    seen; one it knows goes on from the lake's own position, whatever the group's offsets say.
    """

    topics: tuple[str, ...]
    bootstrap_servers: tuple[str, ...] = ("localhost:9092",)
    group: str = "tooltrail"
    client_id: str = "tooltrail"
    instance_id: str | None = None  # static membership: a restart within session_timeout moves no partition
    start: Literal["earliest", "latest"] = "earliest"
    encoding: str = "auto"  # one of ingest.kafka_messages.ENCODINGS
    max_poll_records: int = 10_000
    connect_timeout: float = 30.0  # seconds, this and all below
    session_timeout: float = 20.0
    max_poll_interval: float = 300.0
    progress_interval: float = 1.0
    until_caught_up: bool = (
        False  # return once everything that was there when a partition came to us is durable
    )
    client: Mapping[str, Any] = field(default_factory=dict)


def connect(options: KafkaOptions) -> KafkaConsumer:
    """Return a consumer that has talked to the cluster and whose topics exist, within `connect_timeout`.

    It is not yet in the group. Raises UsageError for settings that cannot be, UnreachableError for the rest.
    """
    settings = _settings(options)
    made: list[KafkaNetClient] = []

    def client(**configs: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**configs))
        return made[-1]

    with last_words() as words:
        try:
            consumer = KafkaConsumer(kafka_client=client, **settings)
        except KafkaConfigurationError as error:
            raise UsageError(f"Kafka settings do not fit together: {error}") from error
        except (KafkaError, OSError, ValueError) as error:
            for each in made:
                each.close()
            raise unreachable(options, _telling(words) or str(error)) from error
    try:
        _check_topics(consumer, options)
    except BaseException:
        consumer.close(timeout_ms=0)
        raise
    return consumer


def _telling(words: list[str]) -> str | None:
    """Pick the line that says why: refused credentials come first, retries and time-outs follow from them."""
    for pattern in (r"authentication", r"certificate", r"handshake|\[ssl", r"connection to .* failed|dns"):
        found = [line for line in words if re.search(pattern, line, re.IGNORECASE)]
        if found:
            return _RETRYING.sub("", found[-1])
    return words[-1] if words else None


_RETRYING = re.compile(r"^Bootstrap connection to \S+ failed: | \(backoff [\d.]+ secs\)$")


def unreachable(options: KafkaOptions, reason: str) -> UnreachableError:
    """Describe a cluster that does not answer, with the setting to look at first."""
    servers = ",".join(options.bootstrap_servers)
    return UnreachableError(
        f"Kafka at {servers} cannot be used: {reason}", hint=_remedy(reason, options.client)
    )


_REMEDIES = (
    (
        r"group.*authorization|authorization.*group",
        "grant this user READ on the group, or set --group",
    ),
    (r"topic.*authorization|authorization.*topic", "grant this user READ and DESCRIBE on the topic"),
    (
        r"session.?timeout",
        "set --session-timeout within the brokers' bounds, usually 6s to 30m (group.min/max.session.timeout.ms)",
    ),
    (r"sasl|authentication", "check kafka.sasl_mechanism, kafka.sasl_username and kafka.sasl_password"),
    (
        r"hostname mismatch|ip address mismatch|not valid for",
        "name the brokers as their certificate does, or set kafka.ssl_check_hostname = false",
    ),
    (
        r"ssl|certificate|handshake",
        "check kafka.security_protocol, kafka.ssl_cafile, kafka.ssl_certfile and kafka.ssl_keyfile",
    ),
    (r"refused|dns|resol|name or service", "check --bootstrap-servers and that the broker is up"),
)


def _remedy(reason: str, client: Mapping[str, Any]) -> str:
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, reason, re.IGNORECASE):
            return remedy
    protocol = str(client.get("security_protocol", "PLAINTEXT"))
    if protocol.startswith("SASL"):  # kafka-python drops an answer that comes with the connection's end
        return (
            "brokers end a connection so when authentication fails: check kafka.sasl_mechanism, "
            "kafka.sasl_username and kafka.sasl_password, then --bootstrap-servers"
        )
    if protocol == "PLAINTEXT":
        return "check --bootstrap-servers; does this listener expect TLS or SASL (kafka.security_protocol)?"
    return (
        "check --bootstrap-servers, kafka.security_protocol, and whether brokers ask for kafka.ssl_certfile"
    )


def _milliseconds(name: str, seconds: float) -> int:
    """Return a duration as Kafka's protocol holds it; one that does not fit would end up as a wait without end."""
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
        raise UsageError(f"kafka.{name} must be between 100ms and 24d, not {seconds:g}s")
    return int(seconds * 1000)


def _settings(options: KafkaOptions) -> dict[str, Any]:
    ours: dict[str, Any] = {
        "bootstrap_servers": list(options.bootstrap_servers),
        "bootstrap_timeout_ms": options.connect_timeout * 1000,
        "client_id": options.client_id,
        "group_id": options.group,
        "group_instance_id": options.instance_id,
        "session_timeout_ms": _milliseconds("session_timeout", options.session_timeout),
        "heartbeat_interval_ms": int(min(3.0, options.session_timeout / 3) * 1000),
        "max_poll_interval_ms": _milliseconds("max_poll_interval", options.max_poll_interval),
        # Positions come from the table. A reset or a commit behind our back would lose events silently.
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "allow_auto_create_topics": False,
        "partition_assignment_strategy": [CooperativeStickyAssignor],
    }
    defaults: dict[str, Any] = {
        "isolation_level": "read_committed",
        "fetch_max_bytes": FETCH_BYTES,
        "max_partition_fetch_bytes": PARTITION_FETCH_BYTES,
        "reconnect_backoff_max_ms": 5000,
        "metrics_enabled": False,
    }
    for name in options.client:
        if name in ours:
            raise UsageError(
                f"the Kafka setting {name} is not free to choose",
                hint="it has an option of its own, or must be so",
            )
        if name not in KafkaConsumer.DEFAULT_CONFIG:
            near = get_close_matches(name, KafkaConsumer.DEFAULT_CONFIG, 1)
            raise UsageError(
                f"there is no Kafka setting {name}", hint=f"did you mean {near[0]}?" if near else None
            )
    return {**defaults, **options.client, **ours}


def _topics(consumer: KafkaConsumer, until: float) -> set[str]:
    """Return the topics. A broker that is down may be asked first: then another is, while there is time."""
    while True:
        try:
            return set(consumer.topics())
        except KafkaConnectionError:
            if time.monotonic() >= until:
                raise
            time.sleep(_BETWEEN_TRIES)


_BETWEEN_TRIES = 0.2


def _check_topics(consumer: KafkaConsumer, options: KafkaOptions) -> None:
    if not options.topics:
        raise UsageError("no topic to read", hint="name at least one with --topic")
    looking: Future[set[str]] = Future()
    with ThreadPoolExecutor(1, thread_name_prefix="kafka-topics") as thread:
        looking = thread.submit(_topics, consumer, time.monotonic() + options.connect_timeout)
        try:
            known = looking.result(options.connect_timeout)
        except (TimeoutError, KafkaError) as error:
            consumer.close(timeout_ms=0)  # ends the wait in the other thread
            raise unreachable(options, f"no list of topics: {error or 'no answer'}") from error
    for topic in options.topics:
        if topic not in known:
            near = get_close_matches(topic, known, 1)
            raise UnreachableError(
                f"topic {topic} does not exist, or this user may not see it",
                where=",".join(options.bootstrap_servers),
                hint=f"did you mean {near[0]}?"
                if near
                else "check --topic, and DESCRIBE on it for this user",
            )


class _LastWords(logging.Handler):
    """Keeps what the client library logs instead of raising, so that it can be told to a person."""

    def __init__(self, words: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._words = words

    def emit(self, record: logging.LogRecord) -> None:
        self._words[:] = [*self._words[-199:], record.getMessage()]


@contextmanager
def last_words() -> Iterator[list[str]]:
    """Collect the client library's newest warnings while the block runs; the newest is last."""
    words: list[str] = []
    handler = _LastWords(words)
    logger = logging.getLogger("kafka")
    logger.addHandler(handler)
    try:
        yield words
    finally:
        logger.removeHandler(handler)
