"""Retention takes what is over by class and tenant, never on the word of one clock, and never what is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lakes import NOON, ask, one, rows_of

from store.errors import UsageError
from store.integrity.leaves import leaves
from store.integrity.verify import Options, verify
from store.keeping import approving, expiring, holding
from store.keeping.compacting import compact
from store.keeping.expiring import Periods, expire_held, find_over
from store.keeping.vacuuming import Ages, find_unneeded, vacuum_held
from store.lake import Lake
from store.locks import alone

DAY = 86_400.0
NOW = datetime.now(UTC)


def aged(number: int, days: float, **fields: Any) -> dict[str, Any]:
    """Return an event that happened and came in some days ago."""
    moment = NOW - timedelta(days=days)
    return {"event_id": f"{number:032x}", "event_time": moment, "ingest_time": moment, "event_date": moment.date(),
            "source_offset": number, **fields}  # fmt: skip


def expire(lake: Lake, periods: Periods) -> int:
    """Expire what is over; returns how many rows went."""
    with alone(lake, "keeping"):
        return sum(done.rows_before - done.rows_after for done in expire_held(lake, periods))


def numbers(lake: Lake) -> list[int]:
    """Return the numbers of the events that are left."""
    return [int(i, 16) for (i,) in ask(lake, "SELECT event_id FROM events ORDER BY event_id")]


def test_nothing_goes_unless_it_is_said(lake: Lake) -> None:
    """Without a period rows are kept for ever."""
    lake.append("events", rows_of(aged(1, 4000)))
    assert (expire(lake, Periods()), numbers(lake)) == (0, [1])


def test_rows_go_by_class_and_tenant(lake: Lake) -> None:
    """The most particular period counts: tenant and class, tenant, class, all."""
    lake.append("events", rows_of(
        aged(1, 50), aged(2, 50, event_class="denial"), aged(3, 50, org_id="acme"), aged(4, 10),
        aged(5, 50, org_id="acme", event_class="denial"), aged(6, 50, org_id="else", event_class="client_event"),
    ))  # fmt: skip
    periods = Periods(30 * DAY, {"denial": 365 * DAY}, {"acme": 90 * DAY, "acme/denial": 20 * DAY})
    assert expire(lake, periods) == 3
    assert numbers(lake) == [2, 3, 4]


def test_a_wrong_clock_expires_nothing(lake: Lake) -> None:
    """An event that says it is of long ago but came in today stays; so does an old arrival with a clock ahead."""
    lake.append("events", rows_of(
        aged(1, 1) | {"event_time": NOW - timedelta(days=900)}, aged(2, 900) | {"event_time": NOW}, aged(3, 900)
    ))  # fmt: skip
    assert expire(lake, Periods(30 * DAY)) == 1
    assert numbers(lake) == [1, 2]


def test_whole_files_are_dropped_and_others_rewritten(lake: Lake) -> None:
    """A day that is over costs a line in the log; what stays of a file keeps its leaves."""
    lake.append("events", rows_of(aged(1, 50), aged(2, 50)))
    lake.append("events", rows_of(aged(3, 40), aged(4, 40, event_class="denial")))
    with alone(lake, "keeping"):
        [done] = expire_held(lake, Periods(30 * DAY, {"denial": 365 * DAY}))
    assert (done.files_before, done.files_after, done.rows_before, done.rows_after) == (2, 1, 4, 1)
    rows = lake.sql("FROM events").arrow()
    assert leaves(rows).equals(rows["leaf_hash"])
    assert verify(lake, Options()).faults == []
    compact(lake)
    assert expire(lake, Periods(1 * DAY)) == 1
    assert verify(lake, Options()).faults == []


def test_what_is_held_stays(lake: Lake) -> None:
    """A hold by subject, session, event, time or condition keeps its rows of a file whose others go."""
    lake.append("events", rows_of(
        aged(1, 50, user_id="ana"), aged(2, 50, session_key=lake.session_key("s-9")), aged(3, 50),
        aged(4, 50, server_name="crm"), aged(5, 60), aged(6, 50),
    ))  # fmt: skip
    holding.put(lake, "case", "ben", subject="Ana")
    holding.put(lake, "case", "ben", session="s-9")
    holding.put(lake, "case", "ben", events=[f"{3:032x}"])
    holding.put(lake, "case", "ben", conditions=["server_name=crm"])
    holding.put(lake, "case", "ben", until=NOW - timedelta(days=55))
    assert [(o.over, o.held) for o in find_over(lake, Periods(30 * DAY))] == [(1, 1), (5, 4)]
    assert expire(lake, Periods(30 * DAY)) == 1
    assert numbers(lake) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("at", ["find_over", "read_rows"])
def test_a_hold_that_comes_while_it_is_at_work_wins(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Set after rows were chosen, or while files are rewritten: nothing goes now, and what is not held goes next."""
    lake.append("events", rows_of(aged(1, 50, user_id="ana"), aged(2, 50), aged(3, 5)))
    files = set((lake.path / "events").rglob("*"))
    real = getattr(expiring, at)

    def hold_first(*arguments: Any) -> Any:
        found = real(*arguments) if at == "read_rows" else list(real(*arguments))
        monkeypatch.setattr(expiring, at, real)
        holding.put(Lake.open(lake.path), "case", "ben", subject="ana")
        return found

    monkeypatch.setattr(expiring, at, hold_first)
    assert expire(lake, Periods(30 * DAY)) == 0
    assert set((lake.path / "events").rglob("*")) == files
    assert expire(lake, Periods(30 * DAY)) == 1
    assert numbers(lake) == [1, 3]


def test_all_that_a_hold_says_must_be_met(lake: Lake) -> None:
    """A hold on a person and a server covers that person's events on that server alone."""
    lake.append("events", rows_of(aged(1, 50, user_id="ana", server_name="crm"), aged(2, 50, user_id="ana")))
    holding.put(lake, "case", "ben", subject="ana", conditions=["server_name=crm"])
    expire(lake, Periods(30 * DAY))
    assert numbers(lake) == [1]


def test_a_hold_that_covers_nothing_is_refused(lake: Lake) -> None:
    """A misspelt column, or no condition at all, is said and not set."""
    with pytest.raises(UsageError, match="needs to say what it covers"):
        holding.put(lake, "case", "ben")
    with pytest.raises(UsageError, match="not a condition: 'sever_name=x'"):
        holding.put(lake, "case", "ben", conditions=["sever_name=x"])
    assert holding.in_force(lake) == []


def test_a_released_hold_keeps_nothing(lake: Lake) -> None:
    """After its release, for which two people stand, rows expire; that it was is still on record."""
    lake.append("events", rows_of(aged(1, 50, user_id="ana")))
    hold = holding.put(lake, "case", "ben", subject="ana", case_id="C-1")
    request = approving.propose(lake, "release", hold, "settled", "ben")
    with pytest.raises(UsageError, match="another person"):
        approving.decide(lake, request.request_id, "ben", approve=True)
    approving.decide(lake, request.request_id, "cleo", approve=True)
    holding.lift(lake, hold, request.reason, "cleo")
    assert holding.in_force(lake) == []
    assert expire(lake, Periods(30 * DAY)) == 1
    assert ask(lake, "SELECT state, said_by FROM hold_states ORDER BY hold_time") == [
        ("set", "ben"),
        ("released", "cleo"),
    ]
    with pytest.raises(UsageError, match="is approved already"):
        approving.decide(lake, request.request_id, "dan", approve=True)


def test_other_tables_have_periods_of_their_own(lake: Lake) -> None:
    """What a period of a table says is about that table alone."""
    lake.append("events", rows_of(aged(1, 50)))
    compact(lake)
    with alone(lake, "keeping"):
        assert expire_held(lake, Periods(tables={"dead_letters": DAY})) == []
    assert numbers(lake) == [1]


def test_vacuum_waits_for_questions(lake: Lake) -> None:
    """Replaced files go once the longest question must have ended; files no commit names once no writer can be late."""
    for n in range(2):
        lake.append("events", rows_of({"event_id": f"{n:032x}", "source_offset": n}))
    compact(lake)
    orphan = lake.path / "events" / f"event_date={NOON.date()}" / "part-lost.parquet"
    orphan.write_bytes(b"x")
    assert sorted(u.why for u in find_unneeded(lake, Ages())) == ["orphan", "replaced", "replaced"]
    with alone(lake, "keeping"):
        assert vacuum_held(lake, Ages()) == []
        later = (datetime.now(UTC) + timedelta(hours=2)).timestamp()
        [done] = vacuum_held(lake, Ages(), later)
        assert (done.files_before, orphan.exists()) == (2, True)
        vacuum_held(lake, Ages(), later + 2 * DAY)
    assert not orphan.exists()
    assert len(list((lake.path / "events" / "_index").iterdir())) == 4
    assert one(lake, "SELECT count(*) FROM events") == 2
