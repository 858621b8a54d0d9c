"""What was acknowledged outlives a power cut, also when it rests on what a process that died had left."""

from __future__ import annotations

import pytest
from lakes import CALLS, event_ids, record, rows_of, take_in
from mishaps import Disk

from store.commit import Advance
from store.integrity.verify import Options, verify
from store.lake import Lake


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
