"""The leaf of an event, and the commitments in it that let a class of its columns be erased.

A commitment is SHA-256(salt || encoding of the class's columns) under a random salt of 128 bits, as the digests of
SD-JWT (RFC 9901) are: binding because SHA-256 resists collisions, hiding because the salt is not known. HMAC would be
the same at four times the cost. The salt is gone with the values, so nobody can try values on what is left.
Each class has a salt of its own: the other classes stay provable when one is erased.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from store.events import BY_NAME, COLUMNS, PARTITION, SEALED
from store.integrity import fields
from store.integrity.canonical import Encoder, digests, parts
from store.integrity.hashing import HAS_KERNEL, fixed

VERSION = b"\x01"
"""First byte of an entry: how the rest is encoded."""
SALT = 16
CLASSES: dict[str, tuple[str, ...]] = {
    name: tuple(c.name for c in COLUMNS if c.sealed == name) for name in SEALED
}
_OUTSIDE = {"leaf_hash", PARTITION, *(f"{name}_salt" for name in SEALED)}
_COMMITTED = tuple(f"{name}_commitment" for name in SEALED)
PLAIN = tuple(c.name for c in COLUMNS if not c.sealed and c.name not in {*_OUTSIDE, *_COMMITTED})
"""Columns that stand in the entry themselves; commitments do so too, under their own names."""
_LEAF = (*PLAIN, *(member for members in CLASSES.values() for member in members), *_COMMITTED,
         *(f"{name}_salt" for name in SEALED))  # fmt: skip
_NONE = pa.scalar(None, pa.binary())
_PREFIX = pa.scalar(b"\0" + VERSION, pa.binary())

Columns = Mapping[str, pa.Array]


def seal(rows: pa.Table, batch: str) -> pa.Table:
    """Return new events with `batch_id`, fresh salts and `leaf_hash`; commitments are null, for nothing is erased."""
    rows = _with(rows, "batch_id", pa.repeat(pa.scalar(batch), rows.num_rows).dictionary_encode())
    made: dict[str, list[pa.Array]] = {name: [] for name in ("leaf_hash", *map("{}_salt".format, CLASSES))}
    for part in parts(rows):
        commitments = {}
        for name in CLASSES:
            salt, commitments[name] = _commit(part, name)
            made[f"{name}_salt"].append(salt)
        made["leaf_hash"].append(_leaves(part, commitments))
    for name, arrays in made.items():
        rows = _with(rows, name, pa.chunked_array(arrays, pa.binary()))
    for name in _COMMITTED:
        rows = _with(rows, name, pa.nulls(rows.num_rows, pa.binary()))
    return rows


def leaves(rows: pa.Table) -> pa.ChunkedArray:
    """Return the leaf of each row computed from its columns; columns the table lacks count as null."""
    found = [
        _leaves(part, {name: _commitments(part, name) for name in CLASSES}) for part in parts(_complete(rows))
    ]
    return pa.chunked_array(found, pa.binary())


def commitments(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """Return each row's commitment to a class: the stored one where it was erased, null where nothing was there."""
    found = [_commitments(part, name) for part in parts(_complete(rows))]
    return pa.chunked_array(found, pa.binary())


def erase(rows: pa.Table, name: str, mask: Sequence[bool] | pa.Array) -> pa.Table:
    """Return the rows with a class of columns erased where `mask` is true; every leaf stays what it was.

    Rows that were never sealed lose the values and get no commitment.
    """
    where = pa.array(mask, pa.bool_()) if not isinstance(mask, pa.Array) else mask
    kept = pc.if_else(pc.and_(where, rows["leaf_hash"].is_valid()), commitments(rows, name), None)
    rows = _with(rows, f"{name}_commitment", pc.coalesce(kept, rows[f"{name}_commitment"]))
    for column in (*CLASSES[name], f"{name}_salt"):
        kind = rows[column].type
        values = rows[column].combine_chunks()
        empty = pa.scalar(None, kind)
        rows = _with(
            rows, column, pc.if_else(where, empty, values) if not _nested(kind) else _hide(values, where)
        )
    return rows


def spoken_for(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """Say for each row whether a class has values though its commitment is stored: values it does not speak for."""
    found = []
    for part in parts(_complete(rows)):
        filled = [part[member].is_valid() for member in CLASSES[name]]
        found.append(pc.and_(functools.reduce(pc.or_, filled), part[f"{name}_commitment"].is_valid()))
    return pa.chunked_array(found, pa.bool_())


def _nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind))


def _hide(values: pa.Array, where: pa.Array) -> pa.Array:
    """Return lists, null where told; the values themselves are left out, not only made invisible."""
    places = np.arange(len(values), dtype=np.int64)
    return values.take(pa.array(places, mask=where.to_numpy(zero_copy_only=False)))


def _commit(columns: Columns, name: str) -> tuple[pa.Array, pa.Array]:
    """Return a fresh salt for each row that has something to hide, and the commitment under it."""
    filled = functools.reduce(pc.or_, [columns[member].is_valid() for member in CLASSES[name]])
    random = fixed(np.frombuffer(os.urandom(SALT * len(filled)), dtype=np.uint8).reshape(-1, SALT))
    salt = pc.if_else(filled, random, _NONE)
    return salt, _under(salt, columns, name)


def _commitments(columns: Columns, name: str) -> pa.Array:
    stored, found = columns[f"{name}_commitment"], _under(columns[f"{name}_salt"], columns, name)
    return found if stored.null_count == len(stored) else pc.coalesce(stored, found)


def _under(salt: pa.Array, columns: Columns, name: str) -> pa.Array:
    """Return the commitment of each row that has a salt, null for the others; only those are encoded and hashed."""
    if salt.null_count == len(salt):
        return pa.nulls(len(salt), pa.binary())
    members = {member: columns[member] for member in CLASSES[name]}
    if not salt.null_count:
        return _hashed(salt, members)
    there = salt.is_valid()
    found = _hashed(salt.drop_null(), {m: column.filter(there) for m, column in members.items()})
    places = np.cumsum(there.to_numpy(zero_copy_only=False)) - 1
    return found.take(pa.array(places, mask=pc.invert(there).to_numpy(zero_copy_only=False)))


def _leaves(columns: Columns, commitments: Columns) -> pa.Array:
    named = {f"{name}_commitment": commitment for name, commitment in commitments.items()}
    plain = {name: columns[name] for name in PLAIN}
    return _hashed(pa.repeat(_PREFIX, len(plain["event_id"])), plain | named)


def _hashed(before: pa.Array, columns: Columns) -> pa.Array:
    if HAS_KERNEL and len(before):
        return fields.hashed(before, columns)
    return pa.concat_arrays([digests(piece) for piece in Encoder(before, columns).pieces()])


def _complete(rows: pa.Table) -> pa.Table:
    """Return the rows with every column a leaf is made of, null where the table has none."""
    there = set(rows.column_names)
    lacking = [name for name in _LEAF if name not in there]
    if not lacking:
        return rows
    nulls = [pa.nulls(rows.num_rows, BY_NAME[name].type) for name in lacking]
    return pa.table([*rows.columns, *nulls], names=[*rows.column_names, *lacking])


def _with(rows: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, column)
