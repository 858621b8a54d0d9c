"""The sessions job on a real lake: each event once, stable ids, merges on record, crashes without harm."""

from datetime import timedelta

import polars as pl
import pytest
from lakes import NOON, ask, record, take_in

from analytics.ladder import ladder
from analytics.stitching import job
from store.errors import TooltrailError
from store.locks import alone


def calls(first, count, seconds=3, **fields):
    """Return native records without a session id, some seconds apart."""
    return [
        record(
            n,
            event_time=(NOON + timedelta(seconds=n * seconds)).isoformat(),
            **{"session_id": None, **fields},
        )
        for n in range(first, first + count)
    ]


def sessions(lake):
    """Return session, events and calls of the sessions view."""
    return ask(lake, "SELECT session, events, calls FROM sessions ORDER BY first, session")


def links(lake):
    """Return how often each event was linked."""
    return ask(lake, "SELECT count(*), count(DISTINCT event_id) FROM session_links")


def test_every_event_is_in_one_session_and_a_second_run_adds_nothing(lake):
    """A run over nothing new changes nothing."""
    take_in(lake, calls(0, 20))
    first = job.update(lake)
    assert (first.events, first.sessions) == (20, 1)
    assert job.update(lake).events == 0
    assert links(lake) == [(20, 20)]


def test_an_empty_lake_has_no_sessions(lake):
    """Nothing to stitch is no error."""
    assert job.update(lake).events == 0
    assert sessions(lake) == []


def test_neighbouring_days_are_stitched_together_up_to_a_bound(monkeypatch):
    """Sparse days cost one go together; a gap of days, or too many events, begins another."""
    monkeypatch.setattr(job, "TOGETHER", 100)
    day = NOON.date()
    days = [(day + timedelta(days=d), n) for d, n in [(0, 10), (1, 20), (5, 60), (6, 60), (7, 1)]]
    assert list(job.spans(days)) == [
        (days[0][0], days[1][0], 30), (days[2][0], days[2][0], 60), (days[3][0], days[4][0], 61)
    ]  # fmt: skip


def test_new_events_extend_a_session_under_its_id(lake):
    """What goes on a moment later is the same session, and its numbers grow."""
    take_in(lake, calls(0, 10))
    job.update(lake)
    [(session, events, _)] = sessions(lake)
    assert events == 10
    take_in(lake, calls(10, 5), first=10)
    job.update(lake)
    assert sessions(lake) == [(session, 15, 15)]


def test_a_session_id_of_days_ago_is_still_the_same_session(lake):
    """An id that deserves belief names its session without a look at the history."""
    take_in(lake, calls(0, 3, session_id="s-1"))
    job.update(lake)
    late = [record(9, event_time=(NOON + timedelta(days=1)).isoformat(), session_id="s-1")]
    take_in(lake, late, first=3)
    job.update(lake)
    assert sessions(lake) == [(lake.session_key("s-1"), 4, 4)]


def test_what_joins_two_sessions_later_is_a_recorded_merge(lake):
    """A late event that belongs to both makes them one; the old id leads to the new, links stay as they were."""
    take_in(lake, calls(0, 3, conversation_id="c-1"))
    take_in(lake, calls(300, 3, session_id="s-2", user_id="ana@acme", user_id_kind="email"), first=10)
    job.update(lake)
    assert len(sessions(lake)) == 2
    bridge = calls(301, 1, conversation_id="c-1", session_id="s-2", user_id="ana@acme", user_id_kind="email")
    take_in(lake, [b.replace(b'"n-301"', b'"n-bridge"') for b in bridge], first=20)
    done = job.update(lake)
    assert done.merged == 1
    [(session, events, _)] = sessions(lake)
    assert events == 7
    [(old, into)] = ask(lake, "SELECT session, merged_into FROM session_merges")
    assert into == session != old
    assert ask(lake, "SELECT count(DISTINCT session), count(*) FROM session_events") == [(1, 7)]


@pytest.mark.parametrize("step", ["_write_model", "_write_states"])
def test_a_crash_between_commits_is_made_good_by_the_next_run(lake, monkeypatch, step):
    """Links that were written before a crash are neither lost nor doubled, and their sessions get their numbers."""
    take_in(lake, calls(0, 8))

    def crash(_self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job._Run, step, crash)
        with pytest.raises(KeyboardInterrupt):
            job.update(lake)
    assert links(lake) == [(8, 8)]
    job.update(lake)
    assert links(lake) == [(8, 8)]
    assert [row[1:] for row in sessions(lake)] == [(8, 8)]


def test_two_runs_at_once_are_refused(lake):
    """The second says who is in the way and what to do."""
    with alone(lake, "sessions"), pytest.raises(TooltrailError, match="another run"):
        job.update(lake)


def test_a_denial_that_was_got_around_is_counted(lake):
    """Denied on a value by one tool, then reached with it by another: sidestepped."""
    take_in(lake, [
        record(0, tool_name="get_customer", decision="deny", outcome="denied", arguments={"id": "cus_e2k5c231"}),
        record(1, tool_name="list_invoices", outcome="success", arguments={"id": "cus_e2k5c231"}),
    ])  # fmt: skip
    job.update(lake)
    assert ask(lake, "SELECT calls, denied, sidestepped, reached FROM sessions") == [(2, 1, 1, 1)]


def test_what_was_learned_is_kept(lake):
    """The next run begins with the pauses and habits of the last."""
    take_in(lake, calls(0, 30, client_name="cursor"))
    job.update(lake)
    model = job.read_model(lake)
    assert "cursor" in model.clients
    assert model.habits.followed == {"files/read_file": 29}


def test_numbers_are_kept_per_revision(lake):
    """Every run's numbers stay; the view shows the newest."""
    take_in(lake, calls(0, 4))
    job.update(lake)
    take_in(lake, calls(4, 4), first=4)
    job.update(lake)
    states = lake.sql("SELECT events FROM session_states ORDER BY revision").polars()
    assert states["events"].to_list() == [4, 8]
    assert isinstance(states, pl.DataFrame)


def test_the_same_way_later_gets_around_nothing(lake):
    """A call that was refused and then allowed, by the same tool, client and credential, sidestepped nothing."""
    take_in(lake, [
        record(0, tool_name="get_customer", decision="deny", outcome="denied", arguments={"id": "cus_e2k5c231"}),
        record(1, tool_name="get_customer", outcome="success", arguments={"id": "cus_e2k5c231"}),
    ])  # fmt: skip
    job.update(lake)
    assert ask(lake, "SELECT denied, sidestepped, reached FROM sessions") == [(1, 0, 1)]


def test_a_denial_got_around_later_in_another_session_is_counted_in_both(lake):
    """The session that was refused is counted anew when another one of the person, of a later run, reaches it."""
    refused = record(0, session_id="one", tool_name="get_customer", decision="deny", outcome="denied",
                     arguments={"id": "cus_e2k5c231"})  # fmt: skip
    take_in(lake, [refused])
    job.update(lake)
    assert ask(lake, "SELECT sidestepped FROM sessions") == [(0,)]
    reached = record(60, session_id="two", tool_name="list_invoices", outcome="success",
                     arguments={"id": "cus_e2k5c231"})  # fmt: skip
    take_in(lake, [reached], first=1)
    job.update(lake)
    found = ask(lake, "SELECT session, sidestepped FROM sessions")
    assert [n for _, n in found] == [1, 1]
    assert [len(ladder(lake, session).rungs["sidestepped"]) for session, _ in found] == [1, 1]


def test_what_was_not_believed_is_on_record(lake):
    """An id that several people share, and that so joins nothing, is kept with why, by the run that found it."""
    take_in(lake, [record(n, session_id="pool", user_id=f"u{n % 3}") for n in range(9)])
    job.update(lake)
    asked = "SELECT id_column, why, source_system, keys, events FROM session_doubts"
    assert ask(lake, asked) == [("session_key", "one id, several people", "native", 1, 9)]
