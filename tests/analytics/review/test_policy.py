"""The least a principal needs: policies that parse and decide, and the backtest before anybody signs."""

from __future__ import annotations

import json

import cedarpy
import pytest
from company import ROSTER, assessed, call, filled, granted, imported
from hypothesis import given
from hypothesis import strategies as st

from analytics.entitlements import cedar
from analytics.entitlements.calls import Call
from analytics.review.bounds import upper_bound
from analytics.review.cedar_text import policies
from analytics.review.sections import Policy
from store.lake import Lake

DAYS = (3, 20, 40, 60, 80)


def policy_of(lake: Lake, principal: str, **scope: object) -> Policy:
    """Return the recommendation for one principal."""
    return next(p for p in assessed(lake, **scope).policies if p.principal == principal)


def allows(text: str, person: str, server: str, tool: str) -> bool:
    """Ask Cedar, as ToolHive does, whether policies allow a call."""
    row = {"policy": text, "policy_entities": None, "effect": "permit", "entitlement_id": "1"}
    [ruling] = cedar.rule([row], [(person, Call([person], [], server, tool))])
    return ruling.allowed


def test_what_was_used_is_permitted_and_nothing_else(lake: Lake) -> None:
    """Cedar allows the calls of the period under the recommended policy, and no other; the diff says what went."""
    filled(lake, *(call(day, "ana", tool) for day in DAYS for tool in ("create_issue", "create_pr")))
    filled(lake, call(1, "bob", "create_gist", source_offset=900))
    found = policy_of(granted(lake, "1,ana,human,github,create_*,permit,2025-01-01"), "ana")
    assert allows(found.cedar, "ana", "github", "create_issue")
    assert not allows(found.cedar, "ana", "github", "create_gist")
    assert not allows(found.cedar, "ana", "jira", "create_issue")
    assert not allows(found.cedar, "bob", "github", "create_issue")
    assert (found.removed, found.added) == (("github/create_*",), ("github/create_issue", "github/create_pr"))
    assert [p["because"] for p in json.loads(found.document)["permit"]] == ["used", "used"]
    assert allows(found.rollback, "ana", "github", "create_gist")
    assert any(line.startswith("-permit") and "create_*" in line for line in found.diff.splitlines())


def test_tools_are_put_together_only_along_what_is_granted_today(lake: Lake) -> None:
    """A pattern that is granted and was used whole stays one; tools that merely look alike are not joined."""
    filled(
        lake,
        *(call(day, "ana", tool) for day in DAYS for tool in ("create_a", "create_b", "list_a", "list_b")),
    )
    granted(lake, "1,ana,human,github,create_*,permit,2025-01-01", *(
        f"{n},ana,human,github,list_{n},permit,2025-01-01" for n in "ab"
    ))  # fmt: skip
    found = policy_of(lake, "ana")
    assert found.generalised == ("github/create_*",)
    assert set(found.kept) == {"github/create_*", "github/list_a", "github/list_b"}
    assert allows(found.cedar, "ana", "github", "create_later")
    assert not allows(found.cedar, "ana", "github", "list_later")


def test_what_cannot_be_judged_stays(lake: Lake) -> None:
    """Break-glass, too new, and not observable grants are in the policy though they were not used."""
    filled(lake, *(call(day, "ana", "list_repos") for day in DAYS))
    granted(
        lake, "1,ana,human,github,list_repos,permit,2025-01-01",
        "2,ana,human,github,delete_repo,permit,2025-01-01,,dora,true",
        "3,ana,human,github,merge_pr,permit,2026-03-20", "4,ana,human,jira,*,permit,2025-01-01",
        "5,ana,human,github,fork,permit,2025-01-01",
    )  # fmt: skip
    found = policy_of(lake, "ana")
    assert set(found.protected) == {"github/delete_repo", "github/merge_pr", "jira/*"}
    assert found.removed == ("github/fork",)


def test_the_backtest_replays_the_last_quarter(lake: Lake) -> None:
    """Calls of the last quarter to tools that were not used before would have broken, for whom, and how surely."""
    filled(
        lake, *(call(day, "ana", "create_issue") for day in (10, 70, 75, 80)), call(85, "ana", "create_pr"),
        *(call(day, "bob", "create_issue") for day in (10, 70)),
    )  # fmt: skip
    imported(lake, "roster", ROSTER)
    granted(lake, *(f"{who},{who},human,github,create_*,permit,2025-01-01" for who in ("ana", "bob")))
    whole, *each = assessed(lake).policies
    assert (whole.principal, whole.backtest.replayed, whole.backtest.broken) == ("*", 5, 1)
    assert (whole.backtest.users_affected, whole.backtest.method) == (1, "Clopper-Pearson")
    by = {p.principal: p.backtest for p in each if p.principal_kind == "human"}
    assert (by["ana"].broken, by["ana"].replayed, by["ana"].learned) == (1, 4, 1)
    assert (by["bob"].broken, by["bob"].upper, by["bob"].method) == (0, 1.0, "rule of three")
    assert by["ana"].broken_calls == ("ana: github/create_pr (1 calls)",)


@pytest.mark.parametrize(
    ("broken", "replayed", "upper"), [(0, 300, 0.01), (1, 10, 0.3942), (5, 100, 0.1023), (10, 10, 1.0)]
)
def test_bounds_are_the_exact_ones(broken: int, replayed: int, upper: float) -> None:
    """The rule of three where nothing broke, else the exact one-sided bound, as tables give it."""
    found, _ = upper_bound(broken, replayed)
    assert found == pytest.approx(upper, abs=1e-4)
    assert upper_bound(0, 0) == (None, "nothing to replay")


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_no_name_breaks_out_of_a_policy(person: str, server: str, tool: str) -> None:
    """Whatever names hold, the text is one policy that parses, about the principal of that very name."""
    text = policies("human", person, [(server.replace("*", "x"), tool.replace("*", "x"))])
    [parsed] = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    assert parsed["principal"]["entity"] == {"type": "Client", "id": person}
