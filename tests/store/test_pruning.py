"""Leaving files out never changes an answer, and does leave files out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import KEY, NOON, ask, one, rows_of

from store.datafile import key_hash, key_index, read_key_index
from store.events import BY_NAME
from store.keys import derive
from store.lake import Lake
from store.snapshot import KeyIndexes, Needs, index_path
from store.sql import Planner, view_statements
from store.tables import TABLES
from store.tables.events import EVENTS

DAYS = 4
SESSIONS = [f"session-{n}" for n in range(6)]
TIMES = [NOON + timedelta(hours=12 * n) for n in range(2 * DAYS)]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Return a lake of many small files that tests only read."""
    lake = Lake.create(tmp_path_factory.mktemp("pruning") / "lake", KEY)
    for number in range(8):
        lake.append("events", rows_of(*[
            {"event_time": TIMES[(number + n) % len(TIMES)], "event_date": TIMES[(number + n) % len(TIMES)].date(),
             "session_key": SESSIONS[(number * n) % 6] if n % 4 else None, "credential_id": f"c{number % 3}",
             "trace_id": f"t{number}-{n}", "user_id": f"u{n % 2}", "tool_name": f"tool{n % 3}",
             "event_class": "denial" if n % 2 else "tool_call", "source_offset": number * 10 + n}
            for n in range(5)
        ]))  # fmt: skip
    return lake


@pytest.fixture(scope="module")
def planner() -> Planner:
    """Return a planner."""
    return Planner()


@pytest.fixture(scope="module")
def indexes(full: Lake) -> KeyIndexes:
    """Return the key indexes as the lake reads them."""
    return KeyIndexes(derive(KEY, "key-index"))


def over_all_files(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of its own that reads every file for every question."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(f'"{name}"' for name in EVENTS.schema.names)
    paths = lake.snapshot("events").paths()
    database.execute(
        f"CREATE VIEW events AS SELECT {columns} FROM read_parquet({paths}, hive_partitioning = true, "  # noqa: S608
        "hive_types = {'event_date': DATE})"
    )
    for table in TABLES.values():
        if table is not EVENTS:
            database.from_arrow(table.schema.empty_table()).create(table.name)
    for statement in view_statements():
        database.execute(statement.sql)
    return database


# --- what a question needs --------------------------------------------------------------------------------------


def moment(text: str) -> datetime:
    """Return a UTC time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("where", "parameters", "needs"),
    [
        ("session_key = 'a'", None, Needs({"session_key": "a"})),
        ("'a' = session_key", None, Needs({"session_key": "a"})),
        ("session_key = ?", ["a"], Needs({"session_key": "a"})),
        ("session_key = $key", {"key": "a"}, Needs({"session_key": "a"})),
        ("session_key IN ('a')", None, Needs({"session_key": "a"})),
        ("session_key IN ('a', 'b')", None, Needs({})),
        ("session_key = 'a' OR session_key = 'b'", None, Needs({})),
        ("session_key = 'a' OR user_id = 'b'", None, Needs({})),
        ("NOT session_key = 'a'", None, Needs({})),
        ("session_key <> 'a'", None, Needs({})),
        ("lower(session_key) = 'a'", None, Needs({})),
        ("session_key = 'a' AND trace_id = 'b'", None, Needs({"session_key": "a", "trace_id": "b"})),
        ("session_key = 'it''s'", None, Needs({})),
        ("user_id = 'x'' AND session_key = ''y'", None, Needs({})),
        ("event_time >= '2026-11-01'", None, Needs({}, moment("2026-11-01"))),
        ("event_time > '2026-11-01'", None, Needs({}, moment("2026-11-01"))),
        ("event_time <= '2026-11-02T03:04:05.000006Z'", None, Needs({}, None, moment("2026-11-02T03:04:05.000006"))),
        ("event_time < '2026-11-02 01:00:00+01'", None, Needs({}, None, moment("2026-11-02"))),
        ("event_time >= ? AND event_time < ?", [moment("2026-11-01"), moment("2026-11-02")],
         Needs({}, moment("2026-11-01"), moment("2026-11-02"))),
        ("event_time BETWEEN '2026-11-01' AND '2026-11-02'", None,
         Needs({}, moment("2026-11-01"), moment("2026-11-02"))),
        ("ingest_time >= '2026-11-01'", None, Needs({})),
        ("session_key = 'a' ORDER BY event_time LIMIT 5", None, Needs({"session_key": "a"})),
    ],
)  # fmt: skip
def test_conditions_every_row_must_meet_are_needs(
    planner: Planner, where: str, parameters: Any, needs: Needs
) -> None:
    """Plain comparisons with a constant, also bound ones, say which files matter; anything else says nothing."""
    query = f"SELECT event_id FROM events WHERE {where}"  # noqa: S608
    assert planner.needs(query, parameters) == [needs]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("SELECT 1 FROM events a JOIN events b USING (trace_id) WHERE a.session_key = 'x' AND b.session_key = 'y'",
         [{"session_key": "x"}, {"session_key": "y"}]),
        ("SELECT 1 FROM events a JOIN events b USING (trace_id) WHERE a.session_key = 'x'", [{}, {"session_key": "x"}]),
        ("SELECT event_id FROM events WHERE session_key = 'x' UNION ALL SELECT event_id FROM events",
         [{}, {"session_key": "x"}]),
        ("FROM timeline('x')", [{"session_key": "x"}]),
        ("SELECT 1 FROM dead_letters", []),
    ],
)  # fmt: skip
def test_each_scan_has_needs_of_its_own(planner: Planner, query: str, keys: list[dict[str, str]]) -> None:
    """What is read is the union of what the scans need: one that needs everything gets everything."""
    assert sorted((dict(n.equal) for n in planner.needs(query, None)), key=str) == sorted(keys, key=str)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (SELECT count(*) FROM events), count(*) FROM events WHERE session_key = 'x'",
        "EXPLAIN SELECT 1 FROM events WHERE session_key = 'x'",
    ],
)
def test_needs_are_not_guessed(planner: Planner, query: str) -> None:
    """Where a scan is not in the plan, as a count answered from metadata, nothing is left out."""
    assert planner.needs(query, None) == [] or Needs({}) in planner.needs(query, None)


def test_a_question_cannot_make_the_planner_read(planner: Planner) -> None:
    """Planning opens no file and no connection: it is as locked down as answering."""
    for source in ("read_text('/etc/passwd')", "'http://127.0.0.1:9/x.parquet'", "read_csv('/etc/passwd')"):
        with pytest.raises(duckdb.PermissionException):
            planner.needs(f"SELECT * FROM {source}", None)  # noqa: S608


# --- which files ------------------------------------------------------------------------------------------------


def names(paths: list[str]) -> set[str]:
    """Return the names of files."""
    return {Path(path).name for path in paths}


def holding(lake: Lake, where: str) -> set[str]:
    """Return the names of the files that hold a matching row."""
    found = over_all_files(lake).execute(
        f"SELECT DISTINCT filename FROM read_parquet({lake.snapshot('events').paths()}, filename = true) WHERE {where}"  # noqa: S608
    )
    return names([name for (name,) in found.fetchall()])


@pytest.mark.parametrize("column", EVENTS.indexed)
def test_only_files_that_hold_a_key_are_read(full: Lake, indexes: KeyIndexes, column: str) -> None:
    """For each key the files chosen are those that hold it, and a key nobody has needs none."""
    snapshot = full.snapshot("events")
    for (value,) in ask(full, f"SELECT DISTINCT {column} FROM events WHERE {column} IS NOT NULL LIMIT 4"):  # noqa: S608
        found = names(snapshot.paths(Needs({column: value}), indexes))
        assert found == holding(full, f"{column} = '{value}'")
    assert snapshot.paths(Needs({column: "nobody"}), indexes) == []


def test_only_files_of_a_time_are_read(full: Lake) -> None:
    """Bounds are inclusive: a file whose only row lies on a bound is read."""
    snapshot = full.snapshot("events")
    for time in TIMES:
        found = names(snapshot.paths(Needs({}, time, time)))
        assert found >= holding(full, f"event_time = '{time}'")
        assert len(found) < len(snapshot.files)


@pytest.mark.parametrize("damage", ["gone", "empty", "short", "flipped"])
def test_a_damaged_index_costs_time_and_nothing_else(lake: Lake, damage: str) -> None:
    """An index that is missing or damaged is not believed: its file is read."""
    lake.append("events", rows_of({"session_key": "a"}))
    lake.append("events", rows_of({"session_key": "b"}))
    for file in lake.snapshot("events").files:
        index = index_path(lake.path / "events", file.path, "session_key")
        content = index.read_bytes()
        if damage == "gone":
            index.unlink()
        else:
            index.write_bytes(
                {"empty": b"", "short": content[:-1], "flipped": content[:-1] + bytes([content[-1] ^ 1])}[
                    damage
                ]
            )
    again = Lake.open(lake.path)
    assert len(again.snapshot("events").paths(Needs({"session_key": "a"}), KeyIndexes())) == 2
    assert one(again, "SELECT count(*) FROM events WHERE session_key = 'a'") == 1


def test_an_index_holds_the_hash_of_each_value() -> None:
    """Hashed together, values have the hashes under which each is looked up; nulls have none."""
    values = [None, "", "a", "ü", "x" * 200, "a", *map(str, range(50))]
    rows = rows_of(*({"session_key": value, "user_id": value} for value in values))
    index = key_index(EVENTS, rows, KEY)
    for column, key in (("session_key", b""), ("user_id", KEY)):
        expected = sorted({key_hash(column, value, key) for value in values if value is not None})
        assert read_key_index(index[column], key).tolist() == expected


def test_a_person_cannot_be_looked_up_without_the_key(lake: Lake) -> None:
    """Who has the index of users alone cannot try out names on it: no unkeyed hash of a name stands in it."""
    lake.append("events", rows_of({"user_id": "zz-user-4711", "session_key": "a"}))
    [file] = lake.snapshot("events").files
    index = index_path(lake.path / "events", file.path, "user_id").read_bytes()
    keyed = key_hash("user_id", "zz-user-4711", derive(KEY, "key-index")).to_bytes(4, "little")
    assert index[4:] == keyed
    assert key_hash("user_id", "zz-user-4711").to_bytes(4, "little") != keyed
    assert set(EVENTS.keyed) == {name for name in EVENTS.indexed if BY_NAME[name].personal}


@pytest.mark.parametrize("key", [b"", derive(b"o" * 32, "key-index")])
def test_another_key_costs_time_and_nothing_else(full: Lake, key: bytes) -> None:
    """An index that was written under another key says nothing: its file is read."""
    snapshot = full.snapshot("events")
    assert len(snapshot.paths(Needs({"user_id": "u0"}), KeyIndexes(key))) == len(snapshot.files)


def test_a_file_without_an_index_of_users_is_read(lake: Lake) -> None:
    """Files from before there was such an index are read whoever is asked for."""
    lake.append("events", rows_of({"user_id": "a"}))
    lake.append("events", rows_of({"user_id": "b"}))
    assert [one(lake, f"SELECT count(*) FROM events WHERE user_id = '{u}'") for u in "abc"] == [1, 1, 0]  # noqa: S608
    for file in lake.snapshot("events").files:
        index_path(lake.path / "events", file.path, "user_id").unlink()
    again = Lake.open(lake.path)
    assert [one(again, f"SELECT count(*) FROM events WHERE user_id = '{u}'") for u in "abc"] == [1, 1, 0]  # noqa: S608


def test_footers_are_kept_between_questions(full: Lake) -> None:
    """Every question, each a session of its own to DuckDB, finds the footers that earlier ones have read."""
    assert ask(full, "SELECT current_setting('parquet_metadata_cache')") == [(True,)]


def test_an_index_is_read_once(lake: Lake) -> None:
    """Files never change, so neither do their indexes."""
    lake.append("events", rows_of({"session_key": "a"}))
    reads: list[Path] = []

    def read(path: Path) -> bytes:
        reads.append(path)
        return path.read_bytes()

    indexes, snapshot = KeyIndexes(read=read), lake.snapshot("events")
    assert [len(snapshot.paths(Needs({"session_key": k}), indexes)) for k in ("a", "b", "a")] == [1, 0, 1]
    assert len(reads) == 1


# --- the answer -------------------------------------------------------------------------------------------------

TEXT_COLUMNS = st.sampled_from(["session_key", "credential_id", "trace_id", "user_id", "event_class"])
TEXT_VALUES = st.sampled_from([*SESSIONS[:3], "c1", "t2-1", "u0", "denial", "x AND session_key = ", "it's"])
MOMENTS = st.sampled_from(TIMES).map(lambda t: f"TIMESTAMPTZ '{t.isoformat()}'")


def quoted(text: str) -> str:
    """Return a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


ATOMS = st.one_of(
    st.builds(
        lambda c, o, v: f"{c} {o} {quoted(v)}",
        TEXT_COLUMNS,
        st.sampled_from(["=", "<>", "<", ">="]),
        TEXT_VALUES,
    ),
    st.builds(
        lambda c, v: f"{c} IN ({', '.join(map(quoted, v))})",
        TEXT_COLUMNS,
        st.lists(TEXT_VALUES, min_size=1, max_size=3),
    ),
    st.builds(lambda c: f"{c} IS NULL", TEXT_COLUMNS),
    st.builds(lambda c, v: f"coalesce({c}, 'u0') = {quoted(v)}", TEXT_COLUMNS, TEXT_VALUES),
    st.builds(lambda o, m: f"event_time {o} {m}", st.sampled_from(["<", "<=", ">", ">=", "="]), MOMENTS),
    st.builds(lambda a, b: f"event_time BETWEEN {a} AND {b}", MOMENTS, MOMENTS),
    st.builds(lambda m: f"event_date = ({m})::DATE", MOMENTS),
    st.just("source_offset > 20"),
)
WHERE = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(lambda parts: "(" + " AND ".join(parts) + ")", st.lists(inner, min_size=2, max_size=4)),
        st.builds(lambda parts: "(" + " OR ".join(parts) + ")", st.lists(inner, min_size=2, max_size=3)),
        inner.map(lambda text: f"NOT ({text})"),
    ),
    max_leaves=7,
)
EARLY = f"event_time < TIMESTAMPTZ '{TIMES[2].isoformat()}'"
SHAPES = [
    "SELECT source_offset FROM events WHERE {0}",
    """SELECT a.source_offset * 1000 + b.source_offset AS pair FROM events a JOIN events b USING (trace_id)
       WHERE a.event_id IN (SELECT event_id FROM events WHERE {0})
         AND b.session_key IN (SELECT session_key FROM events WHERE {1})""",
    "SELECT source_offset FROM (FROM events WHERE {0}) UNION ALL SELECT source_offset FROM (FROM events WHERE {1})",
    "SELECT (SELECT count(*) FROM events) * 1000 + (SELECT count(*) FROM events WHERE {1}) FROM events WHERE {0}",
    """WITH x AS (FROM events WHERE {0}), y AS (FROM x WHERE {1})
       SELECT source_offset FROM x EXCEPT SELECT source_offset FROM y""",
    """SELECT a.source_offset FROM events a LEFT JOIN (FROM events WHERE {0}) b
       ON a.trace_id = b.trace_id AND b.session_key = 'session-1' WHERE b.event_id IS NULL OR {2}""",
    "SELECT count(*) FROM tool_calls WHERE {0} HAVING count(*) >= (SELECT min(source_offset) FROM denials WHERE {1})",
    "SELECT max(source_offset) OVER (PARTITION BY user_id) FROM events WHERE {0} QUALIFY row_number() OVER () < 1000",
]


def test_known_shapes_are_answered_right(full: Lake) -> None:
    """Shapes in which a wrong reading of the plan would lose rows give what reading everything gives."""
    database = over_all_files(full)
    for shape in SHAPES:
        for first, second in (
            ("session_key = 'session-1'", "trace_id = 't2-1'"),
            ("credential_id = 'c1'", "1 = 0"),
            ("(user_id = 'u0' AND session_key = 'session-1' AND trace_id = 'x') OR user_id = 'u1'", EARLY),
        ):
            query = shape.format(first, second, "a.user_id = 'u0'")
            assert sorted(ask(full, query)) == sorted(database.execute(query).fetchall()), query


@settings(max_examples=30, deadline=None)
@given(shape=st.sampled_from(SHAPES), first=WHERE, second=WHERE)
@pytest.mark.slow
def test_no_question_loses_rows(full: Lake, shape: str, first: str, second: str) -> None:
    """Whatever is asked, the answer over the chosen files is the answer over all files."""
    query = shape.format(first, second, "a.user_id = 'u0'")
    assert sorted(ask(full, query)) == sorted(over_all_files(full).execute(query).fetchall())
