"""The one way in: records from a source become durable rows, dead letters, or counted replays.

    add: detect -> parse -> redact and fingerprint -> validate -> drop what is known already -> buffer
    flush: dead letters and gaps first, then rows with the streams' positions, each commit durable

in = rows + dead + replayed is checked at every flush. A crash between the commits re-reads the stream; the dead
letters' own transaction keeps them from being written twice.
"""

from __future__ import annotations

import gc
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.block import Block, not_utf8
from ingest.catalog import Detector, load_adapters
from ingest.columns import CODED, CODES
from ingest.deadletters import DeadLetter, DeadLetters
from ingest.delivery import Batch, Stream
from ingest.memory import reuse_memory
from ingest.parsed import Adapter, Reject
from ingest.pending import Counts, Pending
from ingest.redact import Redactor
from ingest.rows import PIECE, Built, Read, RowBuilder, RowOptions, read_block
from ingest.seen import Seen, identities_beyond, identities_of
from store.commit import Advance, reread_of
from store.errors import UsageError
from store.events import arrow_schema
from store.lake import Lake
from store.tables.letters import GAPS

BLOCK_RECORDS = 16_384
BLOCK_BYTES = 32 << 20
"""Records are worked on together up to these bounds: searching for secrets has a high cost per call."""


_UNDECODABLE = "\0undecodable"

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]
Why = tuple[str, str, str | None]
"""Why a record became no row: the phase, the reason, and the format it was read as."""


@dataclass(frozen=True)
class IngestOptions:
    """How records are read and when they are made durable."""

    format: str | None = None
    adapters: tuple[Path, ...] = ()
    flush_rows: int = 120_000
    flush_bytes: int = 128 << 20
    flush_seconds: float = 5.0
    max_record_bytes: int = 16 << 20
    dedupe_window: int = 500_000
    rows: RowOptions = field(default_factory=RowOptions)


@dataclass(frozen=True)
class Flushed:
    """What one flush made durable: `positions` are those each stream goes on from, `letters` its dead letters."""

    version: int
    positions: dict[Stream, int]
    counts: Counts
    seconds: float
    letters: dict[Stream, list[DeadLetter]] = field(default_factory=dict)


class Pipeline:
    """Takes batches in and makes them durable. One thread uses it."""

    def __init__(
        self, lake: Lake, options: IngestOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        reuse_memory()
        lake.check_writable()
        self._lake = lake
        self._options = options
        self._clock = clock
        self._adapters = load_adapters(options.adapters)
        if options.format is not None and options.format not in self._adapters:
            raise UsageError(
                f"there is no format {options.format!r}", hint=f"formats: {', '.join(self._adapters)}"
            )
        self._detector = Detector(self._adapters)
        self._redactor = Redactor(lake.site_key)
        self._builder = RowBuilder(lake.site_key, self._redactor, options.rows)
        self._letters = DeadLetters(lake, self._redactor)
        self._streams: dict[Stream, Pending] = {}
        self._seen = Seen(options.dedupe_window, lake)
        self._block = Block()
        self._usual: Adapter | None = None
        self._tables: list[pa.Table] = []
        self._bytes = 0
        self._since = clock()
        self.counts = Counts()

    # --- streams ----------------------------------------------------------------------------------------------

    def resume(self, stream: Stream) -> int | None:
        """Return the position to read from by the table's transaction, None if the stream was never taken in.

        Anything buffered of the stream is dropped.
        """
        self.drop([stream])
        last, _ = self._lake.position("events", stream.transaction)
        last_dead, _ = self._lake.position("dead_letters", stream.transaction)
        after = -1 if last is None else last
        beyond, _ = self._lake.position("events", reread_of(stream.transaction))
        again = beyond is not None and beyond > after
        if again:
            self._seen.keep(identities_beyond(self._lake, stream.topic, stream.partition, after))
        ahead = last_dead is not None and last_dead > after
        known = self._letters.known(stream, after) if ahead or again else set()
        self._streams[stream] = Pending(stream, last, last_dead, known, after + 1)
        return None if last is None else last + 1

    def holds(self, stream: Stream) -> bool:
        """Say whether anything of the stream is not durable yet: the table's position is behind what was added."""
        return stream in self._streams and self._streams[stream].dirty

    def drop(self, streams: Iterable[Stream]) -> None:
        """Forget what is buffered of streams: someone else will read them again."""
        gone = [stream for stream in streams if stream in self._streams]
        if not gone:
            return
        if any(self._streams[stream].dirty for stream in gone):
            self._work()
            self._tables = [
                table for table in map(partial(self._without, gone), self._tables) if table.num_rows
            ]
            self._bytes = sum(table.nbytes for table in self._tables)
        for stream in gone:
            del self._streams[stream]

    def _without(self, gone: Sequence[Stream], table: pa.Table) -> pa.Table:
        for stream in gone:
            theirs = pc.and_(
                pc.equal(table["source_topic"], stream.topic),
                pc.equal(table["source_partition"], stream.partition),
            )
            self._seen.forget(identities_of(table.filter(theirs)))
            table = table.filter(pc.invert(theirs))
        return table

    def record_gap(self, stream: Stream, first: int, last: int) -> None:
        """Record that positions first..last were gone before we could read them; durable with the next flush."""
        pending = self._streams[stream]
        pending.gaps.append((first, last))
        pending.next = max(pending.next, last + 1)
        pending.dirty = True

    # --- in ---------------------------------------------------------------------------------------------------

    def add(self, batch: Batch) -> None:
        """Take a batch in. Records at positions the lake already has count as replayed."""
        pending = self._streams[batch.stream]
        first = 0
        if pending.expected is not None and batch.positions and batch.positions[0] <= pending.expected:
            first = bisect_right(batch.positions, pending.expected)
            pending.counts.records += first
            pending.counts.replayed += first
        self._block.add(batch, first)
        for piece in batch.unreadable:
            pending.counts.records += 1
            if pending.expected is not None and piece.position <= pending.expected:
                pending.counts.replayed += 1
                continue
            self._bury(pending, piece.position, 0, piece.line, piece.raw, ("framing", piece.reason, None))
        pending.next = max(pending.next, batch.next)
        pending.seal = batch.seal
        pending.dirty = True
        if len(self._block.raw) >= BLOCK_RECORDS or self._block.bytes >= BLOCK_BYTES:
            self._work()

    def _work(self) -> None:
        """Turn the waiting records into rows and dead letters."""
        block, self._block = self._block, Block()
        if block.raw:
            with _collector_paused():
                self._work_on(block)

    def _work_on(self, block: Block) -> None:
        now = datetime.now(UTC)
        if self._usual is not None and (read := self._expected(block, self._usual)) is not None:
            self._rows_of(block, self._usual, range(len(block.raw)), now, read)
            return
        formats = self._formats(block)
        self._usual = self._adapters.get(formats[0] or "") if len(set(formats)) == 1 else None
        for format_id in dict.fromkeys(formats):
            chosen = [i for i, f in enumerate(formats) if f == format_id]
            if format_id is None:
                self._unknown(block, chosen)
            elif format_id != _UNDECODABLE:
                self._rows_of(block, self._adapters[format_id], chosen, now)

    def _expected(self, block: Block, adapter: Adapter) -> Read | None:
        """Read a block as the format of the one before; None unless what was read proves that it is that format."""
        if adapter.fields is None or self._too_long(block.raw):
            return None
        if any(not_utf8(block.raw[start : start + PIECE]) for start in range(0, len(block.raw), PIECE)):
            return None
        read = read_block(adapter, block.raw)
        sure = self._options.format is not None or self._detector.is_sure(adapter, read.everywhere())
        return read if sure and read.is_plain() else None

    def _formats(self, block: Block) -> list[str | None]:
        """Return each record's format; records that are no UTF-8, or too long, are buried at once."""
        formats: list[str | None] = []
        for start in range(0, len(block.raw), PIECE):
            piece = block.raw[start : start + PIECE]
            wrong = [(i, f"not UTF-8 at byte {at}") for i, at in not_utf8(piece)]
            wrong += [pair for pair in self._too_long(piece) if pair[0] not in dict(wrong)]
            found = (
                [self._options.format] * len(piece) if self._options.format else self._detector.formats(piece)
            )
            for i, reason in wrong:
                found[i] = _UNDECODABLE
                self._count(block, start + i).records += 1
                self._bury_record(block, start + i, ("decode", reason, None))
            formats += found
        return formats

    def _too_long(self, piece: Sequence[bytes]) -> list[tuple[int, str]]:
        limit = self._options.max_record_bytes
        if max(map(len, piece)) <= limit:
            return []
        return [
            (i, f"{len(raw)} bytes; at most {limit} are read (ingest.max_record_bytes), the head is kept")
            for i, raw in enumerate(piece)
            if len(raw) > limit
        ]

    def _unknown(self, block: Block, chosen: Sequence[int]) -> None:
        """Take apart the records that hold several objects, which nothing tells from one; bury the others."""
        whole, pieces = block.divide(chosen)
        if pieces.raw:
            self._work_on(pieces)
        for i in whole:
            self._count(block, i).records += 1
            self._bury_record(block, i, ("detect", self._detector.why_not(block.raw[i]), None))

    def _rows_of(
        self, block: Block, adapter: Adapter, chosen: Sequence[int], now: datetime, read: Read | None = None
    ) -> None:
        records = block.pick(chosen)
        built = self._builder.build(adapter, records, now, read)
        for reject in [*built.rejects, *_vanished(built, len(chosen))]:
            self._count(block, chosen[reject.record]).records += 1
            self._bury_record(block, chosen[reject.record], ("parse", reject.reason, adapter.id))
        bad = {invalid.row: invalid.reason for invalid in reversed(built.invalid)}
        for row, reason in bad.items():
            within = built.table["sub_index"][row].as_py()
            self._bury_record(block, chosen[built.record[row]], ("validate", reason, adapter.id), within)
        source = np.array(records.source, dtype=np.int64)[np.array(built.record, dtype=np.int64)]
        fresh = self._seen.fresh(built.identities)
        keep = np.ones(len(source), dtype=np.bool_)
        if fresh is not None:
            keep[:] = False
            keep[fresh] = True
        repeated = ~keep
        keep[list(bad)] = False
        repeated[list(bad)] = False
        self._tally(block, source, keep, repeated)
        if keep.any():
            table = built.table if keep.all() else built.table.filter(pa.array(keep))
            self._tables.append(table)
            self._bytes += table.nbytes

    def _tally(self, block: Block, source: Places, keep: Flags, repeated: Flags) -> None:
        """Count, for each stream, what came in and what became of it."""
        size = len(block.streams)
        came = np.bincount(source, minlength=size).tolist()
        kept = np.bincount(source[keep], minlength=size).tolist()
        again = np.bincount(source[repeated], minlength=size).tolist()
        for index, stream in enumerate(block.streams):
            counts = self._streams[stream].counts
            counts.records += came[index]
            counts.rows += kept[index]
            counts.replayed += again[index]

    def _count(self, block: Block, i: int) -> Counts:
        return self._streams[block.streams[block.source[i]]].counts

    def _bury_record(self, block: Block, i: int, why: Why, within: int | None = None) -> None:
        pending = self._streams[block.streams[block.source[i]]]
        sub = block.subs[i] if within is None else within
        self._bury(pending, block.positions[i], sub, block.lines[i], block.raw[i], why)

    def _bury(
        self, pending: Pending, position: int, sub: int, line: int | None, raw: bytes, why: Why
    ) -> None:
        letter = self._letters.letter(pending.stream, position, sub, line, raw, *why)
        if letter.dead_id in pending.known_dead:
            pending.counts.replayed += 1
            return
        pending.dead.append(letter)
        pending.counts.dead += 1
        self._bytes += len(letter.raw)

    # --- out --------------------------------------------------------------------------------------------------

    def should_flush(self) -> bool:
        """Say whether what is buffered is large or old enough to be made durable."""
        if not any(p.dirty for p in self._streams.values()):
            self._since = self._clock()
            return False
        return self.is_full() or self._clock() - self._since >= self._options.flush_seconds

    def is_full(self) -> bool:
        """Say whether the buffer has reached its bound: a source must not add more before a flush."""
        rows = sum(table.num_rows for table in self._tables) + len(self._block.raw)
        return (
            rows >= self._options.flush_rows or self._bytes + self._block.bytes >= self._options.flush_bytes
        )

    def flush(self) -> Flushed:
        """Make everything buffered durable. Raises FencedError if another writer owns one of the streams."""
        began = self._clock()
        self._work()
        dirty = {s: p for s, p in self._streams.items() if p.dirty}
        counts = Counts()
        for pending in dirty.values():
            pending.counts.check()
            counts.add(pending.counts)
        letters = {stream: pending.dead for stream, pending in dirty.items() if pending.dead}
        self._write_dead(dirty)
        self._write_gaps(dirty)
        version = self._write_rows(dirty, counts) if dirty else self._lake.snapshot("events").version
        positions = {}
        for stream, pending in dirty.items():
            positions[stream] = pending.next
            last = pending.next - 1 if pending.next else None
            self._streams[stream] = Pending(
                stream, last, pending.dead_expected, pending.known_dead, pending.next
            )
        self._tables = []
        self._bytes = 0
        self._since = self._clock()
        self.counts.add(counts)
        return Flushed(version, positions, counts, self._clock() - began, letters)

    def _write_dead(self, dirty: dict[Stream, Pending]) -> None:
        """Write the letters; a second try after a failed commit of the rows finds nothing left to write."""
        bereft = [p for p in dirty.values() if p.dead]
        if not bereft:
            return
        reached = {p.stream: p.dead_position() for p in bereft}
        steps = [Advance(p.stream.transaction, p.dead_expected, reached[p.stream]) for p in bereft]
        self._letters.write([letter for p in bereft for letter in p.dead], steps)
        for pending in bereft:
            pending.dead_expected = reached[pending.stream]
            pending.known_dead |= {letter.dead_id for letter in pending.dead}
            pending.dead = []

    def _write_gaps(self, dirty: dict[Stream, Pending]) -> None:
        """Write the gaps that an earlier try, or an earlier process, has not written already."""
        now = datetime.now(UTC)
        rows, steps = [], []
        for stream, pending in dirty.items():
            known, _ = self._lake.position("gaps", stream.transaction) if pending.gaps else (None, None)
            after = -1 if known is None else known
            new = [(max(first, after + 1), last) for first, last in pending.gaps if last > after]
            rows += [_gap_row(stream, first, last, now) for first, last in new]
            if new:
                steps.append(Advance(stream.transaction, known, max(last for _, last in new)))
        if rows:
            self._lake.append("gaps", pa.Table.from_pylist(rows, GAPS.schema), steps)

    def _write_rows(self, dirty: dict[Stream, Pending], counts: Counts) -> int:
        steps = [Advance(s.transaction, p.expected, p.next - 1, p.seal) for s, p in dirty.items() if p.next]
        note = {"in": counts.records, "rows": counts.rows, "dead": counts.dead, "replayed": counts.replayed}
        return self._lake.append("events", assemble(self._tables), steps, note)


def _gap_row(stream: Stream, first: int, last: int, now: datetime) -> dict[str, Any]:
    return {
        "detected_time": now, "gap_date": now.date(), "source_topic": stream.topic,
        "source_partition": stream.partition, "first_offset": first, "last_offset": last,
        "cause": "expired before it was read",
    }  # fmt: skip


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Hold Python's cycle collector: a block makes millions of objects and no cycles, and it would trace them all."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _vanished(built: Built, records: int) -> list[Reject]:
    """Return the records that gave neither a row nor a reject: an adapter may not lose one."""
    if len(built.record) == records and not built.rejects:
        return []
    accounted = {*built.record, *(reject.record for reject in built.rejects)}
    return [Reject(i, "holds no event") for i in range(records) if i not in accounted]


def assemble(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables that each hold some canonical columns into one that holds them all; coded columns stay so."""
    schema = pa.schema([f.with_type(CODES) if f.name in CODED else f for f in arrow_schema()])
    if not tables:
        return schema.empty_table()
    joined = pa.concat_tables(tables, promote_options="default")
    rows = joined.num_rows
    present = set(joined.column_names)
    return pa.table(
        [joined[f.name] if f.name in present else pa.nulls(rows, f.type) for f in schema], schema=schema
    )
