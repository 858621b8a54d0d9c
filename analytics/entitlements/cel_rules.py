"""CEL rules, evaluated as agentgateway asks them: a deny that holds denies, every require must hold, one allow must.

What rules can name here is `mcp.tool.name`, `mcp.tool.target`, `mcp.tool.arguments` and the claims as `jwt`, with the
person's name as `jwt.sub` and their groups as `jwt.groups`. The gateway takes a rule that fails to evaluate as not
holding; a rule that asks for a claim or an argument which was not given is left open here, for the gateway may have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import cel

from analytics.entitlements.calls import Call, Ruling

Row = Mapping[str, Any]
_LACKING = (KeyError, RuntimeError)
"""What the engine raises for a name that the context does not have."""
_OTHERS = ("resource", "prompt", "task")
"""What `mcp` has instead of a tool when no tool is called."""


def rule(policies: Sequence[Row], asked: Sequence[tuple[str, Call]]) -> list[Ruling]:
    """Return what one source's rules say of each name and call, in order."""
    return [_rule(policies, name, call) for name, call in asked]


def _rule(policies: Sequence[Row], name: str, call: Call) -> Ruling:
    context = _context(name, call)
    verdicts = [(p, *_holds(str(p["policy"]), context)) for p in policies]
    open_ = tuple(p for p, holds, _ in verdicts if holds is None)
    lacking = tuple(dict.fromkeys(f"{p['policy']} asks for {what}" for p, _, what in verdicts if what))
    forbids = tuple(p for p, holds, _ in verdicts if holds and p["effect"] == "forbid")
    if forbids:
        return Ruling(allowed=False, deciding=forbids, undecided=open_, lacking=lacking)
    permits = tuple(p for p, holds, _ in verdicts if holds and p["effect"] == "permit")
    return Ruling(bool(permits), permits, open_, lacking)


def _context(name: str, call: Call) -> dict[str, Any]:
    return {
        "mcp": {"tool": {"name": call.tool, "target": call.server, "arguments": dict(call.arguments)}},
        "jwt": {"sub": name, "groups": list(call.groups), **call.claims},
    }


def _holds(rule_text: str, context: dict[str, Any]) -> tuple[bool | None, str | None]:
    """Return whether a rule holds; None, with what it asks for, where that was not given."""
    try:
        return program(rule_text).execute(context) is True, None
    except _LACKING as error:
        if isinstance(error, KeyError) and error.args[0] in _OTHERS:
            return False, None
        return None, str(error).strip("'\"").partition("\n")[0][:80]
    except (TypeError, ValueError):
        return False, None


@cache
def program(text: str) -> cel.Program:
    """Return a rule, compiled; ValueError when it is not CEL."""
    return cel.compile(text)
