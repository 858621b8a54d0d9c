"""Who: an entity by any of its names, its own first and last, how its calls ended; and the client inventory."""

from datetime import timedelta

import pytest
from calls import call, denied
from lakes import NOON, take_in

from analytics.stitching import job
from analytics.who import clients, who
from store.errors import UsageError

MAIL = "ana@acme.example"


@pytest.fixture
def busy(lake):
    """Return a lake in which ana works by two gateways, and bob before and after her."""
    take_in(
        lake,
        [
            call(
                0, "get", user_id="bob", session_id="s-bob", client_oauth_id="oauth-1", client_version="2.0"
            ),
            call(
                10,
                "get",
                user_email=MAIL,
                client_address="10.0.0.1",
                user_agent="desk/1",
                client_version="1.0",
            ),
            call(20, "put", outcome="tool_error", user_id="ana-7", user_email=MAIL, client_version="1.1"),
            denied(30, "drop", decision_reason="never"),
            call(40, "get", "mail", user_id="bob", session_id="s-bob"),
        ],
    )
    job.update(lake)
    return lake


def test_first_and_last_are_the_entitys_own(busy):
    """Not those of the data set."""
    found = who(busy, "ana").facts
    assert (found["first"], found["last"]) == (NOON + timedelta(seconds=10), NOON + timedelta(seconds=30))


@pytest.mark.parametrize("name", ["ana", MAIL, "ANA@acme.example"])
def test_a_person_is_one_by_every_name(busy, name):
    """Ids that came with one address are one person, and how the calls ended is told apart."""
    found = who(busy, name)
    counts = {n: found.facts[n] for n in ("events", "calls", "succeeded", "failed", "denied")}
    assert found.kind == "user"
    assert counts == {"events": 3, "calls": 3, "succeeded": 1, "failed": 1, "denied": 1}


def test_what_an_entity_was_seen_with(busy):
    """Addresses, user agents, tools, denials and sessions, each with counts and times."""
    found = who(busy, "ana").facts
    assert [(a["value"], a["events"]) for a in found["addresses"]] == [("10.0.0.1", 1)]
    assert [a["value"] for a in found["user_agents"]] == ["desk/1"]
    assert {(t["tool"], t["succeeded"], t["failed"], t["denied"]) for t in found["tools"]} == {
        ("get", 1, 0, 0), ("put", 0, 1, 0), ("drop", 0, 0, 1)
    }  # fmt: skip
    assert [(d["tool"], d["reason"], d["times"]) for d in found["denials"]] == [("drop", "never", 1)]
    own = busy.sql("FROM session_events SEMI JOIN (FROM events WHERE user_id <> 'bob') USING (event_id)")
    assert {s["session"] for s in found["sessions"]} == set(own.arrow()["session"].to_pylist())


@pytest.mark.parametrize(
    ("name", "kind", "events"),
    [
        ("desk", "client", 5), ("oauth-1", "client", 1), ("key-1", "credential", 5), ("mail", "server", 1),
        ("crm.get", "tool", 2),
    ],
)  # fmt: skip
def test_every_kind_is_recognised(busy, name, kind, events):
    """The kind follows from what the name is found as."""
    found = who(busy, name)
    assert (found.kind, found.facts["events"]) == (kind, events)


def test_a_name_of_two_kinds_is_said_and_can_be_chosen(lake):
    """What is a user and a client is the user, unless asked otherwise."""
    take_in(
        lake,
        [
            call(0, "get", user_id="robot"),
            call(1, "get", client_name="robot"),
            call(2, "get", client_name="robot"),
        ],
    )
    assert who(lake, "robot").kinds == ("user", "client")
    assert [who(lake, "robot", kind).facts["events"] for kind in (None, "client")] == [1, 2]
    with pytest.raises(UsageError, match="no tool"):
        who(lake, "robot", "tool")


def test_nobody_is_an_error_that_says_what_to_do(busy):
    """An unknown name is told as such."""
    with pytest.raises(UsageError, match="no user, client"):
        who(busy, "nobody")


@pytest.mark.parametrize(
    ("name", "near"),
    [("anna@acme.example", MAIL), ("oauth-2", "oauth-1"), ("drop", "drop"), ("zzz", "server.tool")],
)
def test_nobody_is_told_who_comes_near(busy, name, near):
    """An id misspelt, or only part of one, is answered with ids that there are."""
    with pytest.raises(UsageError) as failed:
        who(busy, name)
    assert near in str(failed.value.hint)


def test_the_inventory_tells_attested_from_self_reported(busy):
    """Each client with versions, users, servers, calls and denials; `since` leaves those that are new."""
    rows = {row["client"]: row for row in clients(busy).arrow().to_pylist()}
    assert (rows["oauth-1"]["identity"], rows["desk"]["identity"]) == ("attested", "self-reported")
    assert (rows["desk"]["versions"], rows["desk"]["users"], rows["desk"]["denied"]) == (["1.0", "1.1"], 3, 1)
    later = clients(busy, NOON + timedelta(seconds=5)).arrow().to_pylist()
    assert [row["client"] for row in later] == ["desk"]
