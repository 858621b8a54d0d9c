"""Findings of one story become one incident: joined by session, or by user or credential within hours.

An incident keeps its id as it grows. Where two turn out to be one, the older id stays and the findings of the other are
linked anew; what was linked before is kept as an earlier revision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl
import pyarrow as pa

from store.lake import Lake
from store.tables import TABLES

PAUSE = timedelta(hours=4)
"""Findings of one user or credential further apart than this are not one story for that alone."""
SHARED = 5
"""A credential that findings show under more users than this joins nothing: it is everybody's."""
_COLUMNS = ("finding_id", "event_time", "session", "user_id", "credential_id", "rollout", "revision")


def update(lake: Lake, version: int) -> int:
    """Link what is not yet linked as it should be; returns how many findings that were. Roll-outs join nothing."""
    states = lake.scan("finding_states", _COLUMNS).collect().sort("revision")
    findings = (
        states.unique("finding_id", keep="last").filter(~pl.col("rollout")).sort("event_time", "finding_id")
    )
    links = (
        lake.scan("incident_links", ("finding_id", "incident", "linked_time")).collect().sort("linked_time")
    )
    known = {row["finding_id"]: row["incident"] for row in links.iter_rows(named=True)}
    age: dict[str, int] = {}
    for name in links["incident"]:
        age.setdefault(name, len(age))
    now = datetime.now(UTC)
    rows = [
        {
            "finding_id": finding,
            "incident": incident,
            "revision": version,
            "linked_time": now,
            "linked_date": now.date(),
        }
        for group in stories(findings.to_dicts())
        for incident in [_name(group, known, age)]
        for finding in group
        if known.get(finding) != incident
    ]
    if rows:
        lake.append("incident_links", pa.Table.from_pylist(rows, TABLES["incident_links"].schema))
    return len(rows)


def _name(group: list[str], known: Mapping[str, str], age: Mapping[str, int]) -> str:
    old = {known[finding] for finding in group if finding in known}
    if old:
        return min(old, key=lambda name: age[name])
    return sha256(f"incident\0{group[0]}".encode()).hexdigest()[:32]


def stories(findings: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return the ids of findings in groups that belong together; findings come in order of time."""
    given = list(findings)
    parent = {row["finding_id"]: row["finding_id"] for row in given}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    owners: dict[str, set[str]] = defaultdict(set)
    for row in given:
        if row["credential_id"] and row["user_id"]:
            owners[row["credential_id"]].add(row["user_id"])
    last: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in given:
        for kind in ("session", "user_id", "credential_id"):
            name = row[kind]
            if name is None or (kind == "credential_id" and len(owners[name]) > SHARED):
                continue
            before = last.get((kind, name))
            if before is not None and (
                kind == "session" or row["event_time"] - before["event_time"] <= PAUSE
            ):
                parent[root(row["finding_id"])] = root(before["finding_id"])
            last[kind, name] = row
    groups: dict[str, list[str]] = {}
    for row in given:
        groups.setdefault(root(row["finding_id"]), []).append(row["finding_id"])
    return list(groups.values())
