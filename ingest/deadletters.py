"""Dead letters: every record that became no row, with its redacted bytes, the phase, the error, and the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.delivery import Stream
from ingest.redact import Redactor
from store.commit import Advance
from store.errors import UnreachableError
from store.lake import Lake
from store.tables.letters import DEAD_LETTERS

MAX_RAW = 64 << 10
"""Bytes of a record that are kept; the whole is known by its hash and length."""

MARGIN = 4 << 10
"""Bytes looked at beyond those kept, so that a secret across the cut is seen whole."""


@dataclass(frozen=True)
class DeadLetter:
    """One record that became no row."""

    dead_id: str
    row: dict[str, Any]

    @property
    def raw(self) -> bytes:
        """The redacted bytes that are kept."""
        return bytes(self.row["raw"])


class DeadLetters:
    """Writes and finds dead letters of one lake."""

    def __init__(self, lake: Lake, redactor: Redactor) -> None:
        self._lake = lake
        self._redactor = redactor

    def letter(
        self, stream: Stream, position: int, sub: int, line: int | None, raw: bytes, phase: str, error: str,
        format_id: str | None,
    ) -> DeadLetter:  # fmt: skip
        """Make a letter: secrets are taken out of the bytes and of the error before anything else happens."""
        whole = sha256(raw).hexdigest()
        dead_id = sha256(f"{stream.transaction}\0{position}\0{sub}\0{whole}".encode()).hexdigest()[:32]
        kept = self._redactor.raw(raw[: MAX_RAW + MARGIN])
        assert isinstance(kept.text, bytes)
        now = datetime.now(UTC)
        row = {
            "dead_id": dead_id, "ingest_time": now, "dead_date": now.date(), "source_topic": stream.topic,
            "source_partition": stream.partition, "source_offset": position, "sub_index": sub,
            "place": stream.where(position, line), "source_format": format_id, "phase": phase,
            "error": str(self._redactor.text(error).text), "raw": kept.text[:MAX_RAW], "raw_bytes": len(raw),
            "raw_sha256": whole,
            "redactions": [{"path": r.path, "kind": r.kind, "digest": r.digest} for r in kept.redactions] or None,
        }  # fmt: skip
        return DeadLetter(dead_id, row)

    def known(self, stream: Stream, after: int) -> set[str]:
        """Return the ids of letters of a stream later than a position: written, but their rows' commit was not.

        The data files are read as they are, without the query engine: nothing that can be wrong with a question
        may stop ingest.
        """
        paths = self._lake.snapshot(DEAD_LETTERS.name).paths()
        if not paths:
            return set()
        later = [
            ("source_topic", "=", stream.topic),
            ("source_partition", "=", stream.partition),
            ("source_offset", ">", after),
        ]
        try:
            found = pq.read_table(
                paths, columns=["dead_id"], filters=later, partitioning=None, schema=DEAD_LETTERS.stored
            )
        except (OSError, pa.ArrowInvalid) as error:
            raise UnreachableError(f"the dead letters cannot be read: {error}", where=paths[0]) from error
        return set(found["dead_id"].to_pylist())

    def write(self, letters: Sequence[DeadLetter], advances: Sequence[Advance]) -> int:
        """Make letters durable; returns the table's version."""
        rows = pa.Table.from_pylist([letter.row for letter in letters], DEAD_LETTERS.schema)
        return self._lake.append("dead_letters", rows, advances)


def lately(lake: Lake, stream: Stream, limit: int) -> dict[tuple[bytes, int], int]:
    """Return the last letters of a stream by the digest of their record and its sub-index: their positions.

    Of equal records the one at the lowest position counts: it is where a stream that is read again has it first.
    """
    paths = lake.snapshot(DEAD_LETTERS.name).paths()
    if not paths:
        return {}
    theirs = [("source_topic", "=", stream.topic), ("source_partition", "=", stream.partition)]
    columns = ["source_offset", "raw_sha256", "sub_index"]
    try:
        found = pq.read_table(
            paths, columns=columns, filters=theirs, partitioning=None, schema=DEAD_LETTERS.stored
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreachableError(f"the dead letters cannot be read: {error}", where=paths[0]) from error
    last = found.sort_by([("source_offset", "descending")]).slice(0, limit)
    offsets, hashes, subs = (last[column].to_pylist() for column in columns)
    return {(bytes.fromhex(h), s): offset for offset, h, s in zip(offsets, hashes, subs, strict=True)}
