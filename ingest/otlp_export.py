"""One OTLP export request as it waits for its commit, and what its sender is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from ingest import otlp_json, otlp_proto

Decoder = Callable[[bytes], list[bytes]]


@dataclass(frozen=True)
class Signal:
    """A kind of telemetry: the path it is sent to, and how its requests are read, by content type."""

    path: str
    noun: str
    decoders: dict[str, Decoder]


PROTOBUF, JSON = "application/x-protobuf", "application/json"
LOGS = Signal(
    "/v1/logs", "log records",
    {PROTOBUF: otlp_proto.log_records, JSON: partial(otlp_json.split, names=otlp_json.LOGS)},
)  # fmt: skip
SPANS = Signal(
    "/v1/traces", "spans",
    {PROTOBUF: otlp_proto.spans, JSON: partial(otlp_json.split, names=otlp_json.SPANS)},
)  # fmt: skip


class NotDurableError(Exception):
    """The request did not become durable, or nobody knows: its sender shall send it again."""


@dataclass(frozen=True)
class Answer:
    """What became durable of a request: all of it, as rows but for `rejected` dead letters, and why those."""

    rejected: int = 0
    reason: str = ""


@dataclass
class Export:
    """A request's records; `subs[i]` counts earlier records of the request that are the same byte for byte.

    A body that could not be read has no records: `unreadable` is what is kept of it, and why.
    """

    records: Sequence[bytes] = ()
    unreadable: tuple[bytes, str] | None = None
    answer: Future[Answer] = field(default_factory=Future)
    subs: list[int] | None = field(init=False)

    def __post_init__(self) -> None:
        self.subs = _occurrences(self.records)

    @property
    def size(self) -> int:
        """Return about how many bytes are held for it."""
        return sum(map(len, self.records)) + (len(self.unreadable[0]) if self.unreadable is not None else 0)


def _occurrences(records: Sequence[bytes]) -> list[int] | None:
    """Return for each record how many equal ones stand before it, None when no two are equal."""
    if len(set(records)) == len(records):
        return None
    seen: Counter[bytes] = Counter()
    numbers = []
    for record in records:
        numbers.append(seen[record])
        seen[record] += 1
    return numbers
