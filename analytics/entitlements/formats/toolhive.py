"""ToolHive's Cedar policies: an authorization config (YAML or JSON) of type cedarv1, or the text of policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import cedarpy
import yaml

from analytics.entitlements.cedar import GROUP
from analytics.entitlements.facts import Entitlement, Facts, Fault, Place
from analytics.entitlements.places import place_at
from analytics.entitlements.reading import File, text_of
from analytics.entitlements.yaml_nodes import child, documents, place

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;')
_WHEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|\b(?:when|unless)\b')
_CONFIG = re.compile(r"\s*(?:\{|---|#|[\w\"']+\s*:)")

Placed = tuple[str, Place]


def read(file: File) -> Facts:
    """Read policies, each of which becomes one entitlement that names what the policy's own head names.

    The policy is kept, and evaluated with the others when somebody asks: what its conditions say is not read here.
    """
    text, fault = text_of(file)
    if fault is not None:
        return Facts(faults=(fault,))
    try:
        policies, entities = _config(file, text) if _CONFIG.match(text) else (_statements(file, text), None)
    except _Wrong as error:
        return Facts(faults=(error.fault,))
    found = [_entitlement(policy, where, file.server, entities) for policy, where in policies]
    faults = tuple(f for f in found if isinstance(f, Fault))
    return Facts(tuple(f for f in found if isinstance(f, Entitlement)), faults=faults)


class _Wrong(Exception):  # noqa: N818 - carries the fault out of the reading of a config
    def __init__(self, where: Place, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(where, message)


# --- where policies stand ---------------------------------------------------------------------------------------


def _statements(file: File, text: str) -> list[Placed]:
    """Cut a text into policies, each ending with a semicolon that is in no string and no comment."""
    found, start = [], 0
    for match in _TOKEN.finditer(text):
        if match[0] == ";":
            found.append(_placed(file, text, start, match.end()))
            start = match.end()
    rest = _placed(file, text, start, len(text))
    if re.sub(r"//[^\n]*", "", rest[0]).strip():
        found.append(rest)
    return found


def _placed(file: File, text: str, start: int, end: int) -> Placed:
    policy = text[start:end]
    return policy.strip(), place_at(file.name, text, start + len(policy) - len(policy.lstrip()))


def _config(file: File, text: str) -> tuple[list[Placed], str | None]:
    roots, fault = documents(file, text)
    if fault is not None:
        raise _Wrong(fault.place, fault.message)
    root = roots[0] if roots else None
    where = Place(file.name, 1, 1)
    kind = child(root, "type")
    if kind is None or kind.value != "cedarv1":
        raise _Wrong(place(file, kind) if kind else where, "not an authorization config of type cedarv1")
    cedar = child(root, "cedar")
    policies = child(cedar, "policies")
    if not isinstance(policies, yaml.SequenceNode) or not policies.value:
        raise _Wrong(
            place(file, cedar) if cedar else where, "cedar.policies is a list of at least one policy"
        )
    groups = child(cedar, "group_entity_type")
    if groups is not None and groups.value not in ("", GROUP):
        raise _Wrong(place(file, groups), f"groups of the type {groups.value} are not read, only {GROUP}")
    entities = child(cedar, "entities_json")
    if entities is not None and entities.value:
        _check_entities(file, entities)
    placed = [(str(node.value).strip(), place(file, node)) for node in policies.value]
    return placed, entities.value or None if entities is not None else None


def _check_entities(file: File, node: Any) -> None:
    try:
        cedarpy.Entities.from_json_str(str(node.value))
    except ValueError as error:
        raise _Wrong(place(file, node), f"entities_json: {error}") from error


# --- what a policy's head names ---------------------------------------------------------------------------------


def _entitlement(policy: str, where: Place, server: str, entities: str | None) -> Entitlement | Fault:
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(policy))
    except ValueError as error:
        return Fault(where, f"not a Cedar policy: {error}")
    if parsed["templates"] or len(parsed["staticPolicies"]) != 1:
        return Fault(where, "not one policy: each stands by itself, and templates are not used here")
    [head] = parsed["staticPolicies"].values()
    principal_kind, principal = _principal(head["principal"])
    tool, scope = _target(head["action"], head["resource"])
    own_id = head.get("annotations", {}).get("id")
    conditions = _conditions(policy) if head["conditions"] else None
    grouped = principal_kind == "group"
    return Entitlement(
        principal_kind, principal, server, tool, head["effect"], scope, conditions,
        source="group" if grouped else "direct", via=principal if grouped else None, policy_language="cedar",
        policy=policy, policy_entities=entities, native_id=f"{server}/{own_id}" if own_id else None, place=where,
    )  # fmt: skip


def _principal(head: Mapping[str, Any]) -> tuple[str, str]:
    entity = head.get("entity") or {}
    if head["op"] == "==" and entity.get("type") == "Client":
        return "human", entity["id"]
    return ("group", entity["id"]) if head["op"] == "in" and entity.get("type") == GROUP else ("human", "*")


def _target(action: Mapping[str, Any], resource: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the tool, `*` for any and `-` for none, and what else the head names."""
    named = [e["id"] for e in _entities(action)]
    entity = resource.get("entity")
    scope = (
        None
        if entity is None or entity["type"] == "Tool"
        else f"{entity['type']}::{json.dumps(entity['id'])}"
    )
    if named and "call_tool" not in named:
        return "-", scope or ", ".join(named)
    return (
        entity["id"] if entity is not None and entity["type"] == "Tool" and resource["op"] == "==" else "*"
    ), scope


def _entities(head: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from head.get("entities", [head["entity"]] if "entity" in head else [])


def _conditions(policy: str) -> str:
    words = (m for m in _WHEN.finditer(policy) if m[0] in ("when", "unless"))
    return policy[next(words).start() :].rstrip(";").strip()
