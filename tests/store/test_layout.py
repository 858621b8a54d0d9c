"""What is on the disk: Parquet and Delta that others can read, and no person in what outlives an erasure."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from lakes import NOON, ask, rows_of

from store import commit as delta
from store import datafile
from store.lake import Lake
from store.tables import TABLES
from store.tables.events import EVENTS

PERSON = {
    "user_id": "zz-user-4711", "user_email": "zz.person@example.org", "user_name": "Zz Person",
    "client_address": "203.0.113.77", "session_key": "zz-session-4711", "args_json": '{"zz": "private"}',
}  # fmt: skip


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Return a lake with one file whose rows came in no order."""
    users = ["b", "a", "b", "a"]
    lake.append(
        "events",
        rows_of(*[{"user_id": u, "session_key": f"s{n % 3}", "trace_id": f"t{n}", "credential_id": f"c{n}"}
                  for n, u in enumerate(users)]),
    )  # fmt: skip
    return lake


def the_file(lake: Lake) -> Path:
    """Return the only data file."""
    [path] = lake.snapshot("events").paths()
    return Path(path)


def test_files_are_zstd_with_checked_pages(filled: Lake) -> None:
    """Bit rot inside a page is found by any reader that verifies page checksums."""
    file = the_file(filled)
    metadata = pq.ParquetFile(file).metadata
    group = metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}
    column = next(
        group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == "event_id"
    )
    content = bytearray(file.read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 3] ^= 1
    file.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(file, page_checksum_verification=True, partitioning=None)


def test_what_is_looked_up_has_bloom_filters(filled: Lake) -> None:
    """Looking up one event, session, credential or trace, or one class of events, opens few row groups."""
    found = duckdb.sql(
        f"SELECT path_in_schema FROM parquet_metadata('{the_file(filled)}') WHERE bloom_filter_offset IS NOT NULL"  # noqa: S608
    ).fetchall()
    assert sorted(name for (name,) in found) == [
        "credential_id",
        "event_class",
        "event_id",
        "session_key",
        "trace_id",
    ]
    assert sorted(EVENTS.blooms) == sorted(name for (name,) in found)


def test_rows_lie_by_user_session_and_time(filled: Lake) -> None:
    """Rows that are asked for together lie together."""
    rows = pq.read_table(the_file(filled), columns=list(EVENTS.order), partitioning=None).to_pylist()
    keys = [tuple(row[name] for name in EVENTS.order) for row in rows]
    assert keys == sorted(keys)
    assert EVENTS.order == ("user_id", "session_key", "event_time")


def test_denials_lie_in_row_groups_of_their_own(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question about denials reads them and no other rows; within each part rows lie by user, session and time."""
    monkeypatch.setattr(datafile, "SET_APART_FROM", 10)
    monkeypatch.setattr(datafile, "ROW_GROUP", 5)
    classes = ["tool_call", "denial", "client_event", "tool_call"]
    lake.append(
        "events", rows_of(*[{"user_id": f"u{n % 7}", "event_class": classes[n % 4]} for n in range(20)])
    )
    file = pq.ParquetFile(the_file(lake))
    groups = [
        file.read_row_group(n, ["user_id", "event_class"]).to_pydict() for n in range(file.num_row_groups)
    ]
    assert ["denial" in group["event_class"] for group in groups] == [True, False, False, False]
    assert set(groups[0]["event_class"]) == {"denial"}
    others = [user for group in groups[1:] for user in group["user_id"]]
    assert (groups[0]["user_id"], others) == (sorted(groups[0]["user_id"]), sorted(others))
    probed = duckdb.sql(
        f"SELECT row_group_id FROM parquet_bloom_probe('{the_file(lake)}', 'event_class', 'denial') "  # noqa: S608
        "WHERE NOT bloom_filter_excludes"
    ).fetchall()
    assert probed == [(0,)]
    assert [n for (n,) in ask(lake, "SELECT count(*) FROM denials")] == [5]


def test_coded_columns_take_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that comes as codes and words is stored as the plain one: each row group holds its own words."""
    monkeypatch.setattr(datafile, "ROW_GROUP", 20)
    plain = rows_of(*[{"user_id": f"user-{n // 10}"} for n in range(100)]).select(EVENTS.stored.names)
    place = plain.column_names.index("user_id")
    coded = plain.set_column(place, "user_id", plain["user_id"].dictionary_encode())
    contents = [datafile._parquet(EVENTS, rows) for rows in (plain, coded)]
    sizes = [
        [metadata.row_group(n).column(place).total_compressed_size for n in range(metadata.num_row_groups)]
        for metadata in (pq.ParquetFile(pa.BufferReader(content)).metadata for content in contents)
    ]
    assert sizes[0] == sizes[1]
    assert pq.read_table(pa.BufferReader(contents[1])).equals(pq.read_table(pa.BufferReader(contents[0])))


def test_a_file_of_one_class_has_no_empty_row_group(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only denials, or none at all: neither leaves a row group without rows."""
    monkeypatch.setattr(datafile, "SET_APART_FROM", 1)
    for event_class in ("denial", "tool_call"):
        lake.append("events", rows_of(*[{"event_class": event_class}] * 3))
    metadata = [pq.ParquetFile(path).metadata for path in lake.snapshot("events").paths()]
    assert [[m.row_group(n).num_rows for n in range(m.num_row_groups)] for m in metadata] == [[3], [3]]


def test_the_table_needs_no_new_reader(filled: Lake) -> None:
    """Delta reader 1, writer 2, append-only: Spark, Trino and Polars read it as it is."""
    for name in TABLES:
        table = DeltaTable(str(filled.path / name))
        protocol = table.protocol()
        assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
        assert table.metadata().configuration["delta.appendOnly"] == "true"


def test_polars_reads_the_table_as_it_is(filled: Lake) -> None:
    """Other programs read the lake without us, and see what we see."""
    ours = filled.sql("SELECT event_id, user_id FROM events ORDER BY event_id").polars()
    for theirs in (
        pl.read_delta(str(filled.path / "events")),
        pl.scan_delta(str(filled.path / "events")).collect(),
    ):
        assert theirs.select("event_id", "user_id").sort("event_id").equals(ours)
        assert theirs.columns == EVENTS.schema.names


def test_no_personal_value_is_in_the_log(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log outlives an erasure: statistics and notes hold times and offsets, never a person."""
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 2)
    for _ in range(2):
        lake.append("events", rows_of(PERSON))
    log = lake.path / "events" / "_delta_log"
    assert len(list(log.glob("*.checkpoint.parquet"))) == 1
    for file in log.iterdir():
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content += json.dumps(pq.read_table(file).to_pylist(), default=str).encode()
        assert [v for v in PERSON.values() if v.encode() in content] == []


def test_the_columns_of_statistics_are_not_personal() -> None:
    """A personal column is never declared as a statistics column."""
    from store.events import BY_NAME

    assert [name for name in EVENTS.statistics if BY_NAME[name].personal] == []


def test_statistics_are_true(lake: Lake) -> None:
    """Bounds of the log are those of the rows: files are skipped by them."""
    lake.append("events", rows_of({"source_offset": 7}, {"source_offset": 3}, {"source_offset": 5}))
    log = delta.log_entry(lake.path / "events", 1).read_text().splitlines()
    [entry] = [json.loads(line)["add"] for line in log if "add" in json.loads(line)]
    statistics = json.loads(entry["stats"])
    assert statistics["numRecords"] == 3
    assert (statistics["minValues"]["source_offset"], statistics["maxValues"]["source_offset"]) == (3, 7)
    assert statistics["minValues"]["event_time"] == NOON.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_each_commit_notes_the_digest_of_its_files(filled: Lake) -> None:
    """What a file was when it was written can be proved later."""
    from hashlib import sha256

    noted = delta.note_of(filled.path / "events", 1)["sha256"]
    assert noted == {
        str(the_file(filled).relative_to(filled.path / "events")): sha256(
            the_file(filled).read_bytes()
        ).hexdigest()
    }
