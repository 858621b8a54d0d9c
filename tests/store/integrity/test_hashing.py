"""Many messages hashed at once have the hashes that each has by itself, with compiled code and without."""

from __future__ import annotations

import os
from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.integrity import hashing


def each(messages: list[bytes]) -> bytes:
    """Return the hashes as the standard library makes them."""
    return b"".join(sha256(message).digest() for message in messages)


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=40), st.integers(0, 5))
def test_hashes_are_those_of_the_standard_library(messages: list[bytes], start: int) -> None:
    """SHA-256 is SHA-256: also of nothing, across blocks of 64 bytes, and in a part of a column."""
    column = pa.array(messages, pa.binary()).slice(start)
    assert hashing.sha256_each(column) == each(messages[start:])
    assert hashing._one_by_one(column) == each(messages[start:])


@pytest.mark.parametrize("length", [*range(130), 1_000, 1_000_000])
def test_no_length_is_padded_wrongly(length: int) -> None:
    """A message that ends near the end of a block; beside another so long, beside none, and beside a short one."""
    messages = [bytes(range(256)) * (length // 256 + 1)] * 2
    messages = [message[:length] for message in messages] + [b"x", b"y" * length, b"z" * length]
    assert hashing.sha256_each(pa.array(messages, pa.binary())) == each(messages)


@pytest.mark.parametrize("count", [0, 1, 2, 70_000])
def test_few_and_many_are_hashed_alike_and_in_order(count: int) -> None:
    """However many there are."""
    messages = [b"%d" % n * (n % 40) for n in range(count)]
    assert hashing.sha256_each(pa.array(messages, pa.binary())) == each(messages)


def test_without_compiled_code_the_hashes_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is only a matter of speed: a lake is verified anywhere."""
    monkeypatch.setattr(hashing, "HAS_KERNEL", False)
    messages = [os.urandom(n % 100) for n in range(300)]
    assert hashing.sha256_each(pa.array(messages, pa.binary())) == each(messages)


def test_what_was_hashed_is_let_go() -> None:
    """A lake of any size is verified in the memory of a part of it."""
    messages = pa.array([bytes(1000)] * 2_000, pa.binary())
    hashing.sha256_each(messages)
    held = pa.total_allocated_bytes()
    for _ in range(5):
        hashing.sha256_each(pa.concat_arrays([messages, messages]))
    assert pa.total_allocated_bytes() - held < messages.nbytes


def test_a_null_has_no_hash() -> None:
    """It would have the hash of an empty text, and the two would be told as one."""
    with pytest.raises(ValueError, match="null"):
        hashing.sha256_each(pa.array([b"a", None], pa.binary()))
