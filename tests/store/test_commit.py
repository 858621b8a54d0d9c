"""Rows and positions become visible together, once, and from one writer at a time."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from lakes import NOON, one, rows_of

from store import commit as delta
from store import drafts
from store.commit import Advance
from store.errors import FencedError, UnreachableError
from store.lake import Lake
from store.tables.events import EVENTS

STREAM = "calls-0"


def test_rows_and_position_are_one_commit(lake: Lake) -> None:
    """The table's own transaction says how far a stream was taken in, with the seal of what stood before."""
    assert lake.position("events", STREAM) == (None, None)
    assert lake.append("events", rows_of({}), [Advance(STREAM, None, 7, seal=11)], {"in": 1}) == 1
    assert lake.position("events", STREAM) == (7, 11)
    assert lake.position("dead_letters", STREAM) == (None, None)
    note = delta.note_of(lake.path / "events", 1)
    [file] = lake.snapshot("events").files
    assert note["in"] == 1
    assert list(note["sha256"]) == [file.path]


def test_a_position_can_move_without_rows(lake: Lake) -> None:
    """A batch of which nothing became a row still moves the stream."""
    lake.append("events", rows_of(), [Advance(STREAM, None, 3)])
    assert (lake.position("events", STREAM), lake.snapshot("events").rows) == ((3, None), 0)


@pytest.mark.parametrize("expected", [None, 3, 5])
def test_a_writer_that_is_behind_or_ahead_is_fenced(lake: Lake, expected: int | None) -> None:
    """Rows go in only where the table holds the very position the writer had; otherwise nothing changes."""
    lake.append("events", rows_of({}), [Advance(STREAM, None, 4)])
    with pytest.raises(FencedError, match="another writer took this stream to 4") as caught:
        lake.append("events", rows_of({}), [Advance(STREAM, expected, 9)])
    assert caught.value.where == STREAM
    assert (lake.snapshot("events").version, lake.position("events", STREAM)) == (1, (4, None))


def test_of_two_writers_that_race_one_wins(lake: Lake) -> None:
    """Two handles, one position: exactly one commit, and the other is told it is fenced."""
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def write(number: int) -> None:
        own = Lake.open(lake.path)
        start.wait()
        try:
            own.append("events", rows_of({"event_id": f"{number:032x}"}), [Advance(STREAM, None, 0)])
        except FencedError:
            outcomes.append("fenced")
        else:
            outcomes.append("won")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["fenced", "won"]
    assert one(lake, "SELECT count(*) FROM events") == 1


def test_a_writer_that_slept_through_a_takeover_cannot_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zombie that had compared its position before it slept is refused by the commit itself."""
    real = DeltaTable.create_write_transaction
    asleep = [True]

    def sleep_first(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        if asleep:
            asleep.clear()
            Lake.open(lake.path).append("events", rows_of({}), [Advance(STREAM, None, 5)])
        real(self, *arguments, **named)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", sleep_first)
    with pytest.raises(FencedError):
        lake.append("events", rows_of({"event_id": "f" * 32}), [Advance(STREAM, None, 5)])
    assert one(lake, "SELECT count(*) FROM events WHERE event_id = ?", "f" * 32) == 0
    assert lake.position("events", STREAM) == (5, None)
    assert data_files(lake) == [file.path for file in lake.snapshot("events").files]


def data_files(lake: Lake) -> list[str]:
    """Return the data files of the events on the disk, and check that no index is there without its file."""
    root = lake.path / "events"
    found = sorted(root.glob("event_date=*/*"))
    assert {p.name.rsplit(".", 1)[0] for p in (root / "_index").iterdir()} == {p.stem for p in found}
    return [str(path.relative_to(root)) for path in found]


def test_a_fenced_writer_leaves_no_file(lake: Lake) -> None:
    """Rows that were refused are not on the disk either, for an erasure to find: no commit can name them any more."""
    lake.append("events", rows_of({}), [Advance(STREAM, None, 4)])
    before = data_files(lake)
    days = [{"event_time": NOON - timedelta(days=n)} for n in range(3)]
    with pytest.raises(FencedError):
        lake.append("events", rows_of(*days), [Advance(STREAM, None, 9)])
    assert data_files(lake) == before


def test_a_full_disk_leaves_no_file_of_an_append_that_never_was(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one file of an append cannot be written, the others go again: no commit was tried."""
    real, left = drafts.write_file, [3]

    def until_full(path: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise UnreachableError("cannot be written: no space left on device", where=str(path))
        real(path, content)

    lake.append("events", rows_of({}), [Advance(STREAM, None, 4)])
    before = data_files(lake)
    monkeypatch.setattr(drafts, "write_file", until_full)
    days = [{"event_time": NOON - timedelta(days=n)} for n in range(4)]
    with pytest.raises(UnreachableError, match="no space left"):
        lake.append("events", rows_of(*days), [Advance(STREAM, 4, 9)])
    assert data_files(lake) == before


def test_the_last_try_is_looked_for_before_a_commit_is_given_up(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that landed with the last try, and was reported failed, is one that was made."""
    real = DeltaTable.create_write_transaction

    def commit_then_fail(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        real(self, *arguments, **named)
        raise CommitFailedError("the connection was reset")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", commit_then_fail)
    monkeypatch.setattr(delta, "ATTEMPTS", 1)
    assert lake.append("events", rows_of({}), [Advance(STREAM, None, 0)]) == 1


def test_writers_of_different_streams_do_not_disturb_each_other(lake: Lake) -> None:
    """Any number of streams share the table: each has its own position, and every row arrives."""

    def write(name: str) -> None:
        own, last = Lake.open(lake.path), None
        for offset in range(4):
            own.append("events", rows_of({}), [Advance(name, last, offset)])
            last = offset

    threads = [threading.Thread(target=write, args=(f"s-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lake.position("events", f"s-{n}") for n in range(3)] == [(3, None)] * 3
    assert lake.snapshot("events").rows == 12


def test_a_commit_that_landed_but_was_reported_failed_is_not_made_twice(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the answer to a commit is lost the log is asked: one commit, and its files are kept."""
    real = DeltaTable.create_write_transaction
    calls: list[int] = []

    def commit_then_fail(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        calls.append(1)
        real(self, *arguments, **named)
        raise CommitFailedError("the connection was reset")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", commit_then_fail)
    assert lake.append("events", rows_of({}), [Advance(STREAM, None, 0)]) == 1
    assert (calls, lake.snapshot("events").version) == ([1], 1)
    assert all(Path(path).exists() for path in lake.snapshot("events").paths())
    assert one(lake, "SELECT count(*) FROM events") == 1


def test_a_commit_that_did_not_land_is_made_again_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed commit is repeated with the same files: the rows are there once."""
    real = DeltaTable.create_write_transaction
    failures = [CommitFailedError("no"), OSError("no")]

    def fail_then_commit(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        if failures:
            raise failures.pop()
        real(self, *arguments, **named)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", fail_then_commit)
    assert lake.append("events", rows_of({}), [Advance(STREAM, None, 0)]) == 1
    assert one(lake, "SELECT count(*) FROM events") == 1


def test_a_commit_that_never_lands_is_given_up_and_deletes_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Giving up is an error, not a guess: the data files stay, the position does not move."""

    def fail(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        raise CommitFailedError("no")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", fail)
    monkeypatch.setattr(delta, "ATTEMPTS", 3)
    with pytest.raises(UnreachableError, match="the commit failed 3 times: no"):
        lake.append("events", rows_of({}), [Advance(STREAM, None, 0)])
    assert len(list((lake.path / "events").glob("event_date=*/part-*.parquet"))) == 1
    assert (lake.snapshot("events").version, lake.position("events", STREAM)) == (0, (None, None))


def test_opening_stays_quick_and_right_after_many_commits(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints shorten the log; a table opened from one holds the same positions and files."""
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 4)
    for offset in range(6):
        lake.append("events", rows_of({}), [Advance(STREAM, offset - 1 if offset else None, offset)])
    log = lake.path / "events" / "_delta_log"
    assert [p.name for p in log.glob("*.checkpoint*.parquet")] == [f"{4:020}.checkpoint.parquet"]
    again = Lake.open(lake.path)
    assert (again.position("events", STREAM), again.snapshot("events").rows) == ((5, None), 6)


def test_a_folder_that_is_no_table_is_named(tmp_path: Path) -> None:
    """An error about a table says which, and what to do."""
    with pytest.raises(UnreachableError) as caught:
        delta.commit(tmp_path / "nothing", EVENTS, [], [], {})
    assert (caught.value.where, caught.value.hint) == (
        str(tmp_path / "nothing"),
        "is this a lake? `tooltrail init` makes one",
    )
