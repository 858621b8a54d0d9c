"""agentgateway's MCP authorization: the CEL rules of a local config, or of Kubernetes policies, in YAML or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from analytics.entitlements.cel_rules import program
from analytics.entitlements.facts import Entitlement, Facts, Fault, Place
from analytics.entitlements.reading import File, text_of
from analytics.entitlements.yaml_nodes import child, documents, elements, place, under

_KINDS = ("allow", "deny", "require")

Rule = tuple[str, str, Place]
"""What kind it is, its expression, and where it stands."""


def read(file: File) -> Facts:
    """Read rules, each of which becomes one entitlement for each MCP target of its route (else of --server).

    A rule is kept and evaluated with the others of its target when somebody asks. A `require` is kept as a prohibition
    of what does not meet it. Where no rule allows, everything that none denies is allowed: that is an entitlement too.
    """
    text, fault = text_of(file)
    roots, fault = ([], fault) if fault is not None else documents(file, text)
    if fault is not None:
        return Facts(faults=(fault,))
    sets = [found for root in roots for found in _rule_sets(root)]
    if not sets:
        where = place(file, roots[0]) if roots else Place(file.name, 1, 1)
        return Facts(
            faults=(Fault(where, "there is no mcpAuthorization, and no policy with mcp.authorization"),)
        )
    facts = Facts()
    for rules, servers in sets:
        facts += _facts(file, list(_checked(file, rules)), servers or [file.server])
    return _once(facts)


def _rule_sets(root: Any) -> Iterator[tuple[list[tuple[Any, str | None]], list[str]]]:
    """Yield each set of rules as nodes with the kind the document gives them, and the targets it is about."""
    for policies, node in under(root, "mcpAuthorization"):
        rules: list[tuple[Any, str | None]] = [(rule, None) for rule in elements(child(node, "rules"))]
        yield rules, [name for route in _routes_with(root, policies) for name in _targets(route)]
    for _, mcp in under(root, "mcp"):
        authorization = child(mcp, "authorization")
        if authorization is not None:
            action = child(authorization, "action")
            kind = str(action.value).lower() if action is not None else "allow"
            yield [(rule, kind) for rule in elements(child(authorization, "policy", "matchExpressions"))], []


def _routes_with(root: Any, policies: Any) -> Iterator[Any]:
    """Yield the mappings that hold these policies and, beside them or within, the backends they are for."""
    for holder, found in under(root, "policies"):
        if found is policies:
            yield holder


def _targets(route: Any) -> Iterator[str]:
    backends = elements(child(route, "backends")) or [route]
    for backend in backends:
        for target in elements(child(backend, "mcp", "targets")):
            name = child(target, "name")
            if name is not None:
                yield str(name.value)


def _checked(file: File, rules: list[tuple[Any, str | None]]) -> Iterator[Rule | Fault]:
    for node, given in rules:
        kind, expression = given or "allow", node
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            key, expression = node.value[0]
            kind = str(key.value).lower()
        if kind not in _KINDS or not isinstance(expression, yaml.ScalarNode):
            yield Fault(
                place(file, node), f"a rule is a CEL expression, alone or under one of {', '.join(_KINDS)}"
            )
            continue
        try:
            program(str(expression.value))
        except ValueError as error:
            told = str(error).partition("\n")[0].partition("ERROR: ")[2] or "it does not parse"
            yield Fault(place(file, expression), f"not a CEL expression: {told}")
        else:
            yield kind, str(expression.value).strip(), place(file, expression)


def _facts(file: File, rules: list[Rule | Fault], servers: list[str]) -> Facts:
    faults = tuple(rule for rule in rules if isinstance(rule, Fault))
    good = [rule for rule in rules if not isinstance(rule, Fault)]
    if not good and not faults:
        faults = (Fault(Place(file.name, 1, 1), "an authorization without rules lets everybody through"),)
    if good and all(kind != "allow" for kind, _, _ in good):
        good.append(("allow", "true", good[0][2]))
    return Facts(tuple(_entitlement(rule, server) for rule in good for server in servers), faults=faults)


def _entitlement(rule: Rule, server: str) -> Entitlement:
    kind, expression, where = rule
    policy = f"!({expression})" if kind == "require" else expression
    effect = "permit" if kind == "allow" else "forbid"
    return Entitlement("human", "*", server, "*", effect, policy_language="cel", policy=policy, place=where)


def _once(facts: Facts) -> Facts:
    """Return facts without rules that another route says again of the same target."""
    kept = {fact.identity(): fact for fact in reversed(facts.entitlements)}
    return Facts(tuple(reversed(kept.values())), faults=facts.faults)
