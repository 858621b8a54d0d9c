"""A cursor goes through a lake in the order of its commits and can be taken up again anywhere, without loss."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from lakes import NOON, event_ids, record, rows_of, take_in

from analytics import following
from analytics.following import Cursor, after, newest, place_of
from store.commit import log_entry
from store.errors import UnreachableError, UsageError
from store.keeping.expiring import Periods
from store.keeping.maintaining import Upkeep, maintain
from store.keeping.vacuuming import Ages
from store.lake import Lake


@pytest.fixture
def three(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Return a lake of three commits, the second over two days, read seven rows at a time."""
    monkeypatch.setattr(following, "BATCH_ROWS", 7)
    for commit, days in enumerate((1, 2, 1)):
        lake.append("events", rows_of(*[
            {"event_id": f"{commit * 100 + n:032x}", "event_time": NOON + timedelta(days=n % days), "source_offset": n}
            for n in range(20)
        ]))  # fmt: skip
    return lake


def test_everything_comes_once_in_the_order_of_commits(three: Lake) -> None:
    """From the beginning a cursor gives each row once, an older commit before a newer."""
    found = [i for batch, _ in after(three, Cursor()) for i in batch["event_id"].to_pylist()]
    assert sorted(found) == sorted(event_ids(three))
    assert [int(i, 16) // 100 for i in found] == sorted(int(i, 16) // 100 for i in found)


def test_it_can_be_taken_up_anywhere(three: Lake) -> None:
    """Wherever it stops, what follows is exactly what was not yet given."""
    steps = [(batch["event_id"].to_pylist(), behind) for batch, behind in after(three, Cursor())]
    assert len(steps) > 10
    for count in range(len(steps)):
        rest = [i for ids, _ in steps[count + 1 :] for i in ids]
        assert [
            i for batch, _ in after(three, steps[count][1]) for i in batch["event_id"].to_pylist()
        ] == rest


def test_only_new_commits_follow(three: Lake) -> None:
    """From now on means what is committed from now on."""
    cursor = newest(three)
    assert [batch.num_rows for batch, _ in after(three, cursor)] == []
    three.append("events", rows_of({"event_id": "e" * 32}))
    assert [i for batch, _ in after(three, cursor) for i in batch["event_id"].to_pylist()] == ["e" * 32]


def test_files_that_hold_old_rows_anew_are_passed_over(three: Lake) -> None:
    """A compaction changes where rows are and brings none."""
    entry = log_entry(three.path / "events", 3)
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["dataChange"] = False
    entry.write_text("\n".join(map(json.dumps, lines)))
    assert sum(batch.num_rows for batch, _ in after(three, Cursor())) == 40


def test_a_missing_file_is_an_error_that_names_it(three: Lake) -> None:
    """A gap is not passed over in silence."""
    file = three.path / "events" / three.snapshot("events").files[0].path
    file.unlink()
    with pytest.raises(UnreachableError, match=file.name):
        list(after(three, Cursor()))


def test_a_cursor_is_kept(lake: Lake) -> None:
    """What was saved is found again; there is none at first; a name is in the lake, a path is a path."""
    place = place_of(lake, "siem", "kafka topic a")
    assert place.load() is None
    place.save(Cursor(3, 1, 7))
    assert place_of(lake, "siem", "kafka topic a").load() == Cursor(3, 1, 7)
    assert place.path.is_relative_to(lake.path)
    other = lake.path.parent / "kept.json"
    assert place_of(lake, str(other), "x").path == other


def test_a_cursor_serves_one_sink(lake: Lake) -> None:
    """A cursor of one topic would make another lose what was sent before."""
    place_of(lake, "siem", "kafka topic a").save(Cursor(3))
    with pytest.raises(UsageError, match="kafka topic a"):
        place_of(lake, "siem", "kafka topic b").load()


def test_a_damaged_cursor_is_not_guessed_at(lake: Lake) -> None:
    """It is said where it is, and nothing is sent."""
    place = place_of(lake, "siem", "x")
    place.save(Cursor(3))
    place.path.write_text("{")
    with pytest.raises(UnreachableError, match=r"siem\.json"):
        place.load()


@pytest.mark.parametrize("vacuumed", [False, True])
def test_what_was_compacted_is_handed_on_once(lake: Lake, vacuumed: bool) -> None:
    """A follower that is behind gets each event once, in order, also when the files it came in are gone since."""
    for part in range(4):
        take_in(lake, [record(part * 3 + n) for n in range(3)], first=part * 3)
    taken = list(after(lake, Cursor()))
    middle = next(cursor for batch, cursor in taken if batch.num_rows and cursor.version == 2)
    maintain(lake, Upkeep(ages=Ages(grace=-1.0 if vacuumed else 3600.0)))
    take_in(lake, [record(50)], first=50)
    maintain(lake, Upkeep(ages=Ages(grace=-1.0 if vacuumed else 3600.0)))
    ids = [i for batch, _ in after(lake, Cursor()) for i in batch["native_event_id"].to_pylist()]
    assert sorted(ids) == sorted([f"n-{n}" for n in range(12)] + ["n-50"])
    later = [i for batch, _ in after(lake, middle) for i in batch["native_event_id"].to_pylist()]
    assert sorted(later) == sorted([f"n-{n}" for n in range(6, 12)] + ["n-50"])


def test_what_expired_is_not_waited_for(lake: Lake) -> None:
    """A follower goes past events that are gone for good."""
    take_in(lake, [record(n) for n in range(3)])
    maintain(lake, Upkeep(Periods(1e-6), ages=Ages(grace=-1.0)))
    take_in(lake, [record(50)], first=50)
    assert [i for b, _ in after(lake, Cursor()) for i in b["native_event_id"].to_pylist()] == ["n-50"]
