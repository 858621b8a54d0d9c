"""Read dead letters again with today's adapters, as after one of them was mended or added.

A letter is never deleted: it is settled when the lake holds a row from its place. What a letter gives keeps the
letter's source position and the hash of the record as it arrived, so it is the row a good first reading would have
given, save what redaction took. A raw session id is among that, so such a row has no session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ingest.catalog import Detector, load_adapters
from ingest.deadletters import MAX_RAW
from ingest.delivery import Stream
from ingest.loop import IngestOptions
from ingest.parsed import Adapter, Parsed
from ingest.redact import Redactor
from ingest.rows import Built, Records, RowBuilder
from store.commit import Advance
from store.errors import UsageError
from store.events import arrow_schema
from store.lake import Lake

STREAM = "deadletters.replay"
"""The app id whose position counts replays: of two at once only one commits, the other is fenced."""
WARNING = "dead_letter_replayed"
"""The parse warning of rows made here."""
CHUNK = 500
"""Letters read again in one commit."""

_MARKER = "[REDACTED:"
_PLACES = """
WITH settled AS (
  SELECT DISTINCT d.dead_id
  FROM events e JOIN dead_letters d USING (source_topic, source_partition, source_offset, sub_index)
)
SELECT dead_id, phase, raw_bytes, dead_id IN (FROM settled) AS settled
FROM dead_letters ORDER BY ingest_time DESC, dead_id
"""
_WHOLE = "SELECT * FROM dead_letters WHERE list_contains($ids, dead_id) ORDER BY ingest_time DESC, dead_id"
_THERE = "SELECT event_id, raw_sha256 FROM events WHERE list_contains($ids, event_id)"


@dataclass(frozen=True)
class Replayed:
    """What became of the letters asked for: each was tried, settled already, or cut and so not readable again."""

    tried: int = 0
    rows: int = 0
    still_dead: int = 0
    already: int = 0
    cut: int = 0


def replay(
    lake: Lake, options: IngestOptions | None = None, dead_ids: Sequence[str] | None = None
) -> Replayed:
    """Read unsettled letters again and append the rows they give; doing it twice adds nothing.

    `dead_ids` are ids or beginnings of ids, None for all letters. Raises UsageError for an id there is none of,
    FencedError when another replay of the same lake was faster.
    """
    reader = _Reader(lake, options or IngestOptions())
    position, _ = lake.position("events", STREAM)
    letters = _chosen(lake.sql(_PLACES).arrow().to_pylist(), dead_ids)
    already = sum(letter["settled"] for letter in letters)
    waiting = [letter for letter in letters if not letter["settled"]]
    readable = [letter["dead_id"] for letter in waiting if not _is_cut(letter)]
    tried = rows = still_dead = 0
    for start in range(0, len(readable), CHUNK):
        found = lake.sql(_WHOLE, {"ids": readable[start : start + CHUNK]}).arrow().to_pylist()
        read = reader.read(found)
        fresh = _fresh(lake, read)
        tried += len(found)
        still_dead += sum(not events for events in read)
        if fresh:
            step = Advance(STREAM, position, 0 if position is None else position + 1)
            lake.append("events", pa.Table.from_pylist(fresh, arrow_schema()), [step], {"rows": len(fresh)})
            rows, position = rows + len(fresh), step.position
    return Replayed(tried, rows, still_dead, already, len(waiting) - len(readable))


def _chosen(letters: list[dict[str, Any]], dead_ids: Sequence[str] | None) -> list[dict[str, Any]]:
    if dead_ids is None:
        return letters
    chosen: dict[str, dict[str, Any]] = {}
    for beginning in dead_ids:
        found = {x["dead_id"]: x for x in letters if x["dead_id"].startswith(beginning.lower())}
        if len(found) != 1:
            problem = "no dead letter has an id that begins" if not found else "more than one id begins"
            raise UsageError(
                f"{problem} with {beginning!r}", hint="`tooltrail deadletters list` shows the ids"
            )
        chosen |= found
    return list(chosen.values())


def _is_cut(letter: dict[str, Any]) -> bool:
    """Say whether no whole record was kept: it was too long, or none could be cut from its stream."""
    return bool(letter["raw_bytes"] > MAX_RAW or letter["phase"] == "framing")


def _fresh(lake: Lake, read: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the rows the lake does not hold, from this place or another, each once."""
    rows = {(r["event_id"], r["raw_sha256"]): r for events in read for r in events}
    if not rows:
        return []
    there = lake.sql(_THERE, {"ids": sorted({event_id for event_id, _ in rows})}).arrow().to_pylist()
    for row in there:
        rows.pop((row["event_id"], row["raw_sha256"]), None)
    return list(rows.values())


class _Reader:
    """Makes rows of letters."""

    def __init__(self, lake: Lake, options: IngestOptions) -> None:
        self._adapters = load_adapters(options.adapters)
        self._detector = Detector(self._adapters)
        self._builder = RowBuilder(lake.site_key, Redactor(lake.site_key), options.rows)
        self._format = options.format

    def read(self, letters: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """Return the rows of each letter, none where it is still dead; one place gives rows once."""
        places = set()
        read = []
        for letter in letters:
            place = tuple(
                letter[n] for n in ("source_topic", "source_partition", "source_offset", "sub_index")
            )
            rows = [] if place in places else self._one(letter)
            if rows:
                places.add(place)
            read.append(rows)
        return read

    def _one(self, letter: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            letter["raw"].decode()
        except UnicodeDecodeError:
            return []
        for adapter in self._candidates(letter):
            if rows := self._rows(adapter, letter):
                return [_marked(row, letter["redactions"] or []) for row in rows]
        return []

    def _candidates(self, letter: dict[str, Any]) -> Iterator[Adapter]:
        """Yield the adapters to try: the one asked for, else the one that recognises it, else the first reader."""
        detected = None if self._format else self._detector.formats([letter["raw"]])[0]
        wanted = [self._format] if self._format else [detected, letter["source_format"]]
        for name in dict.fromkeys(wanted):
            if name in self._adapters:
                yield self._adapters[name]

    def _rows(self, adapter: Adapter, letter: dict[str, Any]) -> list[dict[str, Any]]:
        sub = letter["sub_index"]
        rows = self._built(adapter, letter, sub)
        if len(rows) > 1 and letter["phase"] == "validate":  # the record's other events were rows at once
            rows = [row for row in self._built(adapter, letter, sub >> 16) if row["sub_index"] == sub]
        return rows

    def _built(self, adapter: Adapter, letter: dict[str, Any], sub: int) -> list[dict[str, Any]]:
        stream = Stream(letter["source_topic"], letter["source_partition"], letter["place"])
        whole = [bytes.fromhex(letter["raw_sha256"])]
        records = Records([letter["raw"]], [letter["source_offset"]], [sub], [0], [stream], whole)
        parse = adapter.parse
        built = self._builder.build(
            replace(adapter, parse=lambda raw: _without_markers(parse(raw))), records, datetime.now(UTC)
        )
        return _valid(built)


def _without_markers(parsed: Parsed) -> Parsed:
    """Leave out session ids that were redacted: the hash of a marker would pass for a session."""
    sessions = parsed.columns.get("session_id")
    if sessions is not None:
        kept = [None if s is not None and _MARKER in s else s for s in sessions]
        parsed.columns = {**parsed.columns, "session_id": kept}
    return parsed


def _valid(built: Built) -> list[dict[str, Any]]:
    bad = {invalid.row for invalid in built.invalid}
    rows: list[dict[str, Any]] = built.table.to_pylist()
    return [row for i, row in enumerate(rows) if i not in bad]


def _marked(row: dict[str, Any], redactions: list[dict[str, str]]) -> dict[str, Any]:
    """Return a row that tells where it is from and what the letter's redaction took."""
    taken = [{**r, "path": r["path"].removeprefix("/")} for r in redactions]
    row["redactions"] = [*(row.get("redactions") or []), *taken] or None
    row["parse_warnings"] = [*(row.get("parse_warnings") or []), WARNING]
    if row["args_state"] == "full" and _MARKER in (row.get("args_json") or ""):
        row["args_state"] = "redacted"
    return row
