"""Many messages hashed at once have the hashes that each has by itself, whichever way they are made."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.integrity import hashing


def each(messages: list[bytes]) -> bytes:
    """Return the hashes as the standard library makes them."""
    return b"".join(sha256(message).digest() for message in messages)


@pytest.fixture
def unloaded() -> Iterator[None]:
    """Have the kernel looked for anew, before and after."""
    hashing._kernel.cache_clear()
    yield
    hashing._kernel.cache_clear()


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=40), st.integers(0, 5))
def test_the_kernel_hashes_as_the_standard_library_does(messages: list[bytes], start: int) -> None:
    """SHA-256 is SHA-256: also of nothing, across blocks of 64 bytes, and in a part of a column."""
    found = hashing._kernel()(pa.array(messages, pa.binary()).slice(start))
    assert found == each(messages[start:])


@pytest.mark.parametrize("count", [0, 1, hashing.MANY - 1, hashing.MANY, 70_000])
def test_few_and_many_are_hashed_alike_and_in_order(count: int) -> None:
    """However many there are: by a loop, by one batch of the kernel, by several."""
    messages = [b"%d" % n * (n % 40) for n in range(count)]
    assert hashing.sha256_each(pa.array(messages, pa.binary())) == each(messages)


@pytest.mark.usefixtures("unloaded")
def test_without_the_extra_the_hashes_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is only a matter of speed: a lake is verified anywhere."""
    monkeypatch.setitem(sys.modules, "datafusion", None)
    messages = [os.urandom(n % 100) for n in range(hashing.MANY)]
    assert hashing.sha256_each(pa.array(messages, pa.binary())) == each(messages)
    assert hashing._kernel() is hashing._one_by_one


def test_what_was_hashed_is_let_go() -> None:
    """A lake of any size is verified in the memory of a part of it."""
    messages = pa.array([bytes(1000)] * hashing.MANY, pa.binary())
    hashing.sha256_each(messages)
    held = pa.total_allocated_bytes()
    for _ in range(5):
        hashing.sha256_each(pa.concat_arrays([messages, messages]))
    assert pa.total_allocated_bytes() - held < messages.nbytes


def test_a_null_has_no_hash() -> None:
    """It would have the hash of an empty text, and the two would be told as one."""
    with pytest.raises(ValueError, match="null"):
        hashing.sha256_each(pa.array([b"a", None], pa.binary()))
