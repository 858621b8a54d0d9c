"""A question only reads, and reads only the lake's tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakes import KEY, one, rows_of

from store.errors import UnreachableError, UsageError
from store.lake import Lake

NOT_QUESTIONS = [
    "DROP VIEW events", "CREATE TABLE x AS SELECT 1", "CREATE VIEW events AS SELECT 1",
    "COPY events TO '{lake}/events/x'",
    "COPY (SELECT 1) TO '/tmp/x'", "ATTACH '{lake}/events/x.db' AS x", "SET threads = 1", "RESET threads",
    "SET VARIABLE events_files = ['/etc/passwd']", "PRAGMA database_list", "INSTALL httpfs", "LOAD httpfs",
    "CALL pragma_version()", "EXPORT DATABASE '/tmp/x'", "PREPARE x AS SELECT 1", "BEGIN", "CHECKPOINT", "VACUUM",
    "INSERT INTO events SELECT * FROM events", "DELETE FROM events", "UPDATE events SET user_id = 'x'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/events/x.csv'", "EXPLAIN ANALYZE DROP VIEW gaps",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{lake}/events/x.csv'", "EXPLAIN/**/ANALYZE DROP VIEW gaps",
    "/* a */ EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1", "EXPLAIN (ANALYZE true) DROP VIEW gaps",
    "SELECT 1; SELECT 2", "SELECT 1; DROP VIEW events", "", "   ", "-- nothing", "SELECT", "what is this",
]  # fmt: skip
NOT_OURS = [
    "read_text('/etc/passwd')", "read_csv('/etc/passwd')", "read_parquet('/etc/passwd')", "'/etc/passwd'",
    "read_blob('{lake}/site.key')", "read_text('{lake}/events/../site.key')", "read_text('{lake}/lake.json')",
    "read_text('{lake}/tooltrail.toml')", "glob('/etc/*')", "sniff_csv('/etc/passwd')",
    "'http://127.0.0.1:9/x.parquet'", "read_parquet('s3://bucket/x.parquet')", "query('DROP VIEW gaps')",
    "read_json('/proc/self/environ')",
]  # fmt: skip


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with one row, which no question may change."""
    lake = Lake.create(tmp_path_factory.mktemp("guard") / "lake", KEY)
    lake.append("events", rows_of({}))
    return lake


def tree(folder: Path) -> set[Path]:
    """Return every path under a folder."""
    return set(folder.rglob("*"))


@pytest.mark.parametrize("query", NOT_QUESTIONS)
def test_anything_but_one_question_is_refused(asked: Lake, query: str) -> None:
    """A statement that would change, write or set anything is the asker's error, and has done nothing."""
    before = tree(asked.path)
    with pytest.raises(UsageError):
        asked.sql(query.replace("{lake}", str(asked.path))).arrow()
    assert tree(asked.path) == before
    assert (one(asked, "SELECT count(*) FROM events"), one(asked, "SELECT count(*) FROM gaps")) == (1, 0)


@pytest.mark.parametrize("source", NOT_OURS)
def test_nothing_else_of_the_machine_is_read(asked: Lake, source: str) -> None:
    """No file outside the tables, no key, no network: not in the answer and not in the error."""
    with pytest.raises(UsageError) as caught:
        asked.sql(f"SELECT * FROM {source.replace('{lake}', str(asked.path))}").arrow()  # noqa: S608
    assert "root:" not in str(caught.value)
    assert asked.site_key.hex() not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    ["SELECT 1", "FROM events SELECT 1", "WITH x AS (SELECT 1) FROM x", "VALUES (1)", "DESCRIBE events", "SHOW TABLES",
     "SUMMARIZE gaps", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE FROM events", "EXPLAIN (FORMAT json) SELECT 1",
     "explain (select 1)", "EXPLAIN (ANALYZE) (SELECT 1)", "-- why\nSELECT 1;", "/* a */ EXPLAIN SELECT 1"],
)  # fmt: skip
def test_questions_are_answered(asked: Lake, query: str) -> None:
    """Whatever reads is answered, however it begins."""
    assert asked.sql(query).arrow().num_columns > 0


@pytest.mark.parametrize(
    ("query", "word"),
    [("SELECT user FROM event", "events"), ("SELECT usr_id FROM events", "user_id"), ("SELEC 1", "SELEC")],
)
def test_a_wrong_question_is_told_what_is_near(asked: Lake, query: str, word: str) -> None:
    """An error of the asker names what was meant, and where the names stand."""
    with pytest.raises(UsageError, match=word) as caught:
        asked.sql(query).arrow()
    assert "tooltrail schema" in str(caught.value.hint)


def test_a_question_that_fails_on_the_way_is_explained(lake: Lake) -> None:
    """An error while rows are taken is ours too, not DuckDB's."""
    lake.append("events", rows_of({"user_id": "x"}))
    with pytest.raises(UsageError, match="Could not convert string 'x'"):
        lake.sql("SELECT user_id::INT FROM events").arrow()


def test_a_data_file_that_is_gone_is_an_error_and_not_fewer_rows(lake: Lake) -> None:
    """A missing file is said; an answer that is silently short would be believed."""
    lake.append("events", rows_of({}))
    [path] = lake.snapshot("events").paths()
    Path(path).unlink()
    with pytest.raises(UnreachableError, match="the lake cannot be read"):
        lake.sql("SELECT * FROM events").arrow()


def test_times_are_utc_wherever_it_is_asked(asked: Lake) -> None:
    """The machine's time zone changes no answer: each question is asked in UTC."""
    assert one(asked, "SELECT current_setting('TimeZone')") == "UTC"
    assert one(asked, "SELECT strftime(TIMESTAMPTZ '2026-01-01 23:30:00+00', '%d %H')") == "01 23"
