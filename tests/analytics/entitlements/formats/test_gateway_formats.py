"""Exports of gateways: what they grant, to whom, and what makes them be refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analytics.entitlements.catalog import load
from analytics.entitlements.facts import Entitlement, Facts
from analytics.entitlements.reading import File

FORMATS = load()


def read(format_id: str, content: Any, server: str = "*") -> Facts:
    """Read a document as one format."""
    text = content if isinstance(content, str) else json.dumps(content)
    return FORMATS[format_id].read(File("f", text.encode(), server))


def told(facts: Facts) -> list[tuple[str, ...]]:
    """Return who may use what of each entitlement."""
    return [(e.principal_kind, e.principal, e.effect, e.server_name, e.tool_name) for e in facts.entitlements]


def fault(facts: Facts) -> str:
    """Return the only fault."""
    [found] = facts.faults
    return str(found)


def test_a_policy_names_only_what_its_head_names() -> None:
    """A tool or person in a condition or a comment is not read out of the text: the policy is for everybody."""
    text = """// Tool::"secret"; not a policy
    permit(principal, action == Action::"call_tool", resource) when { [Tool::"a"].contains(resource) && "x;" == "x;" };
    permit(principal == Client::"ana", action in [Action::"call_tool", Action::"list_tools"], resource == Tool::"b");
    permit(principal, action == Action::"get_prompt", resource == Prompt::"p");"""
    facts = read("toolhive", text, "k8s")
    assert told(facts) == [
        ("human", "*", "permit", "k8s", "*"), ("human", "ana", "permit", "k8s", "b"),
        ("human", "*", "permit", "k8s", "-"),
    ]  # fmt: skip
    assert [e.place.line for e in facts.entitlements if e.place] == [1, 3, 4]
    assert facts.entitlements[0].conditions == 'when { [Tool::"a"].contains(resource) && "x;" == "x;" }'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "permit(principal, action, resource);\n  permit(principal, nope, resource);",
            "f:2:3: not a Cedar policy",
        ),
        ("permit(principal, action, resource)", "f:1:1: not a Cedar policy"),
        ("type: httpv1\ncedar: {}", "f:1:7: not an authorization config of type cedarv1"),
        ("type: cedarv1\ncedar:\n  policies: []", "f:3:3: cedar.policies is a list"),
        (
            "type: cedarv1\ncedar:\n  policies: ['permit(principal, action, resource)']",
            "f:3:14: not a Cedar policy",
        ),
        ("type: cedarv1\ncedar:\n  policies: [x\n", "f:4:1: not YAML"),
        ("type: cedarv1\ncedar:\n  policies: [x]\n  entities_json: '[{]'", "f:4:18: entities_json"),
        (
            "type: cedarv1\ncedar:\n  group_entity_type: Team\n  policies: [x]",
            "f:3:22: groups of the type Team",
        ),
        ("permit(principal == ?principal, action, resource);", "f:1:1: not one policy"),
    ],
)
def test_a_policy_that_is_none_is_refused_at_its_place(text: str, said: str) -> None:
    """Whatever Cedar would not take in is refused, where the policy begins."""
    assert fault(read("toolhive", text)).startswith(said)


FORGE: dict[str, Any] = {
    "roles": [
        {"id": "r", "name": "dev", "permissions": ["tools.execute"]},
        {"id": "v", "name": "viewer", "permissions": ["tools.read"]},
        {"id": "i", "name": "heir", "permissions": [], "effective_permissions": ["*"]},
    ],
    "teams": [{"id": "t", "name": "core", "members": [{"user_email": "a@x"}, {"user_email": "b@x", "is_active": False}],
               "servers": ["github", "jira"]}],
    "user_roles": [
        {"id": "1", "user_email": "a@x", "role_id": "r", "scope": "team", "scope_id": "t"},
        {"id": "2", "user_email": "a@x", "role_id": "v", "scope": "global"},
        {"id": "3", "user_email": "c@x", "role_id": "i", "scope": "global", "granted_by": "b@x"},
        {"id": "4", "user_email": "d@x", "role_id": "r", "scope": "global", "is_active": False},
    ],
}  # fmt: skip


def test_contextforge_grants_what_calls_tools() -> None:
    """Roles that may execute tools grant them, a team's on its servers; viewers and the inactive grant nothing."""
    facts = read("contextforge", FORGE)
    assert told(facts) == [
        ("human", "a@x", "permit", "github", "*"), ("human", "a@x", "permit", "jira", "*"),
        ("human", "c@x", "permit", "*", "*"),
    ]  # fmt: skip
    assert [(p.principal, p.member_of) for p in facts.principals] == [("a@x", ("core",))]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("role_id", "gone", "role_id 'gone' is not among the roles"),
        ("scope_id", "gone", "scope_id 'gone' is not among"),
    ],
)
def test_contextforge_in_part_is_refused(key: str, value: str, said: str) -> None:
    """An assignment of a role or team that the export lacks shows that it is partial."""
    given = {**FORGE["user_roles"][0], key: value}
    assert said in fault(read("contextforge", {**FORGE, "user_roles": [given]}))
    assert "the object lacks teams" in fault(
        read("contextforge", {k: v for k, v in FORGE.items() if k != "teams"})
    )


def rule(subjects: list[tuple[str, str]], resources: list[tuple[str, str]]) -> dict[str, Any]:
    """Return a rule of obot."""
    named = [[{"type": t, "id": i} for t, i in pairs] for pairs in (subjects, resources)]
    return {"items": [{"id": "r1", "displayName": "R", "subjects": named[0], "resources": named[1]}]}


def test_obot_grants_each_subject_each_resource() -> None:
    """Users, groups and everybody on servers, catalogs and everything."""
    facts = read(
        "obot",
        rule(
            [("user", "7"), ("group", "eng"), ("selector", "*")], [("mcpServer", "ms1"), ("mcpCatalog", "c")]
        ),
    )
    assert [(k, p, s) for k, p, _, s, _ in told(facts)] == [
        ("human", "7", "ms1"), ("human", "7", "*"), ("group", "eng", "ms1"), ("group", "eng", "*"),
        ("human", "*", "ms1"),
        ("human", "*", "*"),
    ]  # fmt: skip
    assert {e.resource_scope for e in facts.entitlements if e.server_name == "*"} == {"catalog c"}


@pytest.mark.parametrize(
    ("subjects", "resources", "said"),
    [
        ([("selector", "x")], [("mcpServer", "m")], "a selector has the id *"),
        ([("mcpServer", "x")], [("mcpServer", "m")], "is no type of a subject"),
        ([("user", "7")], [("group", "m")], "is no type of a resource"),
        ([("alien", "7")], [("mcpServer", "m")], "Invalid enum value 'alien'"),
    ],
)
def test_obot_rules_that_obot_would_refuse_are_refused(subjects: Any, resources: Any, said: str) -> None:
    """What is of no known type is a fault, never skipped: it may be a grant."""
    assert said in fault(read("obot", rule(subjects, resources)))


def baton(principal: str, resource: tuple[str, str], direct: bool = True) -> dict[str, Any]:
    """Return a grant of baton."""
    on = {"id": {"resourceType": resource[0], "resource": resource[1]}}
    sources = {} if direct else {"sources": {"sources": {"group:eng:member": {}}}}
    return {"id": f"{principal}-{resource[1]}", "entitlement": {"id": "e", "slug": "execute", "resource": on},
            "principal": {"id": {"resourceType": principal, "resource": "p"}}, **sources}  # fmt: skip


def test_baton_grants_on_tools_and_servers() -> None:
    """A tool is named after its server; an expanded grant names what it came through."""
    facts = read(
        "baton",
        {"list": [baton("user", ("tool", "github/x")), baton("group", ("server", "jira"), direct=False)]},
    )
    assert told(facts) == [("human", "p", "permit", "github", "x"), ("group", "p", "permit", "jira", "*")]
    through: list[Entitlement] = [e for e in facts.entitlements if e.source == "group"]
    assert [e.via for e in through] == ["group:eng:member"]


def test_baton_in_part_or_of_unknown_kind_is_refused() -> None:
    """One page of several, and a principal of an unknown type, are faults with their places."""
    assert fault(read("baton", {"list": [], "nextPageToken": "2"})).startswith("f:1:")
    assert "'printer' are not known here" in fault(read("baton", {"list": [baton("printer", ("tool", "x"))]}))
