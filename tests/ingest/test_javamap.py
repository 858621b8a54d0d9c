"""Java's text of a map is read back as far as it can be, and never hangs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.javamap import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("{a=b}", {"a": "b"}),
        ("{a=, b=c}", {"a": "", "b": "c"}),
        ("{a={b={c=d}}, e=f}", {"a": {"b": {"c": "d"}}, "e": "f"}),
        ("{a=[b, {c=d}], e=[]}", {"a": ["b", {"c": "d"}], "e": []}),
        ("{t=one, two and three, n=4}", {"t": "one, two and three", "n": "4"}),
        ("{t=x {y} [z], n=4}", {"t": "x {y} [z]", "n": "4"}),
        ("{url=https://h/x?a=b&c=d}", {"url": "https://h/x?a=b&c=d"}),
        ("{a=[[1, 2], [3]]}", {"a": [["1", "2"], ["3"]]}),
    ],
)
def test_maps(text: str, value: dict[str, Any]) -> None:
    """Values are text; a comma ends one only where a key follows."""
    assert parse(text) == value


@pytest.mark.parametrize(
    "text", ["", "a=b", "{a", "{a=b", "{a=b}}", "{,}", "{a=[}", "{a=[b}", "{a={b=c}", "{=b}", "{a=b} x"]
)
def test_what_is_no_map(text: str) -> None:
    """Text that is cut, or no map, is not guessed at."""
    assert parse(text) is None


@given(st.text(alphabet="{}[]=, ab", max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_comes_to_an_end(text: str) -> None:
    """Brackets in any disorder neither raise nor hang."""
    found = parse("{" + text)
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize("unit", ["{a=", "{a=[", ",x", "{", "[", "a=b, ", "a={b=c}, "])
def test_long_text_takes_no_longer_than_its_length(unit: str) -> None:
    """Half a megabyte of any unit ends, deep nesting included."""
    text = "{a=" + unit * (500_000 // len(unit))
    assert parse(text) is None
    assert parse("{a=" + "x" * 2_000_000 + "}") is None
