"""The six states, and who was granted what at the time it was used."""

from __future__ import annotations

import pytest
from company import ROSTER as PEOPLE
from company import START, assessed, call, filled, granted, imported, items, refused

from analytics.review.model import Advice, State
from store.lake import Lake

USED = [call(day, "ana", "create_issue") for day in (5, 20, 40, 60, 80)]


def states(lake: Lake, **scope: object) -> dict[str, State]:
    """Return states by principal and tool."""
    return {name: item.state for name, item in items(assessed(lake, **scope)).items()}


def test_each_grant_is_in_exactly_one_of_the_states(lake: Lake) -> None:
    """Used, unused, refused only, too new, not to be observed; and what was used without a grant is a stray."""
    filled(lake, *USED, refused(50, "bob", "delete_repo"), call(70, "cyd", "list_repos"))
    imported(lake, "roster", PEOPLE)
    granted(
        lake, "1,ana,human,github,create_*,permit,2025-01-01", "2,ana,human,github,delete_repo,permit,2025-01-01",
        "3,bob,human,github,delete_repo,permit,2025-01-01", "4,bob,human,github,merge_pr,permit,2026-03-20",
        "5,bob,human,jira,*,permit,2025-01-01",
    )  # fmt: skip
    found = assessed(lake)
    told = {name: item.state for name, item in items(found).items()}
    assert told == {
        "ana create_*": State.USED, "ana delete_repo": State.UNUSED, "bob delete_repo": State.DENIED_ONLY,
        "bob merge_pr": State.TOO_NEW, "bob *": State.NOT_OBSERVABLE,
    }  # fmt: skip
    [stray] = found.strays
    assert (stray.principal, stray.tool_name, stray.calls, stray.leg) == ("cyd", "list_repos", 1, "human")
    assert found.states[State.USED_NOT_GRANTED] == 1
    assert sum(found.states.values()) == len(found.items) + len(found.strays)


def test_use_is_counted_with_its_first_and_last_event(lake: Lake) -> None:
    """Counts, times and event ids are those of the events, refusals apart."""
    filled(lake, *USED, refused(50, "ana", "create_issue"))
    item = items(assessed(granted(lake, "1,ana,human,github,create_issue,permit,2025-01-01")))[
        "ana create_issue"
    ]
    assert (item.calls, item.denied, item.users) == (5, 1, 1)
    assert (item.first_use, item.last_use) == (USED[0]["event_time"], USED[-1]["event_time"])
    assert item.events == (f"{2:032x}", f"{6:032x}")
    assert item.denied_events == (f"{7:032x}",)


@pytest.mark.parametrize("name", ["ana", "ana@x.org", "7"])
def test_a_grant_is_found_under_every_name_of_a_person(lake: Lake, name: str) -> None:
    """By the id in the events, by the e-mail address, or by an alias of the roster."""
    filled(lake, *({**event, "user_id": "ana"} for event in USED))
    imported(lake, "roster", "user_id,email,aliases\nana,ana@x.org,7\n")
    granted(lake, f"1,{name},human,github,create_issue,permit,2025-01-01")
    assert states(lake) == {f"{name} create_issue": State.USED}


def test_groups_roles_and_everybody_count_for_their_members(lake: Lake) -> None:
    """Members of a group use its grant; of a group nobody knows the members of, nothing can be told."""
    filled(lake, *USED)
    imported(lake, "roster", PEOPLE)
    granted(
        lake, "1,ops,group,github,create_*,permit,2025-01-01,,,,group,ops",
        "2,nobody,group,github,create_*,permit,2025-01-01,,,,group,nobody",
        "3,*,human,github,create_issue,permit,2025-01-01",
    )  # fmt: skip
    assert states(lake) == {
        "ops create_*": State.USED, "nobody create_*": State.NOT_OBSERVABLE, "* create_issue": State.USED,
    }  # fmt: skip


def test_a_prohibition_makes_what_was_let_through_a_stray(lake: Lake) -> None:
    """What is forbidden and reached all the same was not granted, whatever permits it."""
    filled(lake, *USED)
    granted(lake, "1,ana,human,github,*,permit,2025-01-01", "2,ana,human,github,create_*,forbid,2025-01-01")
    found = assessed(lake)
    assert [(s.principal, s.calls, s.forbidden_by is not None) for s in found.strays] == [("ana", 5, True)]
    assert items(found)["ana *"].calls == 0
    assert [e.why for e in found.exclusions] == ["a prohibition grants nothing"]


def test_time_counts_to_the_moment(lake: Lake) -> None:
    """A grant allows what came while it was in force: not before it began, not from the moment it ended."""
    filled(lake, *USED)
    granted(lake, "1,ana,human,github,create_issue,permit,2026-01-21,2026-03-02")
    found = assessed(lake)
    assert [e.why for e in found.exclusions] == ["it expired on 2026-03-02"]
    assert [(s.calls, s.first_use, s.last_use) for s in found.strays] == [
        (3, USED[0]["event_time"], USED[-1]["event_time"])
    ]
    assert [(u.what, u.ended, u.calls) for u in found.late_uses] == [("grant", "expired", 2)]


def test_who_left_holds_nothing_from_then_on(lake: Lake) -> None:
    """Use after leaving is late use, and the grant is to be revoked whatever else speaks for it."""
    filled(lake, call(10, "eve", "create_issue"), call(60, "eve", "create_issue"))
    imported(lake, "roster", PEOPLE)
    found = assessed(granted(lake, "1,eve,human,github,create_issue,permit,2025-01-01"))
    [late] = found.late_uses
    assert (late.what, late.name, late.ended, late.calls) == ("person", "eve", "left", 1)
    assert late.grace_seconds == (START.replace(month=3, day=2) - late.ended_at).total_seconds()
    assert items(found)["eve create_issue"].advice is Advice.REVOKE
    assert found.population.left_but_granted == ("eve",)


def test_what_an_import_no_longer_says_was_granted_until_then(lake: Lake) -> None:
    """Use before the import that took a grant away was granted; the population is what stands now."""
    filled(lake, *USED)
    granted(
        lake, "1,ana,human,github,create_issue,permit,2025-01-01", "2,bob,human,github,x,permit,2025-01-01"
    )
    granted(lake, "2,bob,human,github,x,permit,2025-01-01")
    found = assessed(lake)
    assert (len(found.items), found.strays) == (1, ())


def test_logs_that_name_nobody_prove_no_disuse(lake: Lake) -> None:
    """Where a server's logs do not say who called, a person's grant cannot be called unused."""
    filled(
        lake,
        *(call(day, None, "read", "wiki", client_oauth_id="cursor", credential_id=None) for day in (0, 89)),
    )
    granted(lake, "1,ana,human,wiki,*,permit,2025-01-01", "2,cursor,client,wiki,*,permit,2025-01-01")
    assert states(lake) == {"ana *": State.NOT_OBSERVABLE, "cursor *": State.USED}


def test_a_rate_limit_is_no_refusal_of_the_grant(lake: Lake) -> None:
    """Being told to wait says nothing about being allowed."""
    filled(lake, refused(50, "ana", "create_issue", decision_source="rate_limit"))
    assert states(granted(lake, "1,ana,human,github,create_issue,permit,2025-01-01")) == {
        "ana create_issue": State.UNUSED
    }


def test_a_resource_scope_bounds_what_counts(lake: Lake) -> None:
    """Calls that certainly were outside a scope are not uses of the grant; those of which it is not known are."""
    filled(
        lake, call(10, "ana", "create_issue", args_json='{"repo": "acme/x"}'),
        call(20, "ana", "create_issue", args_json='{"repo": "other/x"}'),
        call(30, "ana", "create_issue"),
    )  # fmt: skip
    found = assessed(granted(lake, "1,ana,human,github,create_issue,permit,2025-01-01,,,,,,repo:acme/*"))
    assert items(found)["ana create_issue"].calls == 2
    assert [(s.calls, s.events) for s in found.strays] == [(1, (f"{3:032x}",))]
