"""Which events are one piece of work, and what each kind of evidence may and may not do."""

import polars as pl
import pytest
from rows import event, frame, groups, sessions_of, work

from analytics.stitching.stitch import stitch


def test_pauses_part_pieces_of_work():
    """Without any id, calls seconds apart are one session and an hour's pause ends it."""
    assert groups(stitch(frame(work(pieces=30, calls=4)))) == [
        [4 * p + c for c in range(4)] for p in range(30)
    ]


def test_believed_session_ids_stand_whatever_the_pause():
    """One session id over a long pause is one session; two ids a second apart are two."""
    events = [
        event(0, 0, session_key="a" * 32),
        event(1, 9000, session_key="a" * 32),
        event(2, 9001, session_key="b" * 32),
    ]
    assert sessions_of(stitch(frame(events))) == {0: "a" * 32, 1: "a" * 32, 2: "b" * 32}


def test_people_and_clients_never_share_a_session_by_pauses():
    """Another person, or another client of the same person, is another session."""
    events = [event(0, 0), event(1, 1, person="|bob"), event(2, 2, client="claude-code"), event(3, 3)]
    assert groups(stitch(frame(events))) == [[0, 3], [1], [2]]


def test_an_event_without_id_joins_the_session_around_it():
    """A line that names no session belongs to the one of its principal that is going on."""
    key = "c" * 32
    events = [event(0, 0, session_key=key), event(1, 2), event(2, 4, session_key=key)]
    assert sessions_of(stitch(frame(events))) == dict.fromkeys(range(3), key)


def test_between_two_sessions_the_weakest_step_parts():
    """Events between two believed sessions go to the nearer one; the two stay apart."""
    events = [
        event(0, 0, session_key="a" * 32),
        event(1, 2),
        event(2, 40),
        event(3, 42, session_key="b" * 32),
    ]
    assert groups(stitch(frame(events))) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("key", ["trace_id", "tool_call_id", "conversation_id"])
def test_an_id_of_work_joins_witnesses_of_different_names(key):
    """Client and gateway name the user differently; what shares a call, trace or conversation is one session."""
    events = [
        event(0, 0, **{key: "x1"}),
        event(1, 1, person="|ana@acme", person_kind="email", client="other", **{key: "x1"}),
    ]
    assert groups(stitch(frame(events))) == [[0, 1]]


@pytest.mark.parametrize("key", ["trace_id", "session_key", "conversation_id", "tool_call_id"])
def test_an_id_that_several_people_share_is_not_believed(key):
    """One id across two people of one kind of name joins nothing, and is reported."""
    stitched = stitch(frame([event(0, 0, **{key: "x" * 32}), event(1, 1, person="|bob", **{key: "x" * 32})]))
    assert groups(stitched) == [[0], [1]]
    assert [(d.column, d.why, d.events) for d in stitched.doubts] == [(key, "one id, several people", 2)]


def test_a_new_session_id_for_every_call_is_not_believed():
    """A client that opens a session per call is stitched by its pauses, and reported."""
    events = [e | {"session_key": f"{n:032x}"} for n, e in enumerate(work(pieces=20, calls=5))]
    stitched = stitch(frame(events))
    assert groups(stitched) == [[5 * p + c for c in range(5)] for p in range(20)]
    assert [(d.why, d.keys) for d in stitched.doubts] == [("a new id for every call", 100)]


def test_sessions_of_one_call_hours_apart_are_believed():
    """Few calls per id are no fault where work is that short: ids hours apart stand."""
    events = [event(n, n * 7200, session_key=f"{n:032x}") for n in range(40)]
    stitched = stitch(frame(events))
    assert stitched.doubts == []
    assert len(groups(stitched)) == 40


def test_a_value_that_comes_back_speaks_for_one_piece_of_work():
    """A pause that is doubtful by itself is bridged when the argument came from the result before it."""
    plain = work(pieces=40, calls=4)
    again = [event(1000, 10**6, result_leaves=[77]), event(1001, 10**6 + 100, args_leaves=[77])]
    apart = [event(1000, 10**6, result_leaves=[77]), event(1001, 10**6 + 100, args_leaves=[78])]
    assert [1000, 1001] in groups(stitch(frame([*plain, *again])))
    assert [1000, 1001] not in groups(stitch(frame([*plain, *apart])))
    links = stitch(frame([*plain, *again])).links
    row = links.filter(pl.col("event_id") == f"{1001:032x}").row(0, named=True)
    assert (row["joined_by"], row["linked_to"]) == ("data_flow", f"{1000:032x}")


def test_every_join_says_why_how_sure_and_to_what():
    """Each event but the first of a session names the event it was joined to; joins by pauses carry log-odds."""
    links = stitch(frame(work(pieces=10, calls=3))).links
    joined = links.filter(pl.col("joined_by") == "pause")
    assert joined.height == 20
    assert (joined["log_odds"] > 0).all()
    assert joined["linked_to"].null_count() == 0
    assert links.filter(pl.col("joined_by") == "start")["linked_to"].null_count() == 10


def test_known_sessions_keep_their_id():
    """A later event joins the session it continues under the id that session already has."""
    events = [event(0, 0, known="d" * 32), event(1, 2)]
    assert sessions_of(stitch(frame(events))) == {1: "d" * 32}


def test_an_event_between_two_known_sessions_merges_them_on_record():
    """A late event that continues one session and begins another makes them one: the later into the earlier."""
    events = [event(0, 0, known="d" * 32), event(1, 2), event(2, 4, known="e" * 32)]
    history = stitch(frame(work(pieces=60, calls=6))).model
    stitched = stitch(frame(events), history)
    assert sessions_of(stitched)[1] in {"d" * 32, "e" * 32}
    trace = [e | {"trace_id": "t1"} for e in events]
    merged = stitch(frame(trace), history).merges.rows(named=True)
    assert [(m["session"], m["merged_into"]) for m in merged] == [("e" * 32, "d" * 32)]


def test_order_of_rows_does_not_matter():
    """The same events in any order give the same sessions."""
    events = work(pieces=12, calls=4)
    assert sessions_of(stitch(frame(events))) == sessions_of(stitch(frame(events[::-1])))


def test_a_client_that_changes_its_name_at_every_call_is_one_client():
    """Versions and made-up ids in a client's name part no work; another product does."""
    events = [event(n, 2 * n, client=f"probe_{n}", product="probe") for n in range(8)]
    other = [event(20 + n, 2 * n + 1, client="editor", product="editor") for n in range(8)]
    assert groups(stitch(frame(events + other))) == [list(range(8)), list(range(20, 28))]


def test_ids_new_for_every_call_are_seen_through_names_that_change():
    """Where a client's name changes as often as its ids do, the ids are no more believed."""
    events = work(pieces=20)
    for number, one in enumerate(events):
        one |= {"client": f"probe/1.{number}", "product": "probe", "session_key": f"s{number}"}
    assert len(stitch(frame(events)).doubts) == 1
