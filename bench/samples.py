"""Many records from the few of a sample: the same text with other times and ids, so that each is an event."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.catalog import Detector, load_adapters
from ingest.parsed import Adapter

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
DAYS = 7
_IDS = (
    "native_event_id",
    "session_id",
    "trace_id",
    "span_id",
    "tool_call_id",
    "http_request_id",
    "conversation_id",
)
_TIME = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
_EPOCH = rb"(?<![\w.-])1[6-9]\d{8}(?:\d{3}|\d{6}|\d{9})?(?![\w])"
_HEX = re.compile(rb"[0-9a-fA-F-]{12,}")

Slot = Callable[[int, float], bytes]
"""What stands in a gap of a record: by the number of the copy, and the seconds its times are later."""


def golden_formats() -> list[str]:
    """Return the formats that have a sample."""
    return sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def sample_records(name: str) -> list[bytes]:
    """Return the records of a format's sample that are recognised, by themselves or in an envelope, and read."""
    (file,) = (GOLDEN / name).glob("sample.*")
    adapters = load_adapters()
    detector = Detector(adapters)
    records = [raw for raw in file.read_bytes().split(b"\n") if raw.strip() and _is_text(raw)]
    return [r for r in records if detector.formats([r]) != [None] and not adapters[name].parse([r]).rejects]


def multiply(records: Sequence[bytes], adapter: Adapter, count: int) -> Iterator[bytes]:
    """Yield `count` records in order of time, each with times and ids of its own, over DAYS days."""
    templates = [_template(raw, _ids_of(adapter, raw)) for raw in records]
    for number in range(count):
        later = number * DAYS * 86_400 / count
        parts = templates[number % len(templates)]
        yield b"".join([part if isinstance(part, bytes) else part(number, later) for part in parts])


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _ids_of(adapter: Adapter, raw: bytes) -> list[bytes]:
    """Return the texts of the identities an adapter finds in a record, where they stand there as they are."""
    columns = adapter.parse([raw]).columns
    found = {str(v).encode() for name in _IDS for v in columns.get(name, ()) if v is not None}
    return sorted((text for text in found if text in raw), key=len, reverse=True)


def _template(raw: bytes, ids: Sequence[bytes]) -> list[bytes | Slot]:
    """Cut a record at its times and ids."""
    whole = [rb"(?<=[\":= ,\[])" + re.escape(text) + rb"(?=[\"\\,}\] ]|$)" for text in ids]
    pattern = re.compile(b"|".join([b"(?P<time>" + _TIME + b")", b"(?P<epoch>" + _EPOCH + b")", *whole]))
    parts: list[bytes | Slot] = []
    at = 0
    for match in pattern.finditer(raw):
        parts += [raw[at : match.start()], _slot(match)]
        at = match.end()
    return [*parts, raw[at:]]


def _slot(match: re.Match[bytes]) -> Slot:
    text = match[0]
    if match["time"]:
        moment = datetime.fromisoformat(text.decode()).replace(tzinfo=UTC)
        between = text[10:11].decode()
        return lambda _, later: (
            (moment + timedelta(seconds=int(later))).strftime(f"%Y-%m-%d{between}%H:%M:%S").encode()
        )
    if match["epoch"]:
        unit = 10 ** (len(text) - 10)
        return lambda _, later: b"%d" % (int(text) + int(later) * unit)
    if text.isdigit() and len(text) < 12:
        return lambda number, _: b"%d" % (int(text) + number * 1000)
    if _HEX.fullmatch(text):
        return lambda number, _: text[:-8] + b"%08x" % number
    return lambda number, _: text + b"-%x" % number
