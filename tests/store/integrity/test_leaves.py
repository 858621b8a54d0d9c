"""A row's leaf depends on the row alone, and erasing a class of its columns does not change it."""

from __future__ import annotations

import io
import random
import struct
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from lakes import rows_of
from row_strategies import ROWS

from store.events import BY_NAME, COLUMNS, SEALED, Group, arrow_schema
from store.integrity import canonical, leaves
from store.lake import Lake

MOMENT = datetime(2026, 10, 1, 6, 13, 52, 893132, tzinfo=UTC)
GOLDEN = {
    "event_time": MOMENT, "ingest_time": MOMENT, "event_date": MOMENT.date(), "user_id": "ana",
    "user_groups": ["ops", None, ""], "duration_ms": 1.5, "args_leaves": [-1, 2**62],
    "delegation": [{"iss": "https://idp.example", "sub": "a1"}], "parse_warnings": [], "error_message": "ünreadable",
    "http_status": 403,
}  # fmt: skip
COMMITMENTS = [
    "87e630598c8c77243494e788b42cb3c3f5f16408f76c3162f25d9a730176d8cd",
    "60d5ebd6f5fbf2529b906ed855231d7152e08d3a91d3938bf5b77a21e5a93556",
    "71f83da5551717282cab661f837de96ea5bdcbb59926a27e1bfdf99d4c4f7939",
]
LEAF = "fadd10803871189f0537f2dc9a1d45c49ee2d88683a26fc1c4bcb7b68bbde7cf"


def field(name: str, value: bytes) -> bytes:
    """Return a field as docs/integrity.md tells to write it."""
    return sha256(name.encode()).digest()[:3] + len(value).to_bytes(4, "big") + value


def text(value: str | None) -> bytes:
    """Return a text in a list."""
    return b"\xff\xff\xff\xff" if value is None else len(value.encode()).to_bytes(4, "big") + value.encode()


def by_hand(row: dict[str, Any], names: list[str]) -> bytes:
    """Encode some columns of a row one by one, in plain Python."""
    out = b""
    for name in sorted(names):
        value, kind = row[name], BY_NAME[name].type
        if value is None:
            continue
        if pa.types.is_string(kind):
            out += field(name, value.encode())
        elif pa.types.is_timestamp(kind):
            micros = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            out += field(name, micros.to_bytes(8, "big", signed=True))
        elif pa.types.is_floating(kind):
            out += field(name, struct.pack(">d", value))
        elif pa.types.is_integer(kind):
            out += field(name, value.to_bytes(8, "big", signed=True))
        elif pa.types.is_list(kind) and pa.types.is_integer(kind.value_type):
            out += field(name, b"".join(v.to_bytes(8, "big", signed=True) for v in value))
        elif pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
            out += field(name, b"".join(map(text, value)))
        elif pa.types.is_list(kind):
            keys = [f.name for f in kind.value_type]
            out += field(name, b"".join(text(item[key]) for item in value for key in keys))
        else:
            out += field(name, value)
    return out


def leaf_by_hand(row: dict[str, Any]) -> bytes:
    """Compute a leaf as docs/integrity.md tells to."""
    row = dict(row)
    for name, members in leaves.CLASSES.items():
        body = by_hand(row, list(members))
        if row[f"{name}_commitment"] is None and body:
            row[f"{name}_commitment"] = sha256(row[f"{name}_salt"] + body).digest()
    return sha256(b"\0\1" + by_hand(row, [*leaves.PLAIN, *map("{}_commitment".format, SEALED)])).digest()


def sealed(*events: dict[str, Any]) -> pa.Table:
    """Return sealed rows."""
    return leaves.seal(rows_of(*events), "ab" * 16)


def test_the_encoding_is_pinned() -> None:
    """These hashes may never change: leaves of years ago are computed again from rows."""
    rows = rows_of(GOLDEN)
    for name in SEALED:
        salt = pa.array([name.ljust(16).encode()], pa.binary())
        rows = rows.set_column(rows.column_names.index(f"{name}_salt"), f"{name}_salt", salt)
    assert [c.hex() for c in (leaves.commitments(rows, name)[0].as_py() for name in SEALED)] == COMMITMENTS
    assert leaves.leaves(rows)[0].as_py().hex() == LEAF
    [row] = rows.to_pylist()
    assert leaf_by_hand(row).hex() == LEAF


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_leaves_are_those_of_the_written_rule(events: list[dict[str, Any]]) -> None:
    """Whoever has docs/integrity.md and no code of ours comes to the same hash, whatever the row holds."""
    rows = sealed(*events)
    assert rows["leaf_hash"].to_pylist() == [leaf_by_hand(row) for row in rows.to_pylist()]
    assert leaves.leaves(rows).to_pylist() == rows["leaf_hash"].to_pylist()


def test_layout_does_not_matter(rows: pa.Table) -> None:
    """Another order of rows and columns, coding, row groups and compression, and chunks give the same leaves."""
    order = list(range(rows.num_rows))
    random.Random(1).shuffle(order)  # noqa: S311 - not a secret
    names = list(reversed(rows.column_names))
    moved = rows.select(names).take(order)
    sink = io.BytesIO()
    pq.write_table(moved, sink, compression="gzip", row_group_size=3, use_dictionary=False)
    coded = [c.name for c in COLUMNS if c.type == pa.string()]
    for dictionary in (None, coded):
        back = pq.read_table(io.BytesIO(sink.getvalue()), read_dictionary=dictionary)
        assert leaves.leaves(back).to_pylist() == moved["leaf_hash"].to_pylist()
    pieces = pa.concat_tables([moved.slice(at, 2) for at in range(0, moved.num_rows, 2)])
    assert leaves.leaves(pieces).to_pylist() == moved["leaf_hash"].to_pylist()


def test_pieces_do_not_matter(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are encoded together, each gives its own bytes."""
    for size, most in ((1, 128), (3, 1 << 12)):
        monkeypatch.setattr(canonical, "PIECE", size)
        monkeypatch.setattr(canonical, "PART_BYTES", most)
        assert leaves.leaves(rows).to_pylist() == rows["leaf_hash"].to_pylist()


def test_a_column_that_comes_later_changes_no_older_leaf(rows: pa.Table) -> None:
    """A file without a column, as an older version wrote it, counts as null there."""
    empty = [name for name in rows.column_names if rows[name].null_count == rows.num_rows]
    assert empty
    assert leaves.leaves(rows.drop_columns(empty)).to_pylist() == rows["leaf_hash"].to_pylist()


def test_every_column_is_in_the_leaf(rows: pa.Table) -> None:
    """Whatever is changed shows: each column but the salts' neighbours, null or not."""
    before = rows["leaf_hash"].to_pylist()
    outside = {"leaf_hash", "event_date"}
    for name in (c.name for c in COLUMNS if c.name not in outside):
        kind = rows.schema.field(name).type
        other = next(v for v in OTHERS[kind] if v != rows[name][0].as_py())
        values = [other, *rows[name].to_pylist()[1:]]
        changed = rows.set_column(rows.column_names.index(name), name, pa.array(values, kind))
        found = leaves.leaves(changed).to_pylist()
        if name.endswith("_salt") and rows[name][0].as_py() is None:
            continue
        assert found[0] != before[0], name
        assert found[1:] == before[1:]


def test_two_fields_cannot_be_told_as_one() -> None:
    """Moving bytes from the end of one field to the beginning of the next is another row."""
    one, two = sealed({"gateway_name": "ab", "server_name": "c"}, {"gateway_name": "a", "server_name": "bc"})[
        "leaf_hash"
    ].to_pylist()
    assert one != two


def test_salts_are_fresh_and_only_where_needed() -> None:
    """Equal values have unlike commitments, so that nobody can tell from a proof that two rows are of one person."""
    rows = sealed({"user_id": "ana"}, {"user_id": "ana"}, {})
    salts = rows["person_salt"].to_pylist()
    assert [None if s is None else len(s) for s in salts] == [16, 16, None]
    assert salts[0] != salts[1]
    first, second, third = leaves.commitments(rows, "person").to_pylist()
    assert first != second
    assert third is None
    assert rows["person_commitment"].null_count == 3


@pytest.mark.parametrize("name", SEALED)
def test_erasing_a_class_keeps_the_leaf_and_the_other_classes(rows: pa.Table, name: str) -> None:
    """The values and the salt are gone, the commitment stays: every proof of before holds, of other classes too."""
    gone = [True, False, True, *([False] * (rows.num_rows - 3))]
    erased = leaves.erase(rows, name, gone)
    assert leaves.leaves(erased).to_pylist() == rows["leaf_hash"].to_pylist()
    assert erased["leaf_hash"] == rows["leaf_hash"]
    for column in (*leaves.CLASSES[name], f"{name}_salt"):
        assert [erased[column][i].as_py() for i in (0, 2)] == [None, None]
        assert erased[column][1].as_py() == rows[column][1].as_py()
    for other in set(SEALED) - {name}:
        assert leaves.commitments(erased, other) == leaves.commitments(rows, other)
    assert not pc.any(leaves.spoken_for(erased, name)).as_py()
    twice = leaves.erase(erased, name, gone)
    assert twice.equals(erased)


def test_values_beside_a_commitment_are_seen(rows: pa.Table) -> None:
    """A stored commitment speaks for what was erased: new values beside it would be believed without this check."""
    erased = leaves.erase(rows, "person", [True] * rows.num_rows)
    forged = erased.set_column(
        erased.column_names.index("user_id"), "user_id", pa.array(["mallory"] + [None] * (rows.num_rows - 1))
    )
    assert leaves.leaves(forged).to_pylist() == rows["leaf_hash"].to_pylist()
    assert leaves.spoken_for(forged, "person").to_pylist() == [True] + [False] * (rows.num_rows - 1)


def test_what_is_personal_is_sealed() -> None:
    """A personal column that stood in the leaf itself could never be erased."""
    assert [c.name for c in COLUMNS if c.personal and not c.sealed] == []
    assert {c.sealed for c in COLUMNS if c.sealed} == set(SEALED)
    assert not [c.name for c in COLUMNS if c.sealed and c.required]


def test_tags_are_all_different() -> None:
    """Two columns with one tag could stand for each other."""
    assert len({canonical.tag(c.name) for c in COLUMNS}) == len(COLUMNS)


def test_a_record_cannot_bring_integrity_columns(lake: Lake) -> None:
    """Salts, commitments and leaves are the lake's own, whatever a caller puts in the rows."""
    forged = {c.name: b"\1" * 32 for c in COLUMNS if c.group is Group.INTEGRITY and c.type == pa.binary()}
    lake.append("events", rows_of({**forged, "batch_id": "mine"}))
    [row] = lake.sql("FROM events").arrow().to_pylist()
    assert row["batch_id"] != "mine"
    assert [row[f"{name}_commitment"] for name in SEALED] == [None] * 3
    assert row["leaf_hash"] == leaf_by_hand(row)


OTHERS: dict[Any, list[Any]] = {
    pa.string(): ["x", "y"], pa.int64(): [7, 8], pa.float64(): [7.5, 8.5], pa.binary(): [b"7" * 16, b"8" * 16],
    pa.timestamp("us", tz="UTC"): [MOMENT, MOMENT.replace(year=2025)], pa.date32(): [MOMENT.date()],
    pa.bool_(): [True, False],
}  # fmt: skip
for _column in COLUMNS:
    if pa.types.is_list(_column.type):
        _inner = _column.type.value_type
        _item: Any = 7 if pa.types.is_integer(_inner) else "x"
        if pa.types.is_struct(_inner):
            _item = {f.name: "x" for f in _inner}
        OTHERS[_column.type] = [[_item], [_item, _item]]


@pytest.fixture
def rows() -> pa.Table:
    """Return sealed rows in which some columns of every class have a value, and some have none."""
    shared = {
        "user_email": "ana@acme.example", "args_json": '{"path":"/srv"}', "error_message": "no", "args_leaves": [1],
        "redactions": [{"path": "/a", "kind": "jwt", "digest": "d"}], "delegation": [{"iss": None, "sub": "a"}],
    }  # fmt: skip
    found = sealed(*[{**shared, "user_id": f"u{n}", "gateway_name": None if n else "g"} for n in range(7)])
    return found.cast(arrow_schema())
