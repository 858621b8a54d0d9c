"""Compiled code makes of every row the bytes, and so the hash, that the written rule makes of it in Python."""

from __future__ import annotations

import math
import shutil
import struct
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import rows_of
from row_strategies import ROWS

from store.events import ACTORS, REDACTIONS, TIME
from store.integrity import fields, hashing, leaves
from store.integrity.canonical import Encoder, digests

needs_kernel = pytest.mark.skipif(
    not hashing.HAS_KERNEL, reason="the compiled code was not built, or cannot run"
)
LENGTHS = st.one_of(st.integers(0, 70), st.sampled_from([118, 119, 120, 127, 128, 129, 1000]))
BLOBS = LENGTHS.flatmap(lambda n: st.binary(min_size=n, max_size=n))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 2**63 - 1, -(2**63)]))
NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_DEAD_BEEF))[0]
FLOATS = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, NAN, 5e-324]))
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=st.just(UTC))  # noqa: DTZ001
DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
ACTOR = st.fixed_dictionaries({"iss": st.none() | TEXTS, "sub": st.none() | TEXTS})
REDACTION = st.fixed_dictionaries({name: st.none() | TEXTS for name in ("path", "kind", "digest")})
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), TEXTS), "bytes": (pa.binary(), BLOBS), "integer": (pa.int64(), INTEGERS),
    "small": (pa.int32(), st.integers(-(2**31), 2**31 - 1)), "number": (pa.float64(), FLOATS), "time": (TIME, TIMES),
    "day": (pa.date32(), DATES), "integers": (pa.list_(pa.int64()), st.lists(INTEGERS, max_size=4)),
    "texts": (pa.list_(pa.string()), st.lists(st.none() | TEXTS, max_size=4)),
    "actors": (ACTORS, st.lists(ACTOR, max_size=3)), "redactions": (REDACTIONS, st.lists(REDACTION, max_size=3)),
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> dict[str, pa.Array]:
    """Return columns of every kind, nulls among their values, cut out of longer ones, some of the texts coded."""
    rows, before, after = draw(st.integers(1, 9)), draw(st.integers(0, 9)), draw(st.integers(0, 2))
    found = {}
    for name, (kind, values) in KINDS.items():
        drawn = draw(
            st.lists(st.none() | values, min_size=rows + before + after, max_size=rows + before + after)
        )
        found[name] = pa.array(drawn, kind).slice(before, rows)
        if name in {"text", "bytes"}:
            found[f"coded {name}"] = found[name].dictionary_encode()
    words = pa.array(["a", None, "b\0"], pa.string())
    codes = draw(st.lists(st.none() | st.integers(0, 2), min_size=rows, max_size=rows))
    found["null word"] = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), words)
    found["unused words"] = pa.DictionaryArray.from_arrays(pa.array([0] * rows), pa.array(["x"] * 20))
    found["nothing"] = pa.nulls(rows, pa.string())
    return found


def by_python(before: pa.Array, columns: dict[str, pa.Array]) -> list[bytes]:
    """Return the hashes as they are made without compiled code."""
    return [h for piece in Encoder(before, columns).pieces() for h in digests(piece).to_pylist()]


@needs_kernel
@settings(deadline=None)
@given(tables(), st.data())
def test_any_row_has_the_hash_that_python_makes(columns: dict[str, pa.Array], data: st.DataObject) -> None:
    """Nulls, empty and non-UTF-8 bytes, NaNs as they are, the limits of times, lists, codes, parts of columns."""
    rows = len(columns["text"])
    before = pa.array(data.draw(st.lists(BLOBS, min_size=rows, max_size=rows)), pa.binary())
    names = data.draw(st.sets(st.sampled_from(sorted(columns))))
    chosen = {name: columns[name] for name in names}
    for some in (chosen, columns):
        assert fields.hashed(before, some).to_pylist() == by_python(before, some)


@needs_kernel
@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_events_have_the_leaves_that_python_makes(events: list[dict[str, Any]]) -> None:
    """A lake sealed with compiled code is verified without it, and the other way round."""
    rows = leaves.seal(rows_of(*events), "ab" * 16)
    with pytest.MonkeyPatch.context() as patch:
        for module in (hashing, leaves):
            patch.setattr(module, "HAS_KERNEL", False)
        assert leaves.leaves(rows).to_pylist() == rows["leaf_hash"].to_pylist()


@needs_kernel
def test_values_that_a_null_list_hides_are_not_in_the_hash() -> None:
    """Arrow may keep elements under a null; they are no part of the row."""
    valid = pa.py_buffer(b"\x05")
    for items in (pa.array([1, 2, 3]), pa.array(["a", "b", "c"])):
        column = pa.ListArray.from_buffers(
            pa.list_(items.type), 3, [valid, pa.py_buffer(struct.pack("<4i", 0, 1, 2, 3))], children=[items]
        )
        plain = pa.array([[items[0].as_py()], None, [items[2].as_py()]], column.type)
        before = pa.array([b""] * 3, pa.binary())
        assert fields.hashed(before, {"l": column}) == fields.hashed(before, {"l": plain})


def test_a_null_among_integers_is_refused() -> None:
    """It has no place in the rule: to pass over it would give two rows one hash."""
    columns = {"l": pa.array([[1, None]], pa.list_(pa.int64()))}
    for make in (by_python, fields.hashed) if hashing.HAS_KERNEL else (by_python,):
        with pytest.raises(ValueError, match="integers holds a null"):
            make(pa.array([b""], pa.binary()), columns)


def test_compiled_code_is_there_where_it_can_be() -> None:
    """Without it everything works, so that nobody would see that it was not built."""
    flags = Path("/proc/cpuinfo").read_text("utf-8") if sys.platform == "linux" else ""
    if " sha_ni" not in flags or shutil.which("cc") is None:
        pytest.skip("no SHA instructions, or no compiler, here")
    assert hashing.HAS_KERNEL, "install anew: pip install --no-build-isolation -e ."
