"""Keys that stand twice in an object are found in records and in arguments, and nothing else is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.repeated_keys import repeating

KEYS = st.sampled_from(["a", "b", 'q"uote', "{", "ä", "\\"])
VALUES = st.recursive(
    st.integers(0, 9) | KEYS, lambda inner: st.lists(st.tuples(KEYS, inner), max_size=4).map(tuple)
)


def written(value: Any, colon: str, quote: str) -> str:
    """Write JSON of nested pairs, which may repeat a key, with a colon and an escaped quote as given."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(quote if c == '"' else json.dumps(c)[1:-1] for c in value) + '"'
    return (
        "{" + ",".join(f"{written(k, colon, quote)}{colon}{written(v, colon, quote)}" for k, v in value) + "}"
    )


def says(value: Any) -> bool:
    """Say whether an object of nested pairs repeats a key."""
    if not isinstance(value, tuple):
        return False
    return len({k for k, _ in value}) < len(value) or any(says(v) for _, v in value)


@given(VALUES, st.sampled_from([":", ": ", "\t :", " " * 99 + ":"]), st.sampled_from(['\\"', "\\u0022"]))
def test_every_object_that_repeats_a_key_is_told(value: Any, colon: str, quote: str) -> None:
    """Whatever is nested, escaped or spaced out, an object is told exactly when a key is there twice."""
    document = written((("x", value),), colon, quote).encode()
    assert repeating([b'{"a":1}', document, b'{"b":{"a":1}}']) == ([1] if says(value) else [])


KEYS_OF_ANY_LENGTH = st.text("ab", min_size=0, max_size=20)


@given(st.lists(KEYS_OF_ANY_LENGTH, max_size=6))
def test_keys_that_look_alike_are_told_apart(keys: list[str]) -> None:
    """Keys of any length count as one only when every character is the same."""
    document = ("{" + ",".join(f'"{key}":0' for key in keys) + "}").encode()
    assert repeating([document]) == ([0] if len(set(keys)) < len(keys) else [])


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (b'{"a":1,"b":{"a":2}}', False),
        (b'{"b":{"a":2},"c":{"a":1}}', False),
        (b'{"b":[{"a":2},{"a":1}]}', False),
        (b'{"a":{"b":1},"a":2}', True),
        (b'{"b":[{"c":{},"a":2,"a":1}]}', True),
        (b'{"a":1,"\\u0061":2}', True),
        (b'{"a":"\\"a\\":1,\\"a\\":2"}', False),
        (b'{"a":"{\\"a\\":1}","b":"}{"}', False),
        (b'{"x":"' + b"\\\\" * 70 + b'","a":1,"a":2}', True),
        (b'{"resourceLogs":[],"resourceLogs":[]}', False),
        (b"[1,2]", False),
        (b"time=1 time=2", False),
        (b"", False),
    ],
)
def test_a_record_is_told_wherever_it_stands(record: bytes, found: bool) -> None:
    """A record is told when an object in it repeats a key, wherever in a block it stands, whatever stands beside it."""
    around = [b'{"x":1}'] * 700
    block = [*around, record, b"a line of text", b'{"y":1,"y":2}', *around]
    assert repeating(block) == ([700, 702] if found else [702])


def test_what_is_no_json_harms_no_other() -> None:
    """A text that only begins like an object leaves those around it to be judged as they are."""
    block = [b'{"y":1,"y":2}', b'{no "JSON: y y', b'{"y":1,"y":2}', b'{"y":1}']
    assert repeating(block) == [0, 2]
