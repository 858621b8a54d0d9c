"""From records to canonical rows: parsed, redacted, fingerprinted, identified, validated, a block at a time.

Two sizes matter. Records are parsed and fingerprinted in pieces that stay in the processor's cache; redaction looks
at the whole block, because setting up its patterns costs as much as searching a thousand records.
"""

from __future__ import annotations

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
from ingest.canonical import derive, stamp_times, text_column
from ingest.delivery import Stream
from ingest.fingerprint import Fingerprinter, Fingerprints
from ingest.parsed import Adapter, Parsed, Reject
from ingest.redact import Redacted, Redaction, Redactor
from ingest.times import parse_times
from store.events import ACTORS, BY_NAME, FINGERPRINTS, REDACTIONS, TEXT, TEXTS, TIME
from store.keys import Hmac
from store.validate import Invalid, cut_long, invalid_enums

PIECE = 512
"""Records parsed together: few enough that their Python objects stay in the processor's cache."""
FINGERPRINTED = 2048
"""Records fingerprinted together: their bytes do not fill the cache as objects do, and NumPy calls cost."""

PIECE_BYTES = 512 << 10
"""And no more than these: a record that is an export of many events makes as many objects."""

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
class _Read:
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


class RowBuilder:
    """Builds canonical rows under one site key."""

    def __init__(self, site_key: bytes, redactor: Redactor, options: RowOptions) -> None:
        self._redactor = redactor
        self._options = options
        self._fingerprinter = Fingerprinter(site_key)
        self._session_key = Hmac(site_key, "session-key")
        self._content_key = Hmac(site_key, "content-digest")
        self._sessions: dict[str, str] = {}

    def build(self, adapter: Adapter, records: Records, now: datetime) -> Built:
        """Read a block of records of one format and make rows of them."""
        read = _read(adapter, records.raw)
        arrays, rows = read.arrays, len(read.record)
        if not rows:
            return Built(pa.table({}), [], [], read.invalid, read.rejects)
        arguments, argument_states = content.documents(read.arguments)
        results, result_states = content.documents(read.results)
        taken = self._redact(read, arguments, results)
        content.mark_redacted(argument_states, result_states, taken)
        arrays["source_format"] = pa.repeat(adapter.id, rows)
        self._content(arrays, arguments, argument_states, results, result_states)
        if any(read.sessions):
            arrays["session_key"] = pa.array(self._session_keys(read.sessions), TEXT)
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

    def _redact(self, read: _Read, arguments: list[bytes], results: list[bytes]) -> Taken:
        """Take the secrets out of all content and free text; returns what was taken.

        All of it is searched in one call: contents row by row, texts each once however many rows hold them.
        """
        taken: Taken = {}
        contents = {"arguments": arguments, "result": results}
        if any(read.unmapped):
            contents["unmapped"] = [raw or b"" for raw in read.unmapped]
        texts = {n: a for n, a in read.arrays.items() if n not in _SAFE and (a.type in (TEXT, TEXTS, ACTORS))}
        distinct = _distinct(texts.values())
        column = pa.concat_arrays([*(text_column(documents) for documents in contents.values()), distinct])
        suspects = np.flatnonzero(self._redactor.suspects_in(pl.Series(column)))
        rows = len(arguments)
        names = list(contents)
        for place in suspects[suspects < rows * len(names)].tolist():
            name, row = names[place // rows], place % rows
            clean = self._redactor.json(contents[name][row])
            if clean.redactions:
                contents[name][row] = _bytes(clean.text)
                taken.setdefault(row, []).extend(_noted(name, clean.redactions))
        self._redact_texts(
            read.arrays,
            texts,
            [column[p].as_py() for p in suspects.tolist() if p >= rows * len(names)],
            taken,
        )
        if "unmapped" in contents:
            read.arrays["unmapped"] = text_column(contents["unmapped"])
        return taken

    def _redact_texts(
        self, arrays: dict[str, pa.Array], texts: dict[str, pa.Array], suspects: list[str], taken: Taken
    ) -> None:
        found = ((text, self._redactor.text(text)) for text in suspects)
        cleaned = {text: clean for text, clean in found if clean.redactions}
        if not cleaned:
            return
        for name, column in texts.items():
            values = column.to_pylist()
            changed = False
            for row, value in enumerate(values):
                values[row], redactions = _replaced(value, cleaned)
                if redactions:
                    taken.setdefault(row, []).extend(_noted(name, redactions))
                    changed = True
            if changed:
                arrays[name] = pa.array(values, column.type)

    # --- content ----------------------------------------------------------------------------------------------

    def _content(
        self, arrays: dict[str, pa.Array], arguments: list[bytes], argument_states: list[str],
        results: list[bytes], result_states: list[str],
    ) -> None:  # fmt: skip
        self._fingerprint(arrays, arguments, results)
        if any(arguments):
            digests, pointers = content.argument_digests(self._content_key, arguments)
            arrays["args_hmac"] = pa.array(digests, TEXT)
            arrays["args_keys"] = pointers
            if self._options.keep_arguments:
                arrays["args_json"] = content.kept(
                    arguments, argument_states, self._options.max_argument_chars
                )
        if any(results):
            arrays["result_hmac"] = pa.array(content.result_digests(self._content_key, results), TEXT)
        arrays["args_state"] = pa.array(argument_states, TEXT)
        arrays["result_state"] = pa.array(result_states, TEXT)

    def _fingerprint(self, arrays: dict[str, pa.Array], arguments: list[bytes], results: list[bytes]) -> None:
        if not any(arguments) and not any(results):
            return
        parts: dict[str, list[pa.Array]] = {n: [] for n in (*_FINGERPRINTED, "args_addresses")}
        for start in range(0, len(arguments), FINGERPRINTED):
            piece = [*arguments[start : start + FINGERPRINTED], *results[start : start + FINGERPRINTED]]
            half = len(piece) // 2
            leaves, shingles = self._fingerprinter.fingerprint(piece, half)
            absent = np.fromiter((not d for d in piece), np.bool_, len(piece))
            for name, (kind, first) in _FINGERPRINTED.items():
                begin = first * half
                found = leaves if kind == "leaves" else shingles
                parts[name].append(_lists(found, begin, half, absent[begin : begin + half]))
            parts["args_addresses"].append(_lists(_addresses(leaves), 0, half, absent[:half]))
        for name, chunks in parts.items():
            arrays[name] = pa.concat_arrays(chunks)

    def _session_keys(self, raw: Sequence[str | None]) -> list[str | None]:
        known = self._sessions
        if len(known) > _REMEMBERED_SESSIONS:
            known.clear()
        for session in set(raw):
            if session is not None and session not in known:
                known[session] = self._session_key.digest(session.encode(errors="replace"))
        return [None if session is None else known[session] for session in raw]


_REMEMBERED_SESSIONS = 100_000
_FINGERPRINTED = {
    "args_leaves": ("leaves", 0), "result_leaves": ("leaves", 1),
    "args_shingles": ("shingles", 0), "result_shingles": ("shingles", 1),
}  # fmt: skip


def _distinct(columns: Iterable[pa.Array]) -> pa.Array:
    """Return each text of the columns once; lists and actors give the texts in them."""
    found = []
    for column in columns:
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


def _lists(found: Fingerprints, start: int, rows: int, absent: NDArray[np.bool_]) -> pa.Array:
    first, last = int(found.offsets[start]), int(found.offsets[start + rows])
    offsets = found.offsets[start : start + rows + 1] - found.offsets[start]
    values = pa.array(found.values[first:last], pa.int64())
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), values, FINGERPRINTS, mask=pa.array(absent)
    )


# --- reading ----------------------------------------------------------------------------------------------------


def _read(adapter: Adapter, raw: Sequence[bytes]) -> _Read:
    """Parse a block piece by piece and join the pieces."""
    out = _Read({}, [], [], [], [], {}, [], [], [])
    parts: list[tuple[int, dict[str, pa.Array]]] = []
    record: list[int] = []
    for start, end in _pieces(raw):
        parsed = adapter.parse(raw[start:end])
        parts.append((parsed.rows, _take_in(out, parsed, len(record))))
        record += [start + i for i in (parsed.record if parsed.record is not None else range(parsed.rows))]
        out.rejects += [Reject(start + r.record, r.reason) for r in parsed.rejects]
    out.record = range(len(raw)) if record == list(range(len(raw))) else record
    names = dict.fromkeys(name for _, arrays in parts for name in arrays)
    for name in names:
        kind = BY_NAME[name].type
        out.arrays[name] = pa.concat_arrays([a[name] if name in a else pa.nulls(n, kind) for n, a in parts])
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


def _take_in(out: _Read, parsed: Parsed, row: int) -> dict[str, pa.Array]:
    """Take the raw columns of one piece into `out`, and return the others as Arrow columns."""
    rows, columns = parsed.rows, parsed.columns
    nothing: list[Any] = [None] * rows
    out.arguments += columns.pop("arguments", nothing)
    out.results += columns.pop("result", nothing)
    out.sessions += columns.pop("session_id", nothing)
    out.unmapped += columns.pop("unmapped", nothing)
    for i, words in enumerate(columns.pop("parse_warnings", ())):
        if words:
            out.warnings[row + i] = list(words)
    arrays = {}
    for name, values in columns.items():
        if values.count(None) < rows:
            arrays[name] = _column(name, values, row, out.invalid)
    for name, value in parsed.constants.items():
        if name not in arrays:
            arrays[name] = pa.repeat(pa.scalar(value, BY_NAME[name].type), rows)
    return arrays


def _column(name: str, values: Sequence[Any], row: int, invalid: list[Invalid]) -> pa.Array:
    kind = BY_NAME[name].type
    if kind == TIME:
        parsed, wrong = parse_times(values)
        invalid += [Invalid(row + i, f"{name}: not an RFC 3339 time: {str(values[i])[:64]!r}") for i in wrong]
        return parsed
    try:
        return pa.array(values, kind)
    except _UNFIT:
        return pa.array([_fitting(name, value, row + i, invalid) for i, value in enumerate(values)], kind)


_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError)


def _fitting(name: str, value: Any, row: int, invalid: list[Invalid]) -> Any:
    try:
        pa.scalar(value, BY_NAME[name].type)
    except _UNFIT as error:
        invalid.append(Invalid(row, f"{name}: {str(error)[:200]}"))
        return None
    return value


# --- identity ---------------------------------------------------------------------------------------------------


def _identify(arrays: dict[str, pa.Array], records: Records, record: Sequence[int]) -> list[bytes]:
    """Fill the columns that say which record this is and where it stands; returns a short identity for each row."""
    hashes = records.hashes or [sha256(raw).digest() for raw in records.raw]
    subs = _sub_indexes(record, records.subs)
    names = [sha256(basis).digest()[:16] for basis in _bases(arrays, records, record, hashes, subs)]
    by_row = hashes if len(record) == len(hashes) else [hashes[i] for i in record]
    arrays["event_id"] = _hex_column(names, 16)
    arrays["raw_sha256"] = _hex_column(by_row, 32)
    arrays["sub_index"] = pa.array(subs, pa.int64())
    at = np.asarray(record, dtype=np.int64)
    source = pa.array(np.array(records.source, dtype=np.int32)[at])
    arrays["source_topic"] = pa.array([s.topic for s in records.streams], TEXT).take(source)
    arrays["source_partition"] = pa.array([s.partition for s in records.streams], pa.int64()).take(source)
    arrays["source_offset"] = pa.array(np.array(records.positions, dtype=np.int64)[at])
    return [name + whole[:8] for name, whole in zip(names, by_row, strict=True)]


def _bases(
    arrays: dict[str, pa.Array],
    records: Records,
    record: Sequence[int],
    hashes: Sequence[bytes],
    subs: Sequence[int],
) -> list[bytes]:
    """Return what identifies each row: its native id, or its bytes and its place in the file or message."""
    rows = len(record)
    systems = arrays["source_system"].to_pylist()
    natives = arrays["native_event_id"].to_pylist() if "native_event_id" in arrays else [None] * rows
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


def _hex_column(digests: Sequence[bytes], size: int) -> pa.Array:
    """Return digests of one size as a column of hex text, without making a Python string of each."""
    text = b"".join(digests).hex().encode()
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * (2 * size)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(text))


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


def _cut(arrays: dict[str, pa.Array], warnings: dict[int, list[str]]) -> None:
    for name, values in arrays.items():
        column = BY_NAME[name]
        if column.type == TEXT and not column.enum and name != "args_json":
            arrays[name], cut = cut_long(name, values)
            for row in cut.tolist():
                warnings.setdefault(row, []).append(f"value_too_long:{name}")
