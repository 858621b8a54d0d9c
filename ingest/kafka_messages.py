"""From Kafka messages to records: what one message value holds, decided from its bytes alone.

A value is one JSON object, several JSON lines, a JSON array whose elements are the records, lines of text as
gateways print them, or an OTLP export request in protobuf, whose log records or spans are the records. Nothing is
dropped: what holds no record at all is Unreadable, and broken JSON stays a record, for its adapter to reject with the
reason. A record never contains a line feed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ingest import otlp_json, otlp_proto
from ingest.delivery import Batch, Stream, Unreadable

_BOM = b"\xef\xbb\xbf"
_OPEN_OBJECT = 0x7B
_LINE_FEED = 0x0A
_BLANK = b" \t\r\n"

_elements = msgspec.json.Decoder(list[msgspec.Raw])
_document = msgspec.json.Decoder(msgspec.Raw)
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

TOMBSTONE = "a tombstone: the message has no value"
EMPTY = "an empty message"
EMPTY_ARRAY = "an empty JSON array: it holds no record"


def frame(
    stream: Stream,
    positions: Sequence[int],
    values: Sequence[bytes | None],
    following: int,
    encoding: str = "auto",
) -> Batch:
    """Cut message values into records: `positions[i]` is the offset of `values[i]`, `following` the next."""
    plain = encoding in ("auto", "json")
    if plain and all(value and value[0] == _OPEN_OBJECT and _LINE_FEED not in value for value in values):
        return Batch(stream, values, positions, following)  # type: ignore[arg-type]  # none of them is None
    records: list[bytes] = []
    places: list[int] = []
    subs: list[int] = []
    unreadable: list[Unreadable] = []
    for position, value in zip(positions, values, strict=True):
        try:
            found = ENCODINGS[encoding](value)
        except ValueError as error:
            kept = otlp_proto.stand_in(value) if encoding == "otlp_proto" and value else value or b""
            unreadable.append(Unreadable(position, kept, str(error)))
            continue
        records += found
        places += [position] * len(found)
        subs += range(len(found))
    return Batch(stream, records, places, following, subs=subs if any(subs) else None, unreadable=unreadable)


def cut(value: bytes | None) -> list[bytes]:
    """Return the records in a message value, at least one; ValueError says why there is none."""
    if value is None:
        raise ValueError(TOMBSTONE)
    if value and value[0] == _OPEN_OBJECT and _LINE_FEED not in value:
        return [value]
    text = value.removeprefix(_BOM).strip(_BLANK)
    if not text:
        raise ValueError(EMPTY)
    if text.startswith(b"["):
        elements = _array(text)
        if elements is not None:
            return elements
    if b"\n" not in text:
        return [text]
    lines = [line for line in (line.strip(_BLANK) for line in text.split(b"\n")) if line]
    if text.startswith(b"{") and not _is_lines_of_objects(lines) and _is_one_document(text):
        return [_on_one_line(text)]
    return lines


def _auto(value: bytes | None) -> list[bytes]:
    """Return the records of a message in whatever encoding its bytes are in."""
    if value and otlp_proto.looks_encoded(value):
        try:
            return otlp_proto.either(value)
        except ValueError:
            pass  # text may begin with a line feed too
    return cut(value)


def _otlp(decode: Callable[[bytes], list[bytes]]) -> Callable[[bytes | None], list[bytes]]:
    def records(value: bytes | None) -> list[bytes]:
        if value is None:
            raise ValueError(TOMBSTONE)
        return decode(value)

    return records


ENCODINGS: dict[str, Callable[[bytes | None], list[bytes]]] = {
    "auto": _auto,
    "json": cut,
    "otlp_json": _otlp(otlp_json.either),
    "otlp_proto": _otlp(otlp_proto.either),
}
"""How the records of a message are found, by the name of its encoding; the last two are the Collector's names."""


def _array(text: bytes) -> list[bytes] | None:
    """Return the elements of a JSON array, or None: a text log line may start with a bracket too."""
    try:
        elements = _elements.decode(text)
    except _REFUSED:
        return None
    if not elements:
        raise ValueError(EMPTY_ARRAY)
    return [_on_one_line(bytes(element)) for element in elements]


def _is_lines_of_objects(lines: Sequence[bytes]) -> bool:
    """Tell JSON lines from one object written over several lines.

    Inside one document no line that ends an object precedes one that opens one: a comma stands between.
    """
    return all(line.startswith(b"{") and line.endswith(b"}") for line in lines)


def _is_one_document(text: bytes) -> bool:
    try:
        _document.decode(text)
    except _REFUSED:
        return False
    return True


def _on_one_line(text: bytes) -> bytes:
    """Put valid JSON on one line; a line break inside valid JSON is white space, never part of a string."""
    if b"\n" in text or b"\r" in text:
        return text.strip(_BLANK).replace(b"\n", b" ").replace(b"\r", b" ")
    return text
