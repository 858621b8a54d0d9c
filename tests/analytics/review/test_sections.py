"""The sections beside the items: each finds what it is there for, and nothing where there is none."""

from __future__ import annotations

import pytest
from company import ROSTER, START, assessed, call, filled, granted, imported, items, refused

from analytics.review.model import Advice, State
from store.lake import Lake

DAYS = (3, 20, 40, 60, 80)


@pytest.mark.slow
def test_standing_access_that_fits_short_windows_is_to_be_made_just_in_time(lake: Lake) -> None:
    """Five uses in five windows of eight hours need no standing grant; daily use does; of low risk it is let be."""
    filled(
        lake, *(call(day, "ana", "delete_repo") for day in DAYS),
        *(call(day, "bob", "delete_repo") for day in range(89)),
        *(call(day, "cyd", "list_repos") for day in DAYS),
    )  # fmt: skip
    granted(
        lake, "1,ana,human,github,delete_repo,permit,2025-01-01", "2,bob,human,github,delete_repo,permit,2025-01-01",
        "3,cyd,human,github,list_repos,permit,2025-01-01",
    )  # fmt: skip
    found = assessed(lake)
    told = {name: (item.windows, item.convertible, item.advice) for name, item in items(found).items()}
    assert told == {
        "ana delete_repo": (5, True, Advice.MAKE_JIT), "bob delete_repo": (89, False, Advice.KEEP),
        "cyd list_repos": (5, True, Advice.KEEP),
    }  # fmt: skip
    [standing] = found.standing
    assert (standing.server_name, standing.standing, standing.jit, standing.convertible) == (
        "github",
        3,
        0,
        2,
    )


@pytest.mark.slow
def test_a_pattern_hardly_used_is_to_be_narrowed_and_names_what_was_not(lake: Lake) -> None:
    """One of five known tools in reach was used: it is over-broad, and the other four are named."""
    filled(
        lake,
        *(call(day, "ana", "list_a") for day in range(89)),
        *(call(5, "bob", f"list_{n}") for n in "bcde"),
    )
    item = items(assessed(granted(lake, "1,ana,human,github,*,permit,2025-01-01")))["ana *"]
    assert (item.used_tools, item.reach, item.over_broad, item.advice) == (1, 5, True, Advice.NARROW)
    assert item.unused_tools == tuple(f"github/list_{n}" for n in "bcde")


def test_nothing_takes_break_glass_away_without_its_owner(lake: Lake) -> None:
    """An unused break-glass grant is its owner's to decide, and is listed apart with the reason."""
    filled(lake, *(call(day, "ana", "list_repos") for day in DAYS))
    found = assessed(granted(lake, "1,ana,human,github,delete_repo,permit,2025-01-01,,dora,true"))
    item = items(found)["ana delete_repo"]
    assert (item.state, item.advice) == (State.UNUSED, Advice.MARK_OWNER)
    assert "its owner, dora, must say" in item.reason
    assert [out.item_id for out in found.exclusions] == [item.item_id]
    assert (found.population.grants, found.population.reviewed, found.population.excluded) == (1, 1, 0)


def test_peers_are_told_of(lake: Lake) -> None:
    """How many of the same group hold, and how many use, the same grant."""
    filled(lake, *(call(day, who, "list_repos") for day in DAYS for who in ("ana", "bob")))
    imported(lake, "roster", ROSTER)
    granted(
        lake, *(f"{who},{who},human,github,list_repos,permit,2025-01-01" for who in ("ana", "bob", "cyd"))
    )
    peers = items(assessed(lake))["ana list_repos"].peers
    assert peers is not None
    assert (peers.group, peers.size, peers.holding, peers.using) == ("eng", 5, 3, 2)


def test_one_identity_with_the_access_of_another(lake: Lake) -> None:
    """A person through a client that may not, a client for a person who may not, and a key that belongs to another."""
    filled(lake, call(10, "ana", "list_repos", client_oauth_id="rogue"), call(20, "bob", "list_repos"),
           call(30, "ana", "list_repos", credential_id="key-d"))  # fmt: skip
    imported(lake, "roster", ROSTER)
    imported(lake, "credentials", "credential_id,owner,servers\nkey-d,dora@x.org,github\n")
    granted(lake, "1,ana,human,github,*,permit,2025-01-01", "2,cursor,client,github,*,permit,2025-01-01")
    told = {(i.how, i.who, i.through) for i in assessed(lake).inherited}
    assert told == {
        ("person_through_client", "ana", "rogue"), ("client_beyond_person", "cursor", "bob"),
        ("shared_credential", "ana", "key-d"),
    }  # fmt: skip


def test_the_three_that_make_a_leak_are_seen_before_one(lake: Lake) -> None:
    """Private data, strangers' words and a way out in reach of one person; and whether they were used together."""
    tools = (("crm", "get_customer"), ("web", "fetch_page"), ("email", "send_email"))
    filled(lake, *(call(50 + n / 100, "ana", tool, server) for n, (server, tool) in enumerate(tools)))
    granted(
        lake, *(f"{who}{at},{who},human,{at},*,permit,2025-01-01" for who in ("ana", "bob") for at, _ in tools),
        "c,cyd,human,crm,*,permit,2025-01-01",
    )  # fmt: skip
    found = {toxic.principal: toxic for toxic in assessed(lake).toxic}
    assert set(found) == {"ana", "bob"}
    assert (found["ana"].realised, found["bob"].realised) == (1, 0)
    assert (found["ana"].sources, found["ana"].sinks) == (("crm/get_customer",), ("email/send_email",))
    assert len(found["bob"].grants) == 3


def test_attempts_say_whether_it_was_granted_and_reached_and_why_it_was_refused(lake: Lake) -> None:
    """What was refused is put as a question: was it granted, was it reached, and what was the reason."""
    filled(
        lake, refused(10, "ana", "delete_repo", decision_reason="not in policy"), refused(20, "ana", "delete_repo"),
        refused(30, "bob", "list_repos"), call(31, "bob", "list_repos"),
    )  # fmt: skip
    found = {
        a.principal: a for a in assessed(granted(lake, "1,bob,human,github,*,permit,2025-01-01")).attempts
    }
    assert (found["ana"].granted, found["ana"].denied, found["ana"].reached) == (False, 2, 0)
    assert found["ana"].reasons == ("not in policy",)
    assert (found["bob"].granted, found["bob"].denied, found["bob"].reached) == (True, 1, 1)


def test_keys_used_after_they_expired_and_people_who_do_nothing(lake: Lake) -> None:
    """A credential's own expiry in the events counts; who holds grants and never acts is dormant."""
    filled(lake, *(call(day, "ana", "list_repos", credential_id="k1", expires_at=START) for day in DAYS))
    imported(lake, "roster", ROSTER)
    granted(lake, *(f"{who},{who},human,github,list_repos,permit,2025-01-01" for who in ("ana", "bob")))
    found = assessed(lake)
    assert [(u.what, u.name, u.calls) for u in found.late_uses] == [("credential", "k1", 5)]
    assert [(d.what, d.name, d.grants) for d in found.dormant] == [("person", "bob", 1)]


def test_what_cannot_be_said_is_said_first(lake: Lake) -> None:
    """Servers without a log, events that name nobody, and logs that begin late are told in sentences."""
    filled(lake, call(60, None, "list_repos", credential_id=None))
    limits = " ".join(assessed(granted(lake, "1,ana,human,payroll,*,permit,2025-01-01")).coverage.limits)
    assert "Nothing is known of the use of payroll" in limits
    assert "33% of the events name no human" in limits
    assert "was silent for up to" in limits


def test_an_orphan_is_reviewed_and_found_an_owner_for(lake: Lake) -> None:
    """Someone in no inventory is an item as all others: when used, the question is who answers for them."""
    filled(lake, *(call(day, "zoe", "list_repos") for day in DAYS))
    imported(lake, "roster", ROSTER)
    found = assessed(granted(lake, "1,zoe,human,github,list_repos,permit,2025-01-01"))
    assert (items(found)["zoe list_repos"].orphan, items(found)["zoe list_repos"].advice) == (
        True,
        Advice.MARK_OWNER,
    )
    assert (found.population.orphans, found.population.reviewed) == (1, 0)
    assert found.population.no_record == ("zoe",)


def test_an_empty_lake_gives_an_assessment_that_says_so(lake: Lake) -> None:
    """No events, no entitlements, or neither: each is told in a sentence, and all sections are there and empty."""
    assert "no entitlements, and no events" in (assessed(lake).empty or "")
    filled(lake, call(10, "ana", "list_repos"))
    only_events = assessed(lake)
    assert "no entitlements were imported" in (only_events.empty or "")
    assert (only_events.items, only_events.strays, len(only_events.queries)) == ((), (), 4)


def test_the_scope_bounds_what_is_under_review(lake: Lake) -> None:
    """Only grants on these servers, to these principals, of these kinds."""
    filled(
        lake,
        *(call(day, who, "read", server) for day in DAYS for who in ("ana", "bob") for server in ("a", "b")),
    )
    granted(
        lake, *(f"{who}{s},{who},human,{s},*,permit,2025-01-01" for who in ("ana", "bob") for s in ("a", "b"))
    )
    assert {
        (i.principal, i.server_name) for i in assessed(lake, servers=("a",), principals=("b*",)).items
    } == {("bob", "a")}
    assert assessed(lake, kinds=("client",)).items == ()


@pytest.mark.slow
def test_the_same_versions_give_the_same_assessment(lake: Lake) -> None:
    """What came after a basis changes nothing of it: the numbers are those of its versions."""
    filled(lake, *(call(day, "ana", "list_repos") for day in DAYS))
    first = assessed(granted(lake, "1,ana,human,github,list_repos,permit,2025-01-01"))
    granted(lake, "2,bob,human,github,*,permit,2025-01-01")
    filled(lake, *(call(day, "bob", "list_repos", source_offset=500 + day) for day in DAYS))
    from analytics.review.assess import assess

    again = assess(
        lake,
        first.scope,
        first.basis.events_version,
        version=first.basis.entitlements_version,
        moment=first.basis.moment,
    )
    for name in (
        "items",
        "strays",
        "policies",
        "coverage",
        "headlines",
        "basis",
        "queries",
        "attempts",
        "population",
    ):
        assert getattr(again, name) == getattr(first, name), name
