"""Cedar policies, evaluated as ToolHive asks them; nothing is read out of their text.

ToolHive's request: the principal is `Client::"<sub>"` with its claims as `claim_*` and its groups as parents, the
action `Action::"call_tool"`, the resource `Tool::"<name>"` in `MCP::"<server>"` with the arguments as `arg_*`; claims
and arguments are the context too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cedarpy

from analytics.entitlements.calls import Call, Ruling

GROUP = "THVGroup"

Row = Mapping[str, Any]
_NUMBER = re.compile(r"policy(\d+)")


def rule(policies: Sequence[Row], asked: Sequence[tuple[str, Call]]) -> list[Ruling]:
    """Return what one source's policies say of each name and call, in order."""
    found: list[Ruling] = []
    text = "\n".join(p["policy"] for p in policies)
    for batch in _batches(policies, asked):
        answers = cedarpy.is_authorized_batch(batch.requests, text, list(batch.entities.values()))
        for answer in answers:
            errors = tuple(answer.diagnostics.errors)
            deciding = tuple(policies[n] for n in _numbers(answer.diagnostics.reasons))
            undecided = tuple(policies[n] for n in _numbers(errors))
            found.append(Ruling(answer.allowed, deciding, undecided, errors))
    return found


@dataclass
class _Batch:
    """Requests that share what is said of every entity."""

    entities: dict[str, Any]
    requests: list[dict[str, Any]] = field(default_factory=list)

    def takes(self, own: Mapping[str, Any]) -> bool:
        """Tell whether nothing else is said here of the same entities; those of the configs give way."""
        return all(self.entities.get(key, entity) == entity for key, entity in own.items())


def _batches(policies: Sequence[Row], asked: Sequence[tuple[str, Call]]) -> Iterator[_Batch]:
    texts = {p["policy_entities"] for p in policies if p["policy_entities"]}
    given = {_key(e["uid"]): e for text in sorted(texts) for e in json.loads(text)}
    batch = _Batch(dict(given))
    for name, call in asked:
        request, own = _asked(name, call)
        fresh = {
            key: entity for key, entity in own.items() if batch.entities.get(key) is not given.get(key, ...)
        }
        if not batch.takes(fresh):
            yield batch
            batch = _Batch(dict(given))
        batch.entities.update(own)
        batch.requests.append(request)
    if batch.requests:
        yield batch


def _asked(name: str, call: Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ToolHive's request for a call under one name, and its own entities."""
    uid, resource = {"type": "Client", "id": name}, {"type": "Tool", "id": call.tool}
    claims = {f"claim_{k}": v for k, v in {"sub": name, **call.claims}.items()}
    arguments = {f"arg_{k}": v for k, v in call.arguments.items()}
    own: list[dict[str, Any]] = [
        {"uid": uid, "attrs": claims, "parents": [{"type": GROUP, "id": g} for g in call.groups]},
        {
            "uid": resource,
            "attrs": {**arguments, "name": call.tool, "operation": "call", "feature": "tool"},
            "parents": [{"type": "MCP", "id": call.server}],
        },
    ]
    request = {
        "principal": uid, "action": {"type": "Action", "id": "call_tool"}, "resource": resource,
        "context": {**claims, **arguments},
    }  # fmt: skip
    return request, {_key(e["uid"]): e for e in own}


def _key(uid: Row) -> str:
    return json.dumps(uid, sort_keys=True)


def _numbers(texts: Sequence[str]) -> list[int]:
    return [int(match[1]) for text in texts if (match := _NUMBER.search(text))]
