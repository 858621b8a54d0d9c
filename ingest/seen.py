"""What was taken in lately, so that a second delivery of the same record is known as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from store.lake import Lake


class Seen:
    """The identities of the last rows taken in, in two generations: a re-delivery inside the window is known."""

    def __init__(self, window: int, lake: Lake) -> None:
        self._half = max(1, window // 2)
        self._new = recent_identities(lake, self._half)
        self._old: set[bytes] = set()
        self._kept: set[bytes] = set()

    def keep(self, identities: Iterable[bytes]) -> None:
        """Remember for good what a stream that is read again will bring a second time."""
        self._kept.update(identities)

    def fresh(self, identities: Sequence[bytes]) -> list[int] | None:
        """Return the rows not seen yet, None when that is all of them, and remember them."""
        if len(self._new) > self._half:
            self._old, self._new = self._new, set()
        unique = set(identities)
        known = (self._new, self._old, self._kept)
        if len(unique) == len(identities) and all(some.isdisjoint(unique) for some in known):
            self._new |= unique
            return None
        rows = []
        for row, identity in enumerate(identities):
            if not any(identity in some for some in known):
                self._new.add(identity)
                rows.append(row)
        return rows

    def forget(self, identities: Iterable[bytes]) -> None:
        """Forget rows that did not become durable: they will come again."""
        for identity in identities:
            self._new.discard(identity)
            self._old.discard(identity)


def identities_of(table: pa.Table) -> list[bytes]:
    """Return the identities of canonical rows, as the row builder makes them."""
    ids, hashes = table["event_id"].to_pylist(), table["raw_sha256"].to_pylist()
    return [bytes.fromhex(i) + bytes.fromhex(h[:16]) for i, h in zip(ids, hashes, strict=True)]


def identities_beyond(lake: Lake, topic: str, partition: int, position: int) -> list[bytes]:
    """Return the identities of a stream's rows that came from beyond a position."""
    theirs = (pl.col("source_topic") == topic) & (pl.col("source_partition") == partition)
    beyond = theirs & (pl.col("source_offset") > position)
    columns = ("event_id", "raw_sha256", "source_topic", "source_partition", "source_offset")
    return identities_of(lake.scan("events", columns).filter(beyond).collect().to_arrow())


def recent_identities(lake: Lake, limit: int) -> set[bytes]:
    """Return the identities of about the last `limit` rows of the lake, newest files first."""
    found: set[bytes] = set()
    for file in sorted(lake.snapshot("events").files, key=lambda f: f.modified, reverse=True):
        if len(found) >= limit:
            break
        path = lake.path / "events" / file.path
        found.update(
            identities_of(pq.read_table(path, columns=["event_id", "raw_sha256"], partitioning=None))
        )
    return found
