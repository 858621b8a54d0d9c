"""Run a mapping over records: a column at a time, one reject for each record whose field does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ingest.decode import is_text, one_object_each, parse_object
from ingest.logfmt import pairs
from ingest.mapping.fields import NULL, UNFIT, Fields, Object, absent
from ingest.mapping.paths import Path, show_path
from ingest.mapping.spec import RAW, Condition, Mapping, Source
from ingest.mapping.values import checked, parts, values, words
from ingest.parsed import Parsed, Reject
from store.events import BY_NAME, TEXT, TIME

Raw = msgspec.Raw
Columns = dict[str, Sequence[Any]]

_LINES = msgspec.json.Decoder(dict[str, Raw])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Mapped:
    """A mapping as the `parse` of an adapter; `base` is that of the format it extends."""

    mapping: Mapping
    base: Callable[[Sequence[bytes]], Parsed] | None = None

    def __call__(self, records: Sequence[bytes]) -> Parsed:
        """Read records: of the format itself, or of the one it extends with columns added."""
        if self.base is not None:
            return self.over(self.base(records))
        objects, record, rejects = objects_of(records, self.mapping.records)
        fields = Fields(objects)
        columns = self._columns(fields)
        constants = {"source_system": self.mapping.id} | {
            s.column: s.value for s in self.mapping.sources if not s.paths and s.column not in columns
        }
        self._take_recognised(fields)
        columns["unmapped"] = fields.rest()
        parsed = Parsed(columns, constants, record, rejects, fields.rows)
        return _without(parsed, fields.wrong)

    def missing(self, records: Sequence[bytes]) -> list[Path]:
        """Return the paths of the columns and conditions for which no record has a value."""
        if self.base is not None:
            fields = _left_by(self.base(records))
        else:
            fields = Fields(objects_of(records, self.mapping.records)[0])
        found = {
            path
            for paths in self.mapping.reads()
            for path in paths
            if not all(absent(raw) for way in fields.ways(path) for raw in fields.raws(way))
        }
        return [path for paths in self.mapping.reads() if not found.intersection(paths) for path in paths]

    def over(self, parsed: Parsed) -> Parsed:
        """Return what a format made of records, with what the mapping finds in the fields it left."""
        fields = _left_by(parsed)
        constants = {s.column: [s.value] * parsed.rows for s in self.mapping.sources if not s.paths}
        for name, found in (constants | self._columns(fields)).items():
            parsed.columns[name] = _over(name, found, _given(parsed, name))
        parsed.constants = {k: v for k, v in parsed.constants.items() if k not in parsed.columns}
        parsed.columns["unmapped"] = fields.rest()
        return _without(parsed, fields.wrong)

    def _columns(self, fields: Fields) -> Columns:
        columns: Columns = {}
        silent = frozenset(msgspec.json.encode(text) for text in self.mapping.absent)
        for source in self.mapping.sources:
            if source.paths:
                columns[source.column] = _column(source, fields, silent)
        for condition in self.mapping.conditions:
            _apply(condition, fields, columns, {s.column: s.value for s in self.mapping.sources})
        fields.refuse_stuck(path for source in self.mapping.sources for path in source.paths)
        return {name: found for name, found in columns.items() if found.count(None) < len(found)}

    def _take_recognised(self, fields: Fields) -> None:
        """Take the fields that say no more than that the record is of this format."""
        for key, value in self.mapping.signatures[0].items() if len(self.mapping.signatures) == 1 else ():
            if value is not None:
                literal = msgspec.json.encode(value)
                raws = fields.raws((key,))
                fields.take((key,), {row for row, raw in enumerate(raws) if bytes(raw) != literal})


def _left_by(parsed: Parsed) -> Fields:
    """Return the fields a format has no column for."""
    left = parsed.columns.get("unmapped") or [None] * parsed.rows
    return Fields([{} if raw is None else _LINES.decode(raw) for raw in left], flat=True)


# --- records ----------------------------------------------------------------------------------------------------


def objects_of(records: Sequence[bytes], kind: str) -> tuple[list[Object], list[int] | None, list[Reject]]:
    """Return records as objects of raw values, the record each came from (None: all in turn), and rejects."""
    if kind == "json" and one_object_each(records):
        joined = b"\n".join(records)
        try:
            objects = _LINES.decode_lines(joined)
        except UNFIT:
            objects = []
        if len(objects) == len(records) and is_text(joined):
            return objects, None, []
    read = parse_object if kind == "json" else logfmt_object
    objects, record, rejects = [], [], []
    for index, raw in enumerate(records):
        try:
            objects.append(read(raw))
            record.append(index)
        except ValueError as error:
            rejects.append(Reject(index, str(error)))
    return objects, record, rejects


def logfmt_object(line: bytes) -> Object:
    """Return a line of key=value text as an object of JSON texts; ValueError says what it is instead."""
    if not line.strip():
        raise ValueError("empty record")
    try:
        found, _ = pairs(" " + line.decode().strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    return {key: Raw(msgspec.json.encode(value)) for key, value in found.items()}


def recognises_logfmt(signatures: Sequence[dict[str, Any]]) -> Callable[[bytes], bool]:
    """Return a test of whether a line of text has the keys and values of one of the signatures."""
    needles = [[f" {key}=".encode() for key in signature] for signature in signatures]

    def recognises(line: bytes) -> bool:
        spaced = b" " + line
        for signature, keys in zip(signatures, needles, strict=True):
            if all(key in spaced for key in keys):
                try:
                    found, _ = pairs(spaced.decode())
                except ValueError:
                    return False
                if all(value is None or found.get(key) == _word(value) for key, value in signature.items()):
                    return True
        return False

    return recognises


def _word(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# --- columns ----------------------------------------------------------------------------------------------------


def _column(source: Source, fields: Fields, silent: frozenset[bytes]) -> list[Any]:
    found: list[Any] = [None] * fields.rows
    for path in source.paths:
        for way in fields.ways(path):
            raws = fields.raws(way)
            if raws.count(NULL) == fields.rows:
                continue
            raws = _spoken(raws, silent)
            unused = [row for row, value in enumerate(found) if value is not None]
            if unused:
                raws = list(raws)
                for row in unused:
                    raws[row] = NULL
            got, left = _read(source, raws, fields, path)
            left |= {row for row in unused if not absent(fields.raws(way)[row])}
            fields.take(way, left | {r for r, v in enumerate(got) if v is None and not absent(raws[r])})
            found = (
                [new if old is None else old for old, new in zip(found, got, strict=True)] if unused else got
            )
    return found


def _spoken(raws: list[Raw], silent: frozenset[bytes]) -> list[Raw]:
    """Return the values with NULL for those that say that nothing is there."""
    joined = b",".join(raws)
    if not any(word in joined for word in silent):
        return raws
    return [NULL if bytes(raw) in silent else raw for raw in raws]


def _read(source: Source, raws: Sequence[Raw], fields: Fields, path: Path) -> tuple[list[Any], set[int]]:
    """Return a field's values for its column, and the rows in which the field stays in `unmapped` as well."""
    if source.column in RAW:
        return [None if absent(raw) else bytes(raw) for raw in raws], set()
    found, wrong = values(source.column, raws, source.unit, source.split)
    left: set[int] = set()
    if _is_text(source.column):
        if source.strip_prefix or source.before or source.after or source.part:
            found = parts(
                source.column, found, prefix=source.strip_prefix, before=source.before, after=source.after,
                part=source.part,
            )  # fmt: skip
        else:
            found = list(checked(source.column, found))
        if source.words or source.otherwise is not None or _enum(source.column):
            found, left, strange = words(source.column, found, source.words, source.otherwise)
            wrong |= strange
    for row, reason in wrong.items():
        fields.wrong.setdefault(row, f"{show_path(path)}: {reason} ({source.column})")
    return found, left


def _is_text(column: str) -> bool:
    return column not in BY_NAME or BY_NAME[column].type == TEXT


def _enum(column: str) -> tuple[str, ...]:
    return BY_NAME[column].enum if column in BY_NAME else ()


def _apply(condition: Condition, fields: Fields, columns: Columns, constants: dict[str, Any]) -> None:
    """Set columns in the rows in which a field has one of the texts."""
    rows: set[int] = set()
    for path in condition.paths:
        for way in fields.ways(path):
            texts, _ = values("", fields.raws(way), None, None)
            rows.update(row for row, text in enumerate(texts) if text in condition.texts)
    for name, value in condition.columns.items() if rows else ():
        column = columns.setdefault(name, [constants.get(name)] * fields.rows)
        columns[name] = [value if row in rows else old for row, old in enumerate(column)]


# --- over what a format makes of it -----------------------------------------------------------------------------


def _given(parsed: Parsed, name: str) -> Sequence[Any]:
    return parsed.columns.get(name, [parsed.constants.get(name)] * parsed.rows)


def _over(name: str, found: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """Return what the mapping found, and what the format gave where it found nothing; times of both are one type."""
    merged = [old if new is None else new for new, old in zip(found, given, strict=True)]
    if name in BY_NAME and BY_NAME[name].type == TIME and any(isinstance(value, str) for value in merged):
        return [_rfc3339(value) if isinstance(value, int) else value for value in merged]
    return merged


def _rfc3339(microseconds: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return f"{microseconds} us since 1970"


def _without(parsed: Parsed, wrong: dict[int, str]) -> Parsed:
    """Return what is left when the records of the wrong rows are rejected, with every row they made."""
    if not wrong:
        return parsed
    record = list(range(parsed.rows)) if parsed.record is None else list(parsed.record)
    reasons = {record[row]: reason for row, reason in sorted(wrong.items(), reverse=True)}
    kept = [row for row in range(parsed.rows) if record[row] not in reasons]
    columns: Columns = {name: [found[row] for row in kept] for name, found in parsed.columns.items()}
    rejects = [*parsed.rejects, *(Reject(place, reason) for place, reason in reasons.items())]
    rejects.sort(key=lambda reject: reject.record)
    return Parsed(columns, parsed.constants, [record[row] for row in kept], rejects, len(kept))
