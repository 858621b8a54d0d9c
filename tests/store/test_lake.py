"""A lake is made, opened, refused, and seen as it was."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lakes import KEY, one, rows_of

from store.commit import Advance
from store.errors import UnreachableError, UsageError
from store.keys import FILE_NAME, new_site_key
from store.lake import Lake

COUNT = "SELECT count(*) FROM events"


def test_a_new_lake_is_empty_and_answers(lake: Lake) -> None:
    """Every table can be asked before anything is in it."""
    for table in ("events", "dead_letters", "gaps", "tool_calls", "denials"):
        assert one(lake, f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - names of ours


def test_a_lake_is_not_made_twice(lake: Lake) -> None:
    """What is there is never made anew."""
    with pytest.raises(UsageError, match="there is a lake here already"):
        Lake.create(lake.path)


def test_a_lake_half_made_is_finished(tmp_path: Path) -> None:
    """A crash while a lake was made leaves no lake, and making it again finishes it with the same key."""
    path = Lake.create(tmp_path / "lake", KEY).path
    (path / "lake.json").unlink()
    with pytest.raises(UnreachableError, match="there is no lake here"):
        Lake.open(path)
    assert Lake.create(path).site_key == KEY


def test_no_lake(tmp_path: Path) -> None:
    """Where there is no lake, the error says so and what to do."""
    with pytest.raises(UnreachableError) as caught:
        Lake.open(tmp_path / "nothing")
    assert caught.value.where == str(tmp_path / "nothing")
    assert "tooltrail init" in str(caught.value.hint)


def test_a_lake_of_a_newer_version_is_left_alone(lake: Lake) -> None:
    """A layout this version does not know is refused, with the way out."""
    marker = json.loads((lake.path / "lake.json").read_text())
    (lake.path / "lake.json").write_text(json.dumps({**marker, "layout": 99}))
    with pytest.raises(UnreachableError, match=r"layout 99, made by a newer version.*upgrade tooltrail"):
        Lake.open(lake.path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layout": "x"}', "{}"])
def test_a_damaged_marker_is_named(lake: Lake, text: str) -> None:
    """An unreadable lake.json is an error about lake.json."""
    (lake.path / "lake.json").write_text(text)
    with pytest.raises(UnreachableError, match=r"lake\.json cannot be read"):
        Lake.open(lake.path)


def test_the_site_key_is_for_its_owner_only(lake: Lake) -> None:
    """The key file has mode 0600 and holds the key it was given."""
    file = lake.path / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == KEY.hex() + "\n"
    assert stat.S_IMODE(lake.path.stat().st_mode) == 0o700


def test_a_fresh_key_is_made_for_each_lake(tmp_path: Path) -> None:
    """Two lakes share no key unless they are given one."""
    first, second = (Lake.create(tmp_path / name).site_key for name in "ab")
    assert first != second


def test_a_missing_key_is_named(lake: Lake) -> None:
    """Without its key a lake does not open: digests of another key would match nothing."""
    (lake.path / FILE_NAME).unlink()
    with pytest.raises(UnreachableError, match="the site key cannot be read: No such file") as caught:
        Lake.open(lake.path)
    assert caught.value.where == str(lake.path / FILE_NAME)


def test_a_damaged_key_is_not_repeated(lake: Lake) -> None:
    """An error about a key never shows what is in its file."""
    (lake.path / FILE_NAME).write_text("hunter2hunter2")
    with pytest.raises(UsageError, match="64 hex digits") as caught:
        Lake.open(lake.path)
    assert "hunter2" not in str(caught.value)


def test_a_key_from_the_environment_is_not_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lake whose key is kept elsewhere takes it from the variable it was made with, every time."""
    key = new_site_key()
    monkeypatch.setenv("OUR_KEY", key.hex())
    lake = Lake.create(tmp_path / "lake", key_variable="OUR_KEY")
    assert (lake.site_key, (lake.path / FILE_NAME).exists()) == (key, False)
    assert key.hex().encode() not in b"".join(p.read_bytes() for p in lake.path.rglob("*") if p.is_file())
    monkeypatch.delenv("OUR_KEY")
    with pytest.raises(UsageError, match="set OUR_KEY"):
        Lake.open(lake.path)


def test_session_keys_depend_on_the_site(lake: Lake, tmp_path: Path) -> None:
    """The same session has one key in a lake, and another in another site's."""
    other = Lake.create(tmp_path / "other")
    assert lake.session_key("s") == Lake.open(lake.path).session_key("s") != other.session_key("s")


# --- as it was --------------------------------------------------------------------------------------------------


@pytest.fixture
def grown(lake: Lake) -> Lake:
    """Return a lake of three commits with one, two and three rows."""
    for rows in (1, 2, 3):
        lake.append("events", rows_of(*[{}] * rows))
    return lake


def commit_time(lake: Lake, version: int) -> datetime:
    """Return when a version was committed, by its log."""
    entry = lake.path / "events" / "_delta_log" / f"{version:020}.json"
    infos = [json.loads(line).get("commitInfo") for line in entry.read_text().splitlines()]
    return datetime.fromtimestamp(next(i["timestamp"] for i in infos if i) / 1000, UTC)


@pytest.mark.parametrize(("as_of", "rows"), [(0, 0), (1, 1), ("2", 3), (3, 6), (None, 6)])
def test_a_version_is_what_it_was(grown: Lake, as_of: int | str | None, rows: int) -> None:
    """Any version can be asked again, by number, and says which it is."""
    answer = grown.sql(COUNT, as_of=as_of)
    assert (answer.arrow().to_pylist(), answer.version) == (
        [{"count_star()": rows}],
        3 if as_of is None else int(as_of),
    )


def test_a_time_is_the_version_of_then(grown: Lake) -> None:
    """A time gives the last version committed until then, with or without an offset, as text or datetime."""
    moment = commit_time(grown, 2) + timedelta(
        milliseconds=500
    )  # its file is written after its time is taken
    later = commit_time(grown, 3) + timedelta(hours=1)
    assert grown.sql(COUNT, as_of=later).version == 3
    assert grown.snapshot("events", moment.isoformat()).version in (2, 3)
    assert grown.snapshot("events", later.replace(tzinfo=None)).version == 3


@pytest.mark.parametrize("as_of", [4, "9" * 30, "yesterday", "-1", 2**70, "2026-13-01"])
def test_what_never_was_cannot_be_asked(grown: Lake, as_of: int | str) -> None:
    """A version or time that does not exist is the asker's error, and says what the newest is."""
    with pytest.raises(UsageError, match=r"there is no version .* the newest is 3"):
        grown.sql(COUNT, as_of=as_of)


def test_an_answer_does_not_move(grown: Lake) -> None:
    """Rows committed after the question are not in its answer, though they are in the next."""
    answer = grown.sql("SELECT source_offset FROM events")
    Lake.open(grown.path).append("events", rows_of({}, {}))
    assert (answer.arrow().num_rows, grown.sql(COUNT).version, one(grown, COUNT)) == (6, 4, 8)


def test_other_writers_are_seen(lake: Lake) -> None:
    """A handle that is kept open sees what others commit, at once."""
    assert one(lake, COUNT) == 0
    other = Lake.open(lake.path)
    for rows in range(1, 4):
        other.append("events", rows_of({}), [Advance("s", rows - 2 if rows > 1 else None, rows - 1)])
        assert (one(lake, COUNT), lake.position("events", "s")) == (rows, (rows - 1, None))
