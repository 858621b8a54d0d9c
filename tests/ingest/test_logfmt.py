"""Key=value text is taken apart as its writers meant it, in time that grows with its length."""

from __future__ import annotations

import pytest

from ingest.logfmt import pairs


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (" a=b c=d", {"a": "b", "c": "d"}),
        (' a="b c" d=e', {"a": "b c", "d": "e"}),
        (' a={"x": [1, 2]} b=c', {"a": '{"x": [1, 2]}', "b": "c"}),
        (" a=[x b=c", {"a": "[x", "b": "c"}),
        (" a=two words b=c", {"a": "two words", "b": "c"}),
        (" a= b=c", {"a": "", "b": "c"}),
        (' a=[1] b={"y": "} z=1"} c=[2]', {"a": "[1]", "b": '{"y": "} z=1"}', "c": "[2]"}),
    ],
)
def test_values(text: str, values: dict[str, str]) -> None:
    """Quoted, nested and bare values are told apart."""
    assert pairs(text) == (values, False)


@pytest.mark.parametrize("unit", [" a=[", " a=[x]y", ' a={"', ' k="\\"', " a=b", " a", ' a="', " a=[]"])
def test_long_text_takes_no_longer_than_its_length(unit: str) -> None:
    """Brackets and quotes that never close cost no more than others."""
    text = unit * (60_000 // len(unit))
    try:
        values, _ = pairs(text + " end=1")
    except ValueError:
        values = {}
    assert len(values) <= len(text)
