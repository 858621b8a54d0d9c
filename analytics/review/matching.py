"""Which policy bears on which cell, asked of the policies' own engines: for everybody, and what they call or could."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import pyarrow as pa

from analytics.entitlements.calls import Call
from analytics.entitlements.policies import rule_all
from analytics.review.world import World, text

Row = dict[str, Any]

MOST = 20_000
"""Pairs of a person and a tool up to which policies are asked of all, called or not; else of those that were called."""
_POLICIES = """
SELECT entitlement_id, kind, effect, server_name, policy_language, policy, policy_entities, import_source
FROM population WHERE policy_language IS NOT NULL ORDER BY import_source, version, entitlement_id"""
_PAIRS = """
SELECT (SELECT count(*) FROM tools) * (SELECT count(DISTINCT who) FROM called WHERE kind = 'human') AS pairs"""
_MATCHES = pa.schema([
    ("entitlement_id", pa.string()), ("present", pa.bool_()), ("kind", pa.string()), ("cell", pa.int64()),
    ("effect", pa.string()), ("sure", pa.bool_()),
])  # fmt: skip
_REACH = pa.schema(
    [("entitlement_id", pa.string()), ("kind", pa.string()), ("who", pa.string()), ("tool", pa.int64())]
)


def match_policies(world: World) -> None:
    """Add to the matches what the policies that stand now say of each call: those that decide, and those that might.

    Arguments and claims beside the name are not given to them: a policy that asks for one is left open. What each
    policy permits to whom becomes the table `policy_reach`.
    """
    matches: list[Row] = []
    reach: list[Row] = []
    every = world.ask(_PAIRS)[0]["pairs"] <= MOST
    for _, group in groupby(world.ask(_POLICIES), key=lambda row: str(row["import_source"])):
        for pair, policy, sure in _ruled(world, list(group), every=every):
            same = {"entitlement_id": policy["entitlement_id"], "kind": policy["kind"]}
            if policy["effect"] == "permit":
                reach.append({**same, "who": pair["who"], "tool": pair["tool"]})
            told = {**same, "present": True, "effect": policy["effect"], "sure": sure}
            matches += [{**told, "cell": cell} for cell in pair["cells"] or ()]
    _give(
        world,
        "given_matches",
        pa.Table.from_pylist(matches, _MATCHES),
        "INSERT INTO matches SELECT DISTINCT *",
    )
    _give(
        world,
        "given_reach",
        pa.Table.from_pylist(reach, _REACH),
        "CREATE TABLE policy_reach AS SELECT DISTINCT *",
    )


def _ruled(
    world: World, policies: list[Row], *, every: bool
) -> Iterator[tuple[Row, Mapping[str, Any], bool]]:
    """Yield each pair of person and tool with each policy of one source that bears on it, and whether that is sure."""
    patterns = sorted({policy["server_name"] for policy in policies})
    pairs = world.ask(text("policy_callers.sql"), {"patterns": patterns, "every": every})
    for asked, group in groupby(pairs, key=lambda pair: tuple(pair["patterns"])):
        here, those = [p for p in policies if p["server_name"] in asked], list(group)
        calls = [Call(p["names"], p["groups"], p["server_name"], p["tool_name"]) for p in those]
        for pair, ruling in zip(those, rule_all(here, calls), strict=True):
            yield from ((pair, policy, True) for policy in ruling.deciding)
            yield from ((pair, policy, False) for policy in ruling.undecided)


def _give(world: World, name: str, rows: pa.Table, statement: str) -> None:
    world.database.register(name, rows)
    world.database.execute(f"{statement} FROM {name}")
    world.database.unregister(name)
