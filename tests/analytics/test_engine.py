"""Connections of analytics are bounded, and spill where temporary files belong."""

from pathlib import Path

import duckdb
import pytest

import analytics
from analytics import engine
from store import spilling

BIG = "SELECT i, md5(i::VARCHAR) AS text FROM range(2_000_000) t(i) ORDER BY text"


def test_a_large_query_spills_outside_the_folder_one_stands_in(tmp_path, monkeypatch):
    """What does not fit in memory goes to TMPDIR, and is gone when the connection is closed."""
    spill, here = tmp_path / "spill", tmp_path / "here"
    spill.mkdir()
    here.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    monkeypatch.chdir(here)
    connection = engine.connect({"memory_limit": "60MB", "threads": 1})
    connection.execute(f"CREATE TABLE sorted AS {BIG}")
    assert list(spill.rglob("*"))
    connection.close()
    assert list(here.iterdir()) == list(spill.rglob("*")) == []


def test_a_query_that_would_fill_the_disk_fails_instead(tmp_path, monkeypatch):
    """Beyond the bound a job ends with an error; the disk is left to the others."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(spilling, "MOST", "10MB")
    connection = engine.connect({"memory_limit": "60MB", "threads": 1})
    with pytest.raises(duckdb.OutOfMemoryException, match="max_temp_directory_size"):
        connection.execute(f"CREATE TABLE sorted AS {BIG}")
    connection.close()


def test_nothing_of_analytics_connects_by_itself():
    """Every DuckDB of analytics is opened by the one function that sets the bounds."""
    root = Path(analytics.__file__).parent
    bare = [p.name for p in root.rglob("*.py") if "duckdb.connect(" in p.read_text("utf-8")]
    assert bare == ["engine.py"]
