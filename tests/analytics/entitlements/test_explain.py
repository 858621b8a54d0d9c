"""Effective access: each side judged, the intersection, and what it would be without a grant."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from analytics.entitlements.catalog import load
from analytics.entitlements.explain import Leg, Question, explain
from analytics.entitlements.importing import take_in
from analytics.entitlements.reading import File
from store.lake import Lake

FORMATS = load()
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE = """user_id,email,groups,status,left
ana,ana@x.org,ops,active,
eve,,ops,left,2026-03-01
soon,,ops,left,2026-09-01
"""
POLICIES = """
@id("weather") permit(principal, action == Action::"call_tool", resource == Tool::"weather");
@id("level") permit(principal in THVGroup::"ops", action == Action::"call_tool", resource == Tool::"pods")
  when { context.claim_level >= 3 };
@id("ns") permit(principal == Client::"ana@x.org", action == Action::"call_tool", resource in MCP::"k8s")
  when { resource.arg_ns == "dev" };
@id("exec") forbid(principal, action == Action::"call_tool", resource == Tool::"exec");
"""


def imported(lake: Lake, format_id: str, text: str, server: str = "*") -> None:
    """Take one file in."""
    take_in(lake, FORMATS[format_id], [File("f", text.encode(), server)])


def judged(lake: Lake, *asked: str, **options: object) -> dict[str, Leg]:
    """Return the legs of a question by name."""
    return {leg.leg: leg for leg in explain(lake, Question(*asked, moment=NOW, **options))}


@pytest.fixture
def granted(lake: Lake) -> Lake:
    """Return a lake with grants of each kind."""
    imported(
        lake, "grants",
        "id,principal,principal_kind,server,tool,effect,expires_at,conditions\n"
        "h1,ana,human,github,create_*,permit,,\nh2,ops,group,github,*,permit,,\nh3,ana,human,github,delete_*,forbid,,\n"
        "h4,bob,human,jira,*,permit,2026-02-01,\nh5,bob,human,wiki,*,permit,,office hours\n"
        "c1,cursor,client,github,create_*,permit,,\nt1,create_issue,tool,github,*,permit,,\n",
    )  # fmt: skip
    imported(lake, "roster", PEOPLE)
    imported(
        lake,
        "credentials",
        "credential_id,status,expires_at,servers\nk1,active,,github\nk2,revoked,2027-01-01,github\n",
    )
    return lake


def test_effective_access_is_the_intersection(granted: Lake) -> None:
    """All four sides must allow; the answer names each grant and what would deny it."""
    legs = judged(granted, "ana", "github", "create_issue", client="cursor", credential="k1")
    assert {name: leg.verdict for name, leg in legs.items()} == dict.fromkeys(
        ("human", "client", "tool", "credential", "effective"), "allowed"
    )
    assert "any one of the 2 may go" in legs["human"].without
    assert legs["client"].without.startswith("would be denied without the grant")
    assert len(legs["effective"].entitlements) == 5


@pytest.mark.parametrize(
    ("asked", "options", "side", "because"),
    [
        (("ana", "github", "delete_repo"), {}, "human", "forbidden by the grant"),
        (("ana", "github", "create_repo"), {}, "tool", "nothing grants github/create_repo"),
        (("ana", "github", "create_issue"), {"client": "unknown"}, "client", "nothing grants client unknown"),
        (("ana", "github", "create_issue"), {"credential": "k2"}, "credential", "k2 is not active: revoked"),
        (("eve", "github", "create_issue"), {}, "human", "eve is not active: left since 2026-03-01"),
        (("bob", "jira", "search"), {}, "human", "expired on 2026-02-01"),
        (("nobody", "github", "create_issue"), {}, "human", "nothing grants human nobody"),
    ],
)
def test_one_side_that_denies_denies(granted: Lake, asked, options, side, because) -> None:
    """The side that denies says why, and the effective access gives its reason."""
    legs = judged(granted, *asked, **options)
    assert (legs[side].verdict, legs["effective"].verdict) == ("denied", "denied")
    assert because in legs[side].because
    assert because in legs["effective"].because


def test_leaving_counts_from_its_day_on(granted: Lake) -> None:
    """Who leaves in September may still call in June, by the group the roster names."""
    assert judged(granted, "soon", "github", "create_issue")["human"].verdict == "allowed"


def test_a_condition_that_cannot_be_decided_makes_it_depend(granted: Lake) -> None:
    """A grant with a condition in words neither allows nor denies."""
    legs = judged(granted, "bob", "wiki", "read")
    assert legs["effective"].verdict == "depends"
    assert "office hours" in legs["effective"].because


def test_what_was_not_imported_is_not_judged(lake: Lake) -> None:
    """An empty lake says that nothing is known; the tools of one server say nothing of another's."""
    assert {leg.verdict for leg in judged(lake, "ana", "github", "x").values()} == {"not judged"}
    imported(lake, "clients", "client_id,servers\ncursor,github\n")
    legs = judged(lake, "ana", "github", "x", client="cursor")
    assert (legs["client"].verdict, legs["effective"].verdict) == ("allowed", "not judged")


def test_an_unknown_principal_is_an_orphan_and_no_error(granted: Lake) -> None:
    """One who is granted something and in no roster is judged, and marked for review."""
    legs = judged(granted, "bob", "wiki", "read")
    assert (legs["human"].orphan, legs["effective"].orphan) == (True, True)
    assert "orphan to review: human" in legs["effective"].because


@pytest.mark.parametrize(
    ("tool", "who", "claims", "arguments", "verdict"),
    [
        ("weather", "anyone", {}, {}, "allowed"),
        ("pods", "ana", {"level": 3}, {}, "allowed"),
        ("pods", "ana", {"level": 2}, {"ns": "prod"}, "denied"),
        ("pods", "ana", {"level": 2}, {}, "depends"),
        ("pods", "ana", {}, {"ns": "dev"}, "allowed"),
        ("pods", "stranger", {"level": 9}, {}, "denied"),
        ("exec", "ana", {"level": 9}, {"ns": "dev"}, "denied"),
    ],
)
def test_cedar_policies_are_evaluated(lake: Lake, tool, who, claims, arguments, verdict) -> None:
    """Groups of the roster, claims, arguments, the server as MCP, and forbids count as Cedar's engine says."""
    imported(lake, "roster", PEOPLE)
    imported(lake, "toolhive", POLICIES, "k8s")
    assert judged(lake, who, "k8s", tool, claims=claims, arguments=arguments)["human"].verdict == verdict


def test_a_policy_is_taken_away_by_evaluating_the_others(lake: Lake) -> None:
    """Two policies that each allow a call: either may go; one alone: it would be denied."""
    imported(lake, "roster", PEOPLE)
    imported(lake, "toolhive", POLICIES, "k8s")
    alone = judged(lake, "ana", "k8s", "pods", claims={"level": 3}, arguments={"ns": "prod"})["human"]
    both = judged(lake, "ana", "k8s", "pods", claims={"level": 3}, arguments={"ns": "dev"})["human"]
    assert alone.without.startswith("would be denied without the policy")
    assert len(alone.entitlements) == 1
    assert len(both.entitlements) == 2
    assert both.without == "any one of the 2 may go: the others still allow it"


def test_groups_that_the_config_nests_count(lake: Lake) -> None:
    """A group whose parent is named by a policy, in entities_json, has what the parent has."""
    ops, staff = {"type": "THVGroup", "id": "ops"}, {"type": "THVGroup", "id": "staff"}
    policy = 'permit(principal in THVGroup::"staff", action == Action::"call_tool", resource);'
    entities = json.dumps([{"uid": ops, "attrs": {}, "parents": [staff]}])
    config = json.dumps({"type": "cedarv1", "cedar": {"policies": [policy], "entities_json": entities}})
    imported(lake, "roster", PEOPLE)
    imported(lake, "toolhive", config, "k8s")
    assert judged(lake, "ana", "k8s", "pods")["human"].verdict == "allowed"
    assert judged(lake, "stranger", "k8s", "pods")["human"].verdict == "denied"


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"resource": "acme/x"}, "denied"), ({"resource": "repo:acme/x"}, "allowed"),
        ({"arguments": {"repo": "acme/x"}}, "allowed"), ({"arguments": {"repo": "other/x"}}, "denied"), ({}, "depends"),
    ],
)  # fmt: skip
def test_a_resource_scope_bounds_what_a_grant_allows(
    lake: Lake, options: dict[str, object], verdict: str
) -> None:
    """Within its scope it allows, outside it does not; where the call names no resource it depends on that."""
    imported(lake, "grants", "principal,server,tool,resource_scope\nana,github,*,repo:acme/*\n")
    human = judged(lake, "ana", "github", "create_issue", **options)["human"]
    assert human.verdict == verdict
    assert ("it is about repo:acme/*" in human.because) == (verdict == "depends")


def test_names_in_any_script_are_asked_of_cedar(lake: Lake) -> None:
    """A name with letters beyond ASCII, or with quotes, is that name and breaks nothing."""
    policy = 'permit(principal == Client::"Zoë \\"Z\\"", action == Action::"call_tool", resource == Tool::"weather");'
    imported(lake, "toolhive", policy)
    assert judged(lake, 'Zoë "Z"', "k8s", "weather")["human"].verdict == "allowed"
    assert judged(lake, "Zoe", "k8s", "weather")["human"].verdict == "denied"


def test_rules_of_agentgateway_decide_and_ask_for_claims(lake: Lake) -> None:
    """CEL rules are evaluated: a claim that is not given leaves the verdict open, with the claim as a reason."""
    rules = 'mcpAuthorization: {rules: [\'jwt.team == "x" && mcp.tool.name == "weather"\']}\n'
    imported(lake, "agentgateway", rules, "k8s")
    open_ = judged(lake, "ana", "k8s", "weather")["human"]
    assert (open_.verdict, "asks for team" in open_.because) == ("depends", True)
    assert judged(lake, "ana", "k8s", "weather", claims={"team": "x"})["human"].verdict == "allowed"
    assert judged(lake, "ana", "k8s", "other", claims={"team": "x"})["human"].verdict == "denied"
