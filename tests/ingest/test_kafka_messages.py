"""Message framing: what records a Kafka message holds."""

import json
import time

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st
from otlp_harness import logs

from ingest import otlp_proto
from ingest.delivery import Stream
from ingest.kafka_messages import EMPTY, EMPTY_ARRAY, TOMBSTONE, cut, frame

STREAM = Stream("tools", 3, "tools[3]")


@pytest.mark.parametrize(
    ("value", "records"),
    [
        pytest.param(b'{"a":1}', [b'{"a":1}'], id="one object"),
        pytest.param(b'{"a":1}\n', [b'{"a":1}'], id="one object and a line feed"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', [b'{"a":1}'], id="byte order mark"),
        pytest.param(b' \r\n {"a":1}', [b'{"a":1}'], id="leading blanks"),
        pytest.param(b'{"a":1}\n{"a":2}', [b'{"a":1}', b'{"a":2}'], id="JSON lines"),
        pytest.param(
            b'{"a":1}\r\n\r\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}'], id="JSON lines with CRLF and blank lines"
        ),
        pytest.param(b'[{"a":1}, {"a":2}]', [b'{"a":1}', b'{"a":2}'], id="array"),
        pytest.param(
            b'[\n {"a":\n1},\n {"a":2.50e1}\n]\n', [b'{"a": 1}', b'{"a":2.50e1}'], id="array over lines"
        ),
        pytest.param(
            b'{\n "a": {\n  "b": 1\n }\n}', [b'{  "a": {   "b": 1  } }'], id="one object over several lines"
        ),
        pytest.param(b'{"a":[{}\n,{}]}', [b'{"a":[{} ,{}]}'], id="one object whose first line looks whole"),
        pytest.param(b'{"a":1}\n{"a":', [b'{"a":1}', b'{"a":'], id="a torn last line spoils no other"),
        pytest.param(b'{"a":\xff}\n{"a":2}', [b'{"a":\xff}', b'{"a":2}'], id="invalid UTF-8 spoils no other"),
        pytest.param(b"GET /mcp 200\nGET /mcp 403", [b"GET /mcp 200", b"GET /mcp 403"], id="text lines"),
        pytest.param(
            b'[2026-10-01T10:00:00Z] "GET" 200',
            [b'[2026-10-01T10:00:00Z] "GET" 200'],
            id="bracketed log line",
        ),
        pytest.param(b'[{"a":1},', [b'[{"a":1},'], id="a torn array is one record for the adapter to reject"),
        pytest.param(b"[" * 100_000, [b"[" * 100_000], id="nesting deeper than any reader goes"),
        pytest.param(
            b"[1,null]", [b"1", b"null"], id="elements that are no objects are the adapter's to reject"
        ),
        pytest.param(b"\x00\x01", [b"\x00\x01"], id="binary"),
    ],
)
def test_records_of_a_message(value: bytes, records: list[bytes]) -> None:
    """One object, JSON lines, an array, or text: every shape gateways write gives its records."""
    assert cut(value) == records


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, TOMBSTONE), (b"", EMPTY), (b" \r\n\t", EMPTY), (b"\xef\xbb\xbf", EMPTY), (b" [ ] ", EMPTY_ARRAY)],
)
def test_a_message_without_records_is_told(value: bytes | None, reason: str) -> None:
    """Tombstones and empty payloads are not dropped in silence: each becomes Unreadable at its offset."""
    batch = frame(STREAM, [7], [value], 8)
    assert [(piece.position, piece.raw, piece.reason) for piece in batch.unreadable] == [
        (7, value or b"", reason)
    ]
    assert list(batch.records) == []
    assert batch.next == 8


def test_plain_messages_take_the_fast_way() -> None:
    """One object per message needs no sub-indices and no copies."""
    values = [b'{"a":1}', b'{"a":2}']
    batch = frame(STREAM, [4, 9], values, 12)
    assert batch.records is values
    assert batch.positions == [4, 9]
    assert batch.subs is None
    assert batch.next == 12


def test_mixed_messages_keep_their_places() -> None:
    """Each record knows its message's offset and its index within the message."""
    batch = frame(STREAM, [1, 2, 3, 5], [b'{"a":1}', b'[{"b":1},{"b":2}]', None, b"{}\n{}\n"], 6)
    assert batch.records == [b'{"a":1}', b'{"b":1}', b'{"b":2}', b"{}", b"{}"]
    assert batch.positions == [1, 2, 2, 5, 5]
    assert batch.subs == [0, 0, 1, 0, 1]
    assert [piece.position for piece in batch.unreadable] == [3]


def test_a_huge_message_is_cut_in_linear_time() -> None:
    """A message of 50 MB with many lines is cut in seconds, not minutes."""
    line = b'{"pad":"' + b"x" * 990 + b'"}'
    began = time.monotonic()
    assert len(cut(b"\n".join([line] * 50_000))) == 50_000
    assert time.monotonic() - began < 5


documents = st.dictionaries(
    st.text(), st.one_of(st.integers(), st.text(), st.lists(st.integers()), st.none()), max_size=4
)


@given(st.lists(documents, min_size=1, max_size=5), st.sampled_from(["lines", "array", "pretty array"]))
def test_records_come_back_as_written(written: list[dict[str, object]], shape: str) -> None:
    """Framing changes no record's content, whatever shape carries it."""
    if shape == "lines":
        value = "\n".join(json.dumps(each) for each in written)
    else:
        value = json.dumps(written, indent=2 if shape == "pretty array" else None)
    assert [json.loads(record) for record in cut(value.encode())] == written


@given(documents)
def test_a_pretty_printed_object_stays_one_record(written: dict[str, object]) -> None:
    """An object written over several lines is one record on one line."""
    (record,) = cut(json.dumps(written, indent=1).encode())
    assert json.loads(record) == written
    assert b"\n" not in record


@given(st.binary(min_size=1))
def test_no_bytes_are_lost(value: bytes) -> None:
    """Whatever the bytes are, they come out as records or are told as unreadable; framing never fails."""
    batch = frame(STREAM, [0], [value], 1)
    assert len(batch.records) + len(batch.unreadable) >= 1


# --- OTLP, as the OpenTelemetry Collector's Kafka exporter writes it ------------------------------------------------


def test_otlp_in_protobuf_is_seen_by_its_content() -> None:
    """A message of the topics otlp_logs and otlp_spans gives its log records or spans, each with its place in it."""
    batch = frame(STREAM, [4, 5, 6], [b'{"a":1}', logs(3).SerializeToString(), b'\n{"a":1}'], 7)
    assert batch.records[1:4] == otlp_proto.log_records(logs(3).SerializeToString())
    assert batch.positions == [4, 5, 5, 5, 6]
    assert batch.subs == [0, 0, 1, 2, 0]
    assert batch.records[4] == b'{"a":1}'
    assert batch.unreadable == []


@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
def test_a_declared_encoding_takes_nothing_else(encoding: str) -> None:
    """Where a topic is said to hold OTLP, another message is a dead letter that says so, and the rest goes on."""
    good = logs(2).SerializeToString() if encoding == "otlp_proto" else MessageToJson(logs(2)).encode()
    values = [good, b'{"password":"hunter2"}', None, b"", good]
    batch = frame(STREAM, range(5), values, 5, encoding)
    assert [p.position for p in batch.unreadable] == [1, 2, 3]
    assert batch.positions == [0, 0, 4, 4]
    assert all(b"claude_code.tool_result" in record for record in batch.records)
    if encoding == "otlp_proto":
        assert b"hunter2" not in batch.unreadable[0].raw  # no secret is found by name in what does not decode


def test_json_is_not_looked_into_when_it_is_said_to_be_json() -> None:
    """With encoding json, bytes that could be protobuf are text as any other."""
    value = logs(1).SerializeToString()
    assert frame(STREAM, [0], [value], 1, "json").records == cut(value)
