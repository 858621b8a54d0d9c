"""Texts joined, cut and coded are the texts that were given, whatever stands in them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.columns import CODED, CODES, Columns, decoded, listed
from store.events import BY_NAME
from store.validate import Invalid

PLAIN = "native_event_id"
WORD = "tool_name"
TEXTS = st.none() | st.sampled_from(["", "a", "\0", "\1", "a\0b", "\1\0", "é"]) | st.text(max_size=5)


def column(name: str, *pieces: list[Any]) -> tuple[list[Any], list[Invalid]]:
    """Return a column made of pieces as a list, and what was noted as invalid."""
    invalid: list[Invalid] = []
    columns, row = Columns(invalid), 0
    for piece in pieces:
        columns.add(name, piece, row)
        row += len(piece)
    arrays = columns.arrays(row)
    return (listed(arrays[name]) if name in arrays else [None] * row), invalid


@settings(deadline=None)
@given(st.lists(st.lists(TEXTS, max_size=6), max_size=4))
@pytest.mark.parametrize("name", [PLAIN, WORD])
def test_every_text_and_null_comes_back(name: str, pieces: list[list[str | None]]) -> None:
    """Separator and null mark may stand in the texts themselves: a log is hostile."""
    found, invalid = column(name, *pieces)
    assert found == [None if v is None or _is_surrogate(v) else v for piece in pieces for v in piece]
    assert {i.row for i in invalid} == {
        row
        for row, v in enumerate(v for piece in pieces for v in piece)
        if v is not None and _is_surrogate(v)
    }


def _is_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(c) < 0xE000 for c in text)


def test_what_is_no_text_is_noted_and_becomes_null() -> None:
    """The row and the column are named; the other rows stay."""
    found, invalid = column(WORD, ["a", "b"], ["c", 7, None])
    assert found == ["a", "b", "c", None, None]
    assert [i.row for i in invalid] == [3]
    assert invalid[0].reason.startswith("tool_name: ")


def test_columns_that_repeat_are_coded_and_have_no_word_for_null() -> None:
    """Redaction and checks look at the words alone."""
    columns = Columns([])
    columns.add(WORD, ["a", None, "b", "a"], 0)
    coded = columns.arrays(4)[WORD]
    assert coded.type == CODES
    assert sorted(coded.dictionary.to_pylist()) == ["a", "b"]
    assert decoded(coded).to_pylist() == ["a", None, "b", "a"]
    assert WORD in CODED
    assert PLAIN not in CODED


def test_rows_no_piece_covers_are_null_and_constants_give_way_to_values() -> None:
    """A column that begins in the third piece is null in the first two."""
    columns = Columns([])
    columns.add(WORD, ["a"], 2)
    columns.constant(WORD, "no", 2, 1)
    columns.constant(WORD, "yes", 3, 2)
    assert listed(columns.arrays(6)[WORD]) == [None, None, "a", "yes", "yes", None]


def test_times_that_are_none_name_their_row() -> None:
    """Times are parsed a block at a time and told row by row."""
    found, invalid = [], []
    columns = Columns(invalid)
    columns.add("event_time", ["2026-10-01T00:00:00Z", None], 0)
    columns.add("event_time", ["yesterday"], 2)
    found = columns.arrays(3)["event_time"]
    assert found.type == BY_NAME["event_time"].type
    assert found.is_valid().to_pylist() == [True, False, False]
    assert [(i.row, "yesterday" in i.reason) for i in invalid] == [(2, True)]
