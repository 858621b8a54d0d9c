"""What was acknowledged outlives a power cut, also when it rests on what a process that died had left."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakes import CALLS, KEY, event_ids, record, rows_of, take_in
from mishaps import Disk

from store.commit import Advance, log_entry
from store.entries import entries
from store.integrity.verify import Options, verify
from store.keeping.replacing import Change, replace_files
from store.lake import Lake
from store.tables.events import EVENTS


@pytest.fixture
def disk(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return the disk that an empty lake is on."""
    return Disk(lake.path, monkeypatch)


def test_the_model_forgets_what_was_not_flushed(disk: Disk) -> None:
    """A file that was not flushed has no bytes after a cut, and no name before its folder was."""
    path = disk.root / "a"
    path.write_bytes(b"x")
    disk.cut(None)
    assert not path.exists()


@pytest.mark.parametrize("steps", [15, 19])
def test_what_is_acknowledged_stays_after_a_death_and_a_cut(disk: Disk, lake: Lake, steps: int) -> None:
    """A commit that a dead process made and did not flush is durable before anything is built upon it."""
    disk.run(lambda: lake.append("events", rows_of({"event_id": "a" * 32}), [Advance("s", None, 0)]), steps)
    take_in(Lake.open(lake.path), [record(1)])
    before = sorted(event_ids(Lake.open(lake.path)))
    disk.cut(None)
    after = Lake.open(lake.path)
    assert sorted(event_ids(after)) == before
    assert after.position("events", CALLS.transaction)[0] == 0
    assert verify(after, Options()).faults == []


@pytest.mark.parametrize("steps", range(12, 22))
def test_nothing_rests_on_a_pipeline_that_was_there_before(disk: Disk, lake: Lake, steps: int) -> None:
    """The same for who did not start anew after the death: no start looked after what it left."""
    disk.run(lambda: lake.append("events", rows_of({"event_id": "a" * 32}), [Advance("s", None, 0)]), steps)
    Lake(lake.path, lake.site_key).append("events", rows_of({"event_id": "b" * 32}), [Advance("t", None, 0)])
    before = sorted(event_ids(Lake.open(lake.path)))
    disk.cut(None)
    assert sorted(event_ids(Lake.open(lake.path))) == before
    assert "b" * 32 in before


@pytest.mark.parametrize("integrity", [True, False])
@pytest.mark.parametrize("replaced", [True, False])
def test_two_deaths_and_a_cut_tear_no_commit_amid_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, integrity: bool, replaced: bool
) -> None:
    """With a transparency log or without one: what is built upon was durable before, so only the newest can be torn."""
    lake = Lake.create(tmp_path / "lake", KEY, integrity=integrity)
    lake.append("events", rows_of({"event_id": "0" * 32}), [Advance("s", None, 0)])
    disk = Disk(lake.path, monkeypatch)
    left_unflushed(disk, lake, 2, Advance("s", 0, 1))
    other = Lake.open(lake.path)
    if replaced:
        files = other.snapshot("events").files
        assert len(files) == 2
        disk.run(lambda: replace_files(other, EVENTS, Change("expire", files)))
    else:
        left_unflushed(disk, other, 3, Advance("s", 1, 2))
    disk.cut(None)
    after = Lake.open(lake.path)
    assert [entry.version for entry in entries(lake.path / "events")][:3] == [0, 1, 2]
    assert after.position("events", "s")[0] in (1, 2)


def left_unflushed(disk: Disk, lake: Lake, version: int, advance: Advance) -> None:
    """Append, and die as soon as the commit is visible, before it is durable."""
    for steps in range(40):
        row = {"event_id": f"{version * 100 + steps:032x}"}
        disk.run(lambda row=row: lake.append("events", rows_of(row), [advance]), steps)  # type: ignore[misc]
        if log_entry(lake.path / "events", version).exists():
            return
    raise AssertionError("no commit was made")


def test_a_lake_without_a_log_keeps_what_it_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was built upon a commit that a dead process left is there after a power cut, and so is that commit."""
    lake = Lake.create(tmp_path / "lake", KEY, integrity=False)
    disk = Disk(lake.path, monkeypatch)
    left_unflushed(disk, lake, 1, Advance("s", None, 0))
    Lake.open(lake.path).append("events", rows_of({"event_id": "b" * 32}), [Advance("t", None, 0)])
    disk.cut(None)
    assert len(event_ids(Lake.open(lake.path))) == 2
