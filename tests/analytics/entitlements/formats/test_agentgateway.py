"""agentgateway's CEL rules: read with their places, and decided as the gateway decides."""

from __future__ import annotations

import pytest

from analytics.entitlements.calls import Call
from analytics.entitlements.catalog import load
from analytics.entitlements.facts import Facts
from analytics.entitlements.policies import rule
from analytics.entitlements.reading import File

READ = load()["agentgateway"].read


def facts(text: str, server: str = "*") -> Facts:
    """Read one config."""
    return READ(File("gw.yaml", text.encode(), server))


def config(*rules: str) -> str:
    """Return a local config with rules, for the targets a and b."""
    lines = "".join(f"          - {rule}\n" for rule in rules)
    return (
        "binds:\n- port: 3000\n  listeners:\n  - routes:\n    - backends:\n      - mcp:\n          targets:\n"
        "          - name: a\n          - name: b\n      policies:\n        mcpAuthorization:\n          rules:\n"
        + lines
    )


def allowed(found: Facts, sub: str, tool: str, server: str = "a", **claims: object) -> bool | None:
    """Ask the rules of one target; None where they are left open."""
    rows = [
        {**e.row(), "entitlement_id": str(n)}
        for n, e in enumerate(found.entitlements)
        if e.server_name in (server, "*")
    ]
    ruling = rule(rows, Call([sub], ["ops"], server, tool, claims))
    return None if ruling.undecided and not ruling.deciding else ruling.allowed


def test_allow_deny_and_require_decide_as_in_the_gateway() -> None:
    """A deny that holds denies, each require must hold, and one allow must."""
    rules = ("'mcp.tool.name == \"echo\"'", "allow: 'jwt.sub == \"ana\"'", "deny: 'mcp.tool.name == \"rm\"'")
    found = facts(config(*rules, 'require: \'"ops" in jwt.groups && mcp.tool.target != "b"\''))
    assert allowed(found, "bob", "echo") is True
    assert allowed(found, "ana", "anything") is True
    assert allowed(found, "bob", "other") is False
    assert allowed(found, "ana", "rm") is False
    assert allowed(found, "ana", "echo", "b") is False


def test_rules_that_only_deny_allow_the_rest() -> None:
    """Without an allow the gateway is a denylist: the rest is allowed, by an entitlement that says so."""
    found = facts(config("deny: 'mcp.tool.name == \"rm\"'"))
    assert (allowed(found, "ana", "ls"), allowed(found, "ana", "rm")) == (True, False)


def test_a_missing_claim_leaves_it_open_and_what_is_no_tool_does_not_hold() -> None:
    """A claim nobody gave may be in the token; `mcp.resource` is certainly not in a call of a tool."""
    found = facts(config("'jwt.team == \"x\"'", "'mcp.resource.name == \"r\"'"))
    assert allowed(found, "ana", "ls") is None
    assert allowed(found, "ana", "ls", team="x") is True
    assert allowed(found, "ana", "ls", team="y") is False


def test_each_rule_is_an_entitlement_of_each_target_of_its_route() -> None:
    """Targets are told apart; without any, the server is the one that was named."""
    found = facts(config("'true'"))
    assert [(e.server_name, e.policy, e.place.line) for e in found.entitlements if e.place] == [
        ("a", "true", 13), ("b", "true", 13),
    ]  # fmt: skip
    kubernetes = (
        "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\nspec:\n  backend:\n    mcp:\n"
        "      authorization:\n        action: Deny\n        policy:\n"
        "          matchExpressions: ['mcp.tool.name == \"rm\"']\n"
    )
    found = facts(kubernetes, "k8s")
    assert [(e.server_name, e.effect, e.policy) for e in found.entitlements] == [
        ("k8s", "forbid", 'mcp.tool.name == "rm"'), ("k8s", "permit", "true"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (config("'mcp.tool.name =='"), "gw.yaml:13:13", "not a CEL expression"),
        (config("allow: ['a']"), "gw.yaml:13:13", "a rule is a CEL expression"),
        (config("permit: 'true'"), "gw.yaml:13:13", "a rule is a CEL expression"),
        ("a: [", "gw.yaml:1:5", "not YAML"),
        ("binds: []\n", "gw.yaml:1:1", "there is no mcpAuthorization"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: str, message: str) -> None:
    """Line and column of the rule, and nothing is taken in."""
    [fault] = facts(text).faults
    assert str(fault).startswith(place.rsplit(":", 1)[0])
    assert message in fault.message
