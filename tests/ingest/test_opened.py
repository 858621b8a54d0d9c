"""Objects to which anyone may add members are read as structs, and nothing of them is lost."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import decode
from ingest.fields import ABSENT
from ingest.opened import decode_open, loosely, merged, open_objects


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A part."""

    c: int | None = None


class Line(msgspec.Struct):
    """A line with a part, a list of them, and a renamed member."""

    a: int | None = None
    part: Inner | None = None
    parts: list[Inner] | None = None
    name: str | None = msgspec.field(name="x.name", default=None)


def raw(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.integers(0, 9) | st.none(),
        "part": st.dictionaries(st.sampled_from("cde"), st.integers(0, 9), max_size=2),
        "parts": st.lists(st.dictionaries(st.sampled_from("cd"), st.integers(0, 9), max_size=2), max_size=2),
        "x.name": st.text(max_size=3),
        "b": st.integers() | st.none() | st.text(max_size=3),
    },
)


@given(records=st.lists(MEMBERS, min_size=1, max_size=4), broken=st.booleans())
def test_a_record_is_read_alike_in_any_company(records: list[dict[str, Any]], *, broken: bool) -> None:
    """Neighbours that have more members, or are broken, change nothing of what a record becomes."""
    lines = [raw(r) for r in records]
    together = decode_open([*lines, b'{"a":"x"}'] if broken else lines, Line)
    assert [r.record for r in together.rejects] == ([len(lines)] if broken else [])
    unmapped = together.unmapped or [None] * len(lines)
    for place, line in enumerate(lines):
        alone = decode_open([line], Line)
        found = together.events[place]
        assert (found.a, found.name) == (alone.events[0].a, alone.events[0].name)
        left = (alone.unmapped or [None])[0]
        assert json.loads(unmapped[place] or b"{}") == json.loads(left or b"{}")


def test_unknown_members_are_kept_at_their_place() -> None:
    """Members of the line, of a part and of an element of a list are left over under their pointers."""
    decoded = decode_open(
        [raw({"a": 1, "b": 2, "part": {"c": 3, "d": 4}, "parts": [{"c": 5}, {"e": 6}]})], Line
    )
    assert json.loads((decoded.unmapped or [b""])[0] or b"") == {"/b": 2, "/part/d": 4, "/parts/1/e": 6}


def test_members_in_lists_are_kept_only_where_asked() -> None:
    """A reader with a way of its own for lists sees such a record as one that does not fit."""
    record = raw({"parts": [{"e": 6}]})
    strict = msgspec.defstruct("Strict", (), bases=(Line,), module=__name__, forbid_unknown_fields=True)
    assert decode([record], strict).events == []
    assert len(decode([record], strict, lists=True).events) == 1


def test_values_are_read_or_kept() -> None:
    """A value that fits is a struct with its rest; another is kept whole; an absent one is nothing."""
    nothing = Inner()
    values = [msgspec.Raw(raw(v)) for v in ({"c": 1}, {"c": 1, "d": 2}, {"c": "x"}, [1], None)]
    found, rest = open_objects([*values, ABSENT], Loose, Loose(), "/m")
    assert [f.c for f in found] == [1, 1, None, None, None, None]
    kept = [None if r is None else json.loads(r) for r in rest]
    assert kept == [None, {"/m/d": 2}, {"/m": {"c": "x"}}, {"/m": [1]}, None, None]
    assert [f.c for f in loosely(values, Inner, nothing)][:1] == [1]


class Loose(msgspec.Struct):
    """A part that anyone may add to."""

    c: int | None = None


def test_objects_merge_row_by_row() -> None:
    """Rows without anything stay without; a column without anything changes nothing."""
    assert merged(None, [None, None]) is None
    assert merged([b'{"a":1}', None], [None, None]) == [b'{"a":1}', None]
    assert merged([b'{"a":1}', None], [b'{"b":2}', b'{"c":3}']) == [b'{"a":1,"b":2}', b'{"c":3}']
