"""A session is named by whatever an investigator has of it."""

import shutil
from pathlib import Path

import pytest
from lakes import record, take_in

from analytics.timeline import find_session
from store.errors import UsageError
from store.lake import Lake


@pytest.fixture
def lake(empty_lake: Path, tmp_path: Path) -> Lake:
    """Return a lake with one call of session-1: that of this folder's other tests is only read."""
    lake = Lake.open(shutil.copytree(empty_lake, tmp_path / "lake"))
    take_in(lake, [record(0, tool_name="get")])
    return lake


def test_by_its_key_a_prefix_of_it_or_the_id_in_the_log(lake):
    """The key, its beginning and the raw session id mean the same session, also with a CSV line's end behind."""
    key = lake.session_key("session-1")
    for name in (key, key.upper(), key[:6], "session-1", f"{key}\r", " session-1\n"):
        assert find_session(lake, name) == key


def test_nothing_found_says_so(lake):
    """What names no session is refused with a hint, never taken for another."""
    for name in ("session-2", "0" * 32, "", "%", "___"):
        with pytest.raises(UsageError, match="no session"):
            find_session(lake, name)
