"""CSV is RFC 4180 and harmless to spreadsheets."""

import csv
import io
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import csvtext

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
IGNORED = re.compile(
    "^[\\s\"'`\u2018-\u201f\u00ab\u00bb\uff02\uff07\x00-\x20\x7f-\xa0\u200b-\u200f\u2060-\u2064\ufeff]+"
)
STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def read(batch: pa.RecordBatch) -> list[list[str]]:
    """Read CSV back with Python's reader."""
    return list(csv.reader(io.StringIO(csvtext.lines(batch).decode(), newline="")))


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_no_text_cell_starts_a_formula(rows: list[tuple[str, str]]) -> None:
    """A formula hidden behind spaces, quotes or invisible characters gets its apostrophe too."""
    batch = pa.record_batch({"a": [r[0] for r in rows], "b": [r[1] for r in rows]})
    for row, original in zip(read(batch), rows, strict=True):
        for cell, text in zip(row, original, strict=True):
            assert cell in {text, f"'{text}"}
            dangerous = IGNORED.sub("", text).startswith(STARTS) or text.startswith(("\t", "\r", "\n"))
            assert not dangerous or cell == f"'{text}"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n1", "  =1", '"=1', "'=1", " \u200b\ufeff=1", "＝1"],
)
def test_owasp_cases(text: str) -> None:
    """The starts OWASP lists are neutralised, also after white space and quotes."""
    assert read(pa.record_batch({"a": [text], "b": ["x"]})) == [[f"'{text}", "x"]]


def test_numbers_stay_numbers_and_nothing_is_not_empty() -> None:
    """A negative number is no formula; null is an empty cell and "" a quoted one; lines end with CRLF."""
    batch = pa.record_batch(
        {"n": [-5, None], "f": [float("nan"), -1.5], "s": ["", None], "big": [2**63 - 1, 0]}
    )
    assert csvtext.lines(batch) == b'-5,,"",9223372036854775807\r\n,-1.5,,0\r\n'


def test_a_single_empty_column_is_still_a_record() -> None:
    """A blank line would be read as no record at all."""
    assert csvtext.lines(pa.record_batch({"s": pa.array([None, "x"], pa.string())})) == b'""\r\nx\r\n'


def test_header_is_neutralised_and_distinct() -> None:
    """Column names come from questions, which may quote hostile text; two columns never share a name."""
    schema = pa.schema([("=x", pa.string()), ("a", pa.string()), ("a", pa.string())])
    assert csvtext.header(schema) == b"'=x,a,a_2\r\n"


def test_separators_of_other_locales_are_quoted() -> None:
    """A semicolon or tab cannot open a new cell where those separate cells."""
    assert csvtext.lines(pa.record_batch({"a": ["x;=1"], "b": ["y\t=1"]})) == b'"x;=1","y\t=1"\r\n'
