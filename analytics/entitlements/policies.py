"""Policies of any language, evaluated by their own engines for tool calls; nothing is read out of their text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from analytics.entitlements import cedar, cel_rules
from analytics.entitlements.calls import Call, Ruling

Row = Mapping[str, Any]
_ENGINES: Mapping[str, Callable[[Sequence[Row], Sequence[tuple[str, Call]]], list[Ruling]]] = {
    "cedar": cedar.rule,
    "cel": cel_rules.rule,
}


def rule(policies: Sequence[Row], call: Call) -> Ruling:
    """Evaluate one source's policies under each name of the person: a forbid of any wins, else a permit of any."""
    return rule_all(policies, [call])[0]


def rule_all(policies: Sequence[Row], calls: Sequence[Call]) -> list[Ruling]:
    """Evaluate one source's policies for many calls; the rulings are those that `rule` gives one by one."""
    asked = [(name, call) for call in calls for name in call.names]
    answers = iter(_ENGINES[policies[0]["policy_language"]](policies, asked))
    return [_together([next(answers) for _ in call.names]) for call in calls]


def _together(rulings: Sequence[Ruling]) -> Ruling:
    """Return one ruling of those under several names."""
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
