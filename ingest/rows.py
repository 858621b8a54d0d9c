"""From records to canonical rows: parsed, redacted, fingerprinted, identified, validated, a block at a time.

Two sizes matter. Records are parsed and fingerprinted in pieces that stay in the processor's cache; redaction looks
at the whole block, because setting up its patterns costs as much as searching a thousand records.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest import content
from ingest.canonical import derive, hex_column, stamp_times, text_column
from ingest.columns import CODES, Columns, listed, repeated, rows_with
from ingest.content import Contents
from ingest.delivery import Stream
from ingest.fingerprint import Fingerprinter, Fingerprints
from ingest.parsed import Adapter, Parsed, Reject
from ingest.redact import Redacted, Redaction, Redactor
from ingest.repeated_keys import WARNING, repeating
from store.events import ACTORS, BY_NAME, FINGERPRINTS, REDACTIONS, TEXT, TEXTS
from store.keys import Hmac
from store.validate import Invalid, cut_long, invalid_enums

PIECE = 512
"""Records parsed together: few enough that their Python objects stay in the processor's cache."""
FINGERPRINTED = 2048
"""Records fingerprinted together: their bytes do not fill the cache as objects do, and NumPy calls cost."""

PIECE_BYTES = 512 << 10
"""And no more than these: a record that is an export of many events makes as many objects."""

_FREE = (TEXT, CODES, TEXTS, ACTORS)
_SAFE = frozenset(name for name, c in BY_NAME.items() if c.enum)
"""Columns that cannot hold free text: enums are checked word by word."""

Taken = dict[int, list[dict[str, str]]]
"""What was taken out, by row: path, kind and digest of each secret."""


@dataclass(frozen=True)
class RowOptions:
    """What of the arguments is kept."""

    keep_arguments: bool = True
    max_argument_chars: int = 16_384


@dataclass
class Records:
    """Records with where each stands; the lists run in parallel. `source[i]` is an index into `streams`.

    `hashes` are the SHA-256 of the records as they arrived, None where `raw` is that.
    """

    raw: Sequence[bytes]
    positions: Sequence[int]
    subs: Sequence[int] | None
    source: Sequence[int]
    streams: Sequence[Stream]
    hashes: Sequence[bytes] | None = None


@dataclass
class Built:
    """Canonical rows, the record and identity of each, and what did not become a valid row."""

    table: pa.Table
    record: Sequence[int]
    identities: list[bytes]
    invalid: list[Invalid]
    rejects: list[Reject]


@dataclass
class Read:
    """What an adapter read of a block, before anything is done about it."""

    arrays: dict[str, pa.Array]
    arguments: list[bytes | str | None]
    results: list[bytes | str | None]
    sessions: list[str | None]
    unmapped: list[bytes | None]
    warnings: dict[int, list[str]]
    record: Sequence[int]
    invalid: list[Invalid]
    rejects: list[Reject]

    def everywhere(self) -> list[str]:
        """Return the columns every row has a value in."""
        return [name for name, array in self.arrays.items() if not array.null_count]

    def is_plain(self) -> bool:
        """Say whether each record gave one row, and nothing in it was unknown to the adapter."""
        return isinstance(self.record, range) and not self.rejects and not any(self.unmapped)


class RowBuilder:
    """Builds canonical rows under one site key."""

    def __init__(self, site_key: bytes, redactor: Redactor, options: RowOptions) -> None:
        self._redactor = redactor
        self._options = options
        self._fingerprinter = Fingerprinter(site_key)
        self._session_key = Hmac(site_key, "session-key")
        self._content_key = Hmac(site_key, "content-digest")
        self._sessions: dict[str, str] = {}

    def build(self, adapter: Adapter, records: Records, now: datetime, read: Read | None = None) -> Built:
        """Make rows of a block of records of one format, which may have been read already."""
        read = read_block(adapter, records.raw) if read is None else read
        arrays, rows = read.arrays, len(read.record)
        if not rows:
            return Built(pa.table({}), [], [], read.invalid, read.rejects)
        contents = {"arguments": Contents.of(read.arguments), "result": Contents.of(read.results)}
        _note_repeated_keys(read, records.raw, contents["arguments"])
        taken = self._redact(read, contents)
        if "source_format" not in arrays:  # an envelope names the adapter that read each row
            arrays["source_format"] = repeated(adapter.id, rows)
        self._content(arrays, contents["arguments"], contents["result"])
        if any(read.sessions):
            arrays["session_key"] = pa.array(self._session_keys(read.sessions), TEXT).dictionary_encode()
        if taken:
            arrays["redactions"] = pa.array([taken.get(row) for row in range(rows)], REDACTIONS)
        stamp_times(arrays, read.warnings, rows, now)
        derive(arrays, rows)
        identities = _identify(arrays, records, read.record)
        invalid = [*read.invalid, *invalid_enums(arrays)]
        _cut(arrays, read.warnings)
        if read.warnings:
            arrays["parse_warnings"] = pa.array([read.warnings.get(row) for row in range(rows)], TEXTS)
        return Built(pa.table(arrays), read.record, identities, invalid, read.rejects)

    # --- redaction --------------------------------------------------------------------------------------------

    def _redact(self, read: Read, contents: dict[str, Contents]) -> Taken:
        """Take the secrets out of all content and free text; returns what was taken.

        All of it is searched in one call, each document and each text once however many rows hold it.
        """
        taken: Taken = {}
        if any(read.unmapped):
            contents = {**contents, "unmapped": Contents.of(read.unmapped)}
        texts = {n: a for n, a in read.arrays.items() if n not in _SAFE and a.type in _FREE}
        columns = [text_column(held.documents) for held in contents.values()]
        column = pa.concat_arrays([*columns, _distinct(texts.values())])
        suspects = np.flatnonzero(self._redactor.suspects_in(pl.Series(column))).tolist()
        start = 0
        for name, held in contents.items():
            end = start + len(held.documents)
            for place in suspects[bisect_left(suspects, start) : bisect_left(suspects, end)]:
                self._redact_document(name, held, place - start, taken)
            start = end
        found = [column[place].as_py() for place in suspects[bisect_left(suspects, start) :]]
        self._redact_texts(read.arrays, texts, found, taken)
        if "unmapped" in contents:
            read.arrays["unmapped"] = contents["unmapped"].spread(text_column(contents["unmapped"].documents))
        return taken

    def _redact_document(self, name: str, held: Contents, place: int, taken: Taken) -> None:
        clean = self._redactor.json(held.documents[place])
        if not clean.redactions:
            return
        held.documents[place] = _bytes(clean.text)
        if held.states[place] == content.FULL:
            held.states[place] = "redacted"
        for row in held.rows_of(place):
            taken.setdefault(row, []).extend(_noted(name, clean.redactions))

    def _redact_texts(
        self, arrays: dict[str, pa.Array], texts: dict[str, pa.Array], suspects: list[str], taken: Taken
    ) -> None:
        found = ((text, self._redactor.text(text)) for text in suspects)
        cleaned = {text: clean for text, clean in found if clean.redactions}
        if not cleaned:
            return
        for name, column in texts.items():
            values = (column.dictionary if column.type == CODES else column).to_pylist()
            changed: dict[int, list[Redaction]] = {}
            for at, value in enumerate(values):
                values[at], redactions = _replaced(value, cleaned)
                if redactions:
                    changed[at] = redactions
            if not changed:
                continue
            arrays[name] = pa.array(values, TEXT if column.type == CODES else column.type)
            rows = {at: [at] for at in changed}
            if column.type == CODES:
                rows = rows_with(column, list(changed))
                arrays[name] = arrays[name].take(column.indices).dictionary_encode()
            for at, redactions in changed.items():
                for row in rows[at]:
                    taken.setdefault(row, []).extend(_noted(name, redactions))

    # --- content ----------------------------------------------------------------------------------------------

    def _content(self, arrays: dict[str, pa.Array], arguments: Contents, results: Contents) -> None:
        if any(arguments.documents) or any(results.documents):
            self._fingerprint(arrays, "args", arguments)
            self._fingerprint(arrays, "result", results)
        if any(arguments.documents):
            digests, pointers = content.argument_digests(self._content_key, arguments.documents)
            arrays["args_hmac"] = arguments.spread(digests)
            arrays["args_keys"] = arguments.spread(pointers)
            if self._options.keep_arguments:
                text = content.kept(arguments, self._options.max_argument_chars)
                arrays["args_json"] = arguments.spread(text)
        if any(results.documents):
            arrays["result_hmac"] = results.spread(content.digests(self._content_key, results.documents))
        arrays["args_state"] = arguments.state_column()
        arrays["result_state"] = results.state_column()

    def _fingerprint(self, arrays: dict[str, pa.Array], name: str, contents: Contents) -> None:
        parts: dict[str, list[pa.Array]] = {"leaves": [], "shingles": []}
        if name == "args":
            parts["addresses"] = []
        for start in range(0, len(contents.documents), FINGERPRINTED):
            piece = contents.documents[start : start + FINGERPRINTED]
            absent = np.fromiter((not d for d in piece), np.bool_, len(piece))
            leaves, shingles = self._fingerprinter.fingerprint(piece, len(piece) if name == "args" else 0)
            parts["leaves"].append(_lists(leaves, absent))
            parts["shingles"].append(_lists(shingles, absent))
            if name == "args":
                parts["addresses"].append(_lists(_addresses(leaves), absent))
        for kind, lists in parts.items():
            arrays[f"{name}_{kind}"] = contents.spread(pa.concat_arrays(lists))

    def _session_keys(self, raw: Sequence[str | None]) -> list[str | None]:
        known = self._sessions
        if len(known) > _REMEMBERED_SESSIONS:
            known.clear()
        for session in set(raw):
            if session is not None and session not in known:
                known[session] = self._session_key.digest(session.encode(errors="replace"))
        return [None if session is None else known[session] for session in raw]


_REMEMBERED_SESSIONS = 100_000


def _distinct(columns: Iterable[pa.Array]) -> pa.Array:
    """Return each text of the columns once; lists and actors give the texts in them."""
    found = []
    for column in columns:
        if column.type == CODES:
            found.append(column.dictionary)
            continue
        flat = column if column.type == TEXT else column.flatten()
        parts = flat.flatten() if pa.types.is_struct(flat.type) else [flat]
        found += [pc.unique(part) for part in parts]
    return pc.unique(pa.concat_arrays(found)) if found else pa.array([], TEXT)


def _replaced(value: Any, cleaned: Mapping[str, Redacted]) -> tuple[Any, list[Redaction]]:
    """Return a text, list or actor with its secrets taken out, and what was taken."""
    if isinstance(value, str):
        return (
            (str(cleaned[value].text), list(cleaned[value].redactions)) if value in cleaned else (value, [])
        )
    if isinstance(value, dict):
        pairs = {key: _replaced(inner, cleaned) for key, inner in value.items()}
        return {key: inner for key, (inner, _) in pairs.items()}, [
            r for _, taken in pairs.values() for r in taken
        ]
    if isinstance(value, list):
        items = [_replaced(inner, cleaned) for inner in value]
        return [inner for inner, _ in items], [r for _, taken in items for r in taken]
    return value, []


def _noted(name: str, redactions: Sequence[Redaction]) -> list[dict[str, str]]:
    return [{"path": f"{name}{r.path}", "kind": r.kind, "digest": r.digest} for r in redactions]


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _addresses(leaves: Fingerprints) -> Fingerprints:
    """Return the leaves that are addresses."""
    before = np.concatenate([[0], np.cumsum(leaves.address)])
    kept = leaves.address
    return Fingerprints(leaves.values[kept], before[leaves.offsets].astype(np.int32), kept[kept])


def _lists(found: Fingerprints, absent: NDArray[np.bool_]) -> pa.Array:
    return pa.ListArray.from_arrays(
        pa.array(found.offsets, pa.int32()), pa.array(found.values, pa.int64()), FINGERPRINTS,
        mask=pa.array(absent),
    )  # fmt: skip


# --- reading ----------------------------------------------------------------------------------------------------


def read_block(adapter: Adapter, raw: Sequence[bytes]) -> Read:
    """Parse a block piece by piece and join the pieces."""
    out = Read({}, [], [], [], [], {}, [], [], [])
    columns = Columns(out.invalid)
    record: list[int] = []
    whole = True
    for start, end in _pieces(raw):
        parsed = adapter.parse(raw[start:end])
        _take_in(out, columns, parsed, len(record))
        whole &= parsed.record is None and parsed.rows == end - start
        record += (
            range(start, start + parsed.rows) if parsed.record is None else (start + i for i in parsed.record)
        )
        out.rejects += [Reject(start + r.record, r.reason) for r in parsed.rejects]
    out.record = range(len(raw)) if whole else record
    out.arrays = columns.arrays(len(record))
    return out


def _pieces(raw: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of pieces of at most PIECE records and about PIECE_BYTES."""
    ends = np.cumsum(np.fromiter(map(len, raw), np.int64, len(raw)))
    start = 0
    while start < len(raw):
        before = int(ends[start - 1]) if start else 0
        within = int(np.searchsorted(ends, before + PIECE_BYTES)) + 1
        end = min(start + PIECE, max(within, start + 1), len(raw))
        yield start, end
        start = end


def _take_in(out: Read, columns: Columns, parsed: Parsed, row: int) -> None:
    """Take what one piece holds into the block."""
    rows, values = parsed.rows, dict(parsed.columns)
    nothing: list[Any] = [None] * rows
    out.arguments += values.pop("arguments", nothing)
    out.results += values.pop("result", nothing)
    out.sessions += values.pop("session_id", nothing)
    out.unmapped += values.pop("unmapped", nothing)
    for i, words in enumerate(values.pop("parse_warnings", ())):
        if words:
            out.warnings[row + i] = list(words)
    for name, column in values.items():
        columns.add(name, column, row)
    for name, value in parsed.constants.items():
        columns.constant(name, value, row, rows)


def _note_repeated_keys(read: Read, raw: Sequence[bytes], arguments: Contents) -> None:
    """Warn of records in which a key stands twice, and of arguments that came as a string in which one does."""
    rows: set[int] = set()
    whole = isinstance(read.record, range)
    read_records = range(len(raw)) if whole else list(dict.fromkeys(read.record))
    if places := repeating(raw if whole else [raw[record] for record in read_records]):
        records = {read_records[place] for place in places}
        rows.update(row for row, record in enumerate(read.record) if record in records)
    for place in repeating([arguments.documents[place] for place in arguments.told]):
        rows.update(arguments.rows_of(arguments.told[place]))
    for row in sorted(rows):
        read.warnings.setdefault(row, []).append(WARNING)


# --- identity ---------------------------------------------------------------------------------------------------


def _identify(arrays: dict[str, pa.Array], records: Records, record: Sequence[int]) -> list[bytes]:
    """Fill the columns that say which record this is and where it stands; returns a short identity for each row."""
    hashes = records.hashes or [sha256(raw).digest() for raw in records.raw]
    subs = _sub_indexes(record, records.subs)
    by_row = hashes if len(record) == len(hashes) else [hashes[i] for i in record]
    names = [sha256(basis).digest() for basis in _bases(arrays, records, record, hashes, subs)]
    name, whole = (np.frombuffer(b"".join(d), dtype=np.uint8).reshape(-1, 32) for d in (names, by_row))
    arrays["event_id"] = hex_column(name[:, :16])
    arrays["raw_sha256"] = hex_column(whole)
    arrays["sub_index"] = pa.array(np.array(subs, dtype=np.int64))
    at = np.asarray(record, dtype=np.int64)
    source = np.array(records.source, dtype=np.int32)[at]
    topics = pa.array([s.topic for s in records.streams], TEXT)
    arrays["source_topic"] = pa.DictionaryArray.from_arrays(source, topics)
    arrays["source_partition"] = pa.array(
        np.array([s.partition for s in records.streams], dtype=np.int64)[source]
    )
    arrays["source_offset"] = pa.array(np.array(records.positions, dtype=np.int64)[at])
    both = np.ascontiguousarray(np.concatenate([name[:, :16], whole[:, :8]], axis=1))
    identities: list[bytes] = both.view("V24").ravel().tolist()
    return identities


def _bases(
    arrays: dict[str, pa.Array],
    records: Records,
    record: Sequence[int],
    hashes: Sequence[bytes],
    subs: Sequence[int],
) -> list[bytes]:
    """Return what identifies each row: its native id, or its bytes and its place in the file or message."""
    rows = len(record)
    systems = listed(arrays["source_system"])
    natives = listed(arrays["native_event_id"]) if "native_event_id" in arrays else [None] * rows
    if None not in natives:
        return [f"{s}\0{n}\0{sub}".encode() for s, n, sub in zip(systems, natives, subs, strict=True)]
    # A file is one container; so is each Kafka message, whose topic can have no colon in its name.
    placed = [":" in stream.topic for stream in records.streams]
    bases = []
    for row, index in enumerate(record):
        if natives[row] is not None:
            bases.append(f"{systems[row]}\0{natives[row]}\0{subs[row]}".encode())
        else:
            place = records.positions[index] if placed[records.source[index]] else 0
            bases.append(b"%b\0%d\0%d" % (hashes[index], place, subs[row]))
    return bases


def _sub_indexes(record: Sequence[int], subs: Sequence[int] | None) -> list[int]:
    """Return each row's place inside its record; of several records in a message, the record's place comes first."""
    if isinstance(record, range):
        return list(subs) if subs is not None else [0] * len(record)
    numbers = []
    previous, place = -1, 0
    for index in record:
        place = place + 1 if index == previous else 0
        previous = index
        within = 0 if subs is None else subs[index]
        numbers.append((within << 16) + place if within and place else within or place)
    return numbers


_MEASURED = frozenset({"args_json", "event_id", "raw_sha256", "args_hmac", "result_hmac", "session_key"})
"""Texts whose length is ours, or that are cut elsewhere."""


def _cut(arrays: dict[str, pa.Array], warnings: dict[int, list[str]]) -> None:
    for name, values in arrays.items():
        column = BY_NAME[name]
        if column.type == TEXT and not column.enum and name not in _MEASURED:
            arrays[name], cut = cut_long(name, values)
            for row in cut.tolist():
                warnings.setdefault(row, []).append(f"value_too_long:{name}")
