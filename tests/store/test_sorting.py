"""Rows are ordered by their keys, and coded columns keep what they held."""

import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from store.datafile import _own_words
from store.sorting import runs, sorted_places

WORDS = st.none() | st.sampled_from(["", "a", "ab", "é", "z", "\U0001f600"])


@settings(deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS, st.none() | st.integers(-3, 3)), max_size=30))
def test_the_order_is_that_of_a_plain_sort(rows: list[tuple[str | None, str | None, int | None]]) -> None:
    """By bytes, nulls first, ties as they came; coded or not, in one piece or in two."""
    keys = [
        pa.array([row[i] for row in rows], kind)
        for i, kind in enumerate((pa.string(), pa.string(), pa.int64()))
    ]
    half = len(rows) // 2
    chunked = [
        pa.chunked_array([keys[0][:half].dictionary_encode(), keys[0][half:].dictionary_encode()]),
        pa.chunked_array([keys[1]]),
        pa.chunked_array([keys[2][:half], keys[2][half:]]),
    ]
    frame = pl.DataFrame({"a": keys[0], "b": keys[1], "c": keys[2]}).with_row_index("at")
    assert sorted_places(chunked).tolist() == frame.sort("a", "b", "c", maintain_order=True)["at"].to_list()


def test_runs_are_the_bounds_of_equal_values() -> None:
    """Each partition's rows stand together after sorting by it."""
    assert runs(pa.array([1, 1, 2, 5, 5]).to_numpy()) == [(0, 2), (2, 3), (3, 5)]


@settings(deadline=None)
@given(st.lists(WORDS, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_a_row_group_keeps_its_values_and_no_word_of_others(
    values: list[str | None], start: int, size: int
) -> None:
    """The writer puts every word it is given into each row group's dictionary."""
    column = pa.chunked_array([pa.array(values, pa.string()).dictionary_encode()]).slice(start, size)
    found = _own_words(column)
    assert found.cast(pa.string()).to_pylist() == values[start : start + size]
    assert set(found.dictionary.to_pylist()) == set(values[start : start + size]) - {None}
