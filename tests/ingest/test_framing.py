"""Lines and documents are cut the same however the bytes arrive, and each piece knows its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.delivery import Unreadable
from ingest.framing import KEPT_OF_LONG, LineCutter, are_run_together, cut_document, is_document, objects_in

LINES = st.lists(
    st.sampled_from([b"", b" ", b"{}", b"abc", b"x" * 9, b"x" * 10, b"x" * 11, b"x" * 40, b"y\r", b"\r"]),
    max_size=12,
)


def cut(
    content: bytes, sizes: list[int], limit: int = 10
) -> tuple[list[tuple[int, int, bytes]], list[Unreadable], int]:
    """Feed content in blocks of the given sizes; return (offset, line, record), what was unreadable, and the end."""
    cutter = LineCutter(0, 1, limit)
    records, unreadable, at = [], [], 0
    outcomes = []
    for size in [*sizes, len(content) + 1]:
        outcomes.append(cutter.feed(content[at : at + size]))
        at += size
    outcomes.append(cutter.finish())
    for lines in outcomes:
        records += list(zip(lines.positions, lines.numbers, lines.records, strict=True))
        unreadable += lines.unreadable
    return records, unreadable, cutter.position


@given(lines=LINES, end=st.booleans(), sizes=st.lists(st.integers(1, 15), max_size=20))
def test_blocks_make_no_difference(lines: list[bytes], end: bool, sizes: list[int]) -> None:
    """Wherever block borders fall, the records, their offsets and line numbers are those of the lines."""
    content = b"\n".join(lines) + (b"\n" if end and lines else b"")
    expected, long, at = [], [], 0
    for number, line in enumerate(content.split(b"\n"), 1):
        if len(line) > 10:
            long.append((at, number, line[:10]))
        elif line.strip():
            expected.append((at, number, line.removesuffix(b"\r")))
        at += len(line) + 1
    records, unreadable, position = cut(content, sizes)
    assert records == expected
    assert [(u.position, u.line, u.raw) for u in unreadable] == long
    assert position == len(content)


def test_a_long_line_keeps_its_head_and_says_how_long_it_is() -> None:
    """A line beyond the limit costs no memory: its head and its size are kept, and the next line is read."""
    line = b"a" * 300_000
    cutter = LineCutter(0, 1, 100_000)
    unreadable = []
    for start in range(0, len(line), 30_000):
        unreadable += cutter.feed(line[start : start + 30_000]).unreadable
        assert len(cutter.pending) <= 130_000
    after = cutter.feed(b"\nnext\n")
    [piece] = [*unreadable, *after.unreadable]
    assert (piece.position, piece.line, piece.raw) == (0, 1, line[:KEPT_OF_LONG])
    assert "a line of 300000 bytes; at most 100000 are read (ingest.max_record_bytes)" in piece.reason
    assert (after.records, after.positions, after.numbers) == ([b"next"], [300_001], [2])


def test_a_byte_order_mark_is_no_part_of_the_first_record() -> None:
    """What Windows programs put before the text is passed over, and offsets stay those of the file."""
    assert cut(b"\xef\xbb\xbf{}\n{}\n", []) == ([(3, 1, b"{}"), (6, 2, b"{}")], [], 9)
    assert cut(b"\xef\xbb\xbf{}", [1])[0][0][1] == 1


@pytest.mark.parametrize(
    ("head", "document"),
    [
        (b'[{"a":1}]', True), (b"[\n {", True), (b"[]", True), (b" \n[ {", True), (b"{\n  1", True),
        (b"\xef\xbb\xbf{\n", False),
        (b"\xef\xbb\xbf[{", True), (b'{"a":1}\n{"a":2}\n', False), (b'{"a":1}', False), (b"{", False), (b"{\n", False),
        (b'{"a":1}{"a":2}', True), (b'{"a":1}{"a":2}\n', True), (b'{"a":1}{"a":2}\n{"a":3}', False),
        (b'{"a":"}{"}', False), (b'{"a":"}{', False), (b'{"a":1} {"a":2}', False), (b'{"a":1}{"b":"cut', True),
        (b"[2026-11-20 09:00] text", False), (b"[INFO] text", False), (b"", False), (b"text", False),
    ],
)  # fmt: skip
def test_a_document_is_told_from_lines(head: bytes, document: bool) -> None:
    """An array, a brace alone on the first line, or objects run together begin a document; a log line does not."""
    assert is_document(head) is document


VALUES: Any = st.dictionaries(
    st.text(max_size=3),
    st.one_of(st.integers(), st.text(max_size=5), st.lists(st.booleans(), max_size=2)),
    max_size=3,
)


@given(
    values=st.lists(VALUES, max_size=5),
    indent=st.sampled_from([None, 0, 2]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_elements_of_an_array_are_records(values: list[object], indent: int | None, mark: bytes) -> None:
    """Each element comes with the bytes it has in the file and the offset they stand at."""
    content = mark + json.dumps(values, indent=indent, ensure_ascii=False).encode()
    pieces = list(cut_document(content))
    assert [json.loads(raw) for _, raw in pieces] == values
    assert all(content[at : at + len(raw)] == raw for at, raw in pieces)
    assert [at for at, _ in pieces] == sorted({at for at, _ in pieces})


@given(values=st.lists(VALUES, min_size=1, max_size=4), between=st.sampled_from(["\n", "\r\n", "", "\n\n "]))
def test_objects_one_after_another_are_records(values: list[object], between: str) -> None:
    """Pretty-printed records, as jq writes them, are taken one by one."""
    content = (between.join(json.dumps(v, indent=2, ensure_ascii=False) for v in values) + between).encode()
    pieces = list(cut_document(content))
    assert [json.loads(raw) for _, raw in pieces] == values
    assert all(content[at : at + len(raw)] == raw for at, raw in pieces)


@pytest.mark.parametrize(
    "content", [b"[{}", b"[{},]", b'{\n "a": 1', b"{\n}\nx", b"[\xff]", b"[" * 100_000, b'{\n"a":' * 100_000]
)
def test_what_is_no_document_is_an_error(content: bytes) -> None:
    """A document that is cut short or wrong is an error, never half of its records."""
    with pytest.raises(ValueError, match=r"."):
        list(cut_document(content))


@given(values=st.lists(VALUES, min_size=2, max_size=4), kept=st.integers(0, 40))
def test_objects_run_together_survive_a_cut(values: list[object], kept: int) -> None:
    """Of objects with nothing between them, a cut harms the one it is in; the rest of it is a record too."""
    whole = [json.dumps(v).encode() for v in values]
    content = b"".join(whole)[: len(whole[0]) + len(whole[1]) + kept]
    pieces = list(cut_document(content))
    assert [raw for _, raw in pieces][:2] == whole[:2]
    assert b"".join(raw for _, raw in pieces) == content
    assert all(content[at : at + len(raw)] == raw for at, raw in pieces)


@given(values=st.lists(VALUES, min_size=1, max_size=4), between=st.sampled_from([b"", b" ", b"\n"]))
def test_objects_in_a_record_are_found(values: list[object], between: bytes) -> None:
    """A record of several objects is taken apart, and no text inside one divides it."""
    whole = [json.dumps(v).encode() for v in values]
    assert objects_in(between.join(whole)) == whole


@pytest.mark.parametrize("record", [b"", b" ", b'{"a":1}{', b"\xff{}{}", b"[" * 100_000, b"{}x{}"])
def test_what_is_not_objects_stays_one_record(record: bytes) -> None:
    """A record that is anything else is left for its adapter to judge."""
    assert objects_in(record) == [record]
    assert not are_run_together(record) or record.startswith(b"{")
