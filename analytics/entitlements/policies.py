"""Cedar policies, evaluated for one tool call as ToolHive asks them; nothing is read out of their text.

ToolHive's request: the principal is `Client::"<sub>"` with its claims as `claim_*` and its groups as parents, the
action `Action::"call_tool"`, the resource `Tool::"<name>"` in `MCP::"<server>"` with the arguments as `arg_*`; claims
and arguments are the context too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cedarpy

GROUP = "THVGroup"

Row = Mapping[str, Any]
_NUMBER = re.compile(r"policy(\d+)")


@dataclass(frozen=True)
class Call:
    """A call that is asked about: who, under all the names known of them, in which groups, and what."""

    names: Sequence[str]
    groups: Sequence[str]
    server: str
    tool: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruling:
    """What a set of policies says: those that decided, and those that lack a claim or an argument to be decided by."""

    allowed: bool
    deciding: tuple[Row, ...] = ()
    undecided: tuple[Row, ...] = ()
    lacking: tuple[str, ...] = ()


def rule(policies: Sequence[Row], call: Call) -> Ruling:
    """Evaluate one source's policies under each name of the person: a forbid of any wins, else a permit of any."""
    rulings = [_rule_for(name, policies, call) for name in call.names]
    forbidden = [r for r in rulings if any(p["effect"] == "forbid" for p in r.deciding)]
    allowed = [r for r in rulings if r.allowed]
    return Ruling(
        bool(allowed) and not forbidden,
        _distinct(p for r in forbidden or allowed for p in r.deciding),
        _distinct(p for r in rulings for p in r.undecided),
        tuple(dict.fromkeys(text for r in rulings for text in r.lacking)),
    )


def _distinct(policies: Iterable[Row]) -> tuple[Row, ...]:
    return tuple({p["entitlement_id"]: p for p in policies}.values())


def _rule_for(name: str, policies: Sequence[Row], call: Call) -> Ruling:
    uid, resource = {"type": "Client", "id": name}, {"type": "Tool", "id": call.tool}
    context = {
        **{f"claim_{k}": v for k, v in {"sub": name, **call.claims}.items()},
        **{f"arg_{k}": v for k, v in call.arguments.items()},
    }
    request = {
        "principal": _shown(uid), "action": 'Action::"call_tool"', "resource": _shown(resource), "context": context,
    }  # fmt: skip
    text = "\n".join(p["policy"] for p in policies)
    answer = cedarpy.is_authorized(request, text, _entities(policies, uid, resource, call, context))
    errors = tuple(answer.diagnostics.errors)
    return Ruling(
        answer.allowed,
        tuple(policies[n] for n in _numbers(answer.diagnostics.reasons)),
        tuple(policies[n] for n in _numbers(errors)),
        errors,
    )


def _entities(
    policies: Sequence[Row], uid: Row, resource: Row, call: Call, context: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return those the configs give, then the call's own, which stand for what a config says of the same."""
    texts = {p["policy_entities"] for p in policies if p["policy_entities"]}
    given = {json.dumps(e["uid"], sort_keys=True): e for text in sorted(texts) for e in json.loads(text)}
    claims = {k: v for k, v in context.items() if k.startswith("claim_")}
    arguments = {k: v for k, v in context.items() if k.startswith("arg_")}
    own = [
        {"uid": uid, "attrs": claims, "parents": [{"type": GROUP, "id": g} for g in call.groups]},
        {
            "uid": resource,
            "attrs": {**arguments, "name": call.tool, "operation": "call", "feature": "tool"},
            "parents": [{"type": "MCP", "id": call.server}],
        },
    ]
    given |= {json.dumps(e["uid"], sort_keys=True): e for e in own}
    return list(given.values())


def _shown(uid: Row) -> str:
    return f"{uid['type']}::{json.dumps(uid['id'])}"


def _numbers(texts: Sequence[str]) -> list[int]:
    return [int(match[1]) for text in texts if (match := _NUMBER.search(text))]
