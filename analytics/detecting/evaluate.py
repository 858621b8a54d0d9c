"""Run one detection over one window: findings with their evidence, or why there can be none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import duckdb

from analytics.detecting.catalog import ENTITIES, Detection
from analytics.detecting.world import relation

_ROLLOUT_LEAST, _ROLLOUT_SHARE = 5, 0.1
MOST = 10_000
"""Findings of one detection in one window; a detection that finds more says nothing."""


@dataclass(frozen=True)
class Finding:
    """Something found: `finding_id` is the same whenever the same thing is found again."""

    finding_id: str
    detection: str
    title: str
    severity: str
    confidence: float
    p_value: float | None
    event_time: datetime
    user_id: str | None
    client: str | None
    credential_id: str | None
    server_name: str | None
    tool_name: str | None
    session: str | None
    evidence: list[str]
    explanation: str
    rollout: bool
    tags: list[str]


@dataclass(frozen=True)
class Verdict:
    """What one detection said of one window. `missing` names columns it needs of which nothing is known."""

    detection: str
    missing: list[str]
    findings: list[Finding]

    @property
    def evaluable(self) -> bool:
        """Tell whether the detection could have found something."""
        return not self.missing


def evaluate(
    connection: duckdb.DuckDBPyConnection, detection: Detection, window: tuple[datetime, datetime]
) -> Verdict:
    """Return what a detection finds in the window that `world.build` made."""
    missing = _missing(connection, detection)
    if missing:
        return Verdict(detection.id, missing, [])
    parameters = {**detection.parameters, "from": window[0], "to": window[1]}
    if detection.find is not None:
        found = detection.find(connection, parameters)
    else:
        found = relation(connection, detection.sql, parameters)
    rows = found.limit(MOST).to_arrow_table().to_pylist()
    return Verdict(detection.id, [], list(_findings(connection, detection, rows)))


def _told(name: str) -> str:
    table, _, column = name.rpartition(".")
    return (
        f'FROM {table} WHERE "{column}" IS NOT NULL'
        if table
        else f'FROM events WHERE fresh AND "{name}" IS NOT NULL'
    )


def _missing(connection: duckdb.DuckDBPyConnection, detection: Detection) -> list[str]:
    """Return the required columns of which no fresh event, or no row of the table named, says anything."""
    if not detection.requires:
        return []
    first = ", ".join(f"EXISTS ({_told(name)})" for name in detection.requires)
    [known] = connection.sql(f"SELECT {first}").fetchall()
    return [name for name, is_known in zip(detection.requires, known, strict=True) if not is_known]


def _findings(
    connection: duckdb.DuckDBPyConnection, detection: Detection, rows: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    rolled = _rolled_out(connection, detection, rows) if detection.rollout else {}
    for what, group in rolled.items():
        yield _rollout(detection, what, group)
    for row in rows:
        if _what(detection, row) not in rolled:
            yield _finding(detection, row)


def _finding(detection: Detection, row: Mapping[str, Any]) -> Finding:
    return Finding(
        finding_id=finding_id(detection.id, str(row["key"])),
        detection=detection.id,
        title=detection.title,
        severity=detection.severity,
        confidence=float(row.get("confidence") or detection.confidence),
        p_value=row.get("p_value"),
        event_time=row["event_time"],
        evidence=list(dict.fromkeys(row["evidence"])),
        explanation=_explained(detection.explain, row),
        rollout=False,
        tags=list(detection.tags),
        **{name: row.get(name) for name in ENTITIES},
    )


_COUNTED = re.compile(r"\{(\w+)\} (\w{3,}?)(?:(?<=ss|sh|ch)es|s)\b")
"""A number and what it counts, as explanations write it: {calls} calls, {of} addresses."""


def finding_id(detection: str, key: str) -> str:
    """Return the stable key of a finding: 128 bits of SHA-256 over the detection and what it calls the thing."""
    return sha256(f"finding\0{detection}\0{key}".encode()).hexdigest()[:32]


def _explained(template: str, row: Mapping[str, Any]) -> str:
    """Return the sentence with a row's values; what there is one of takes no plural."""

    def one(match: re.Match[str]) -> str:
        return f"{{{match[1]}}} {match[2]}" if row.get(match[1]) == 1 else match[0]

    return _COUNTED.sub(one, template).format_map(_Shown(row))


class _Shown(dict[str, Any]):
    """Values as a sentence shows them: numbers short, what is not known as such."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if value is None:
            return "not known"
        if isinstance(value, float):
            return f"{value:.3g}"
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value


# --- roll-outs: many people begin the same new thing at once -------------------------------------------------------


def _what(detection: Detection, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in detection.rollout)


def _rolled_out(
    connection: duckdb.DuckDBPyConnection, detection: Detection, rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Return what at least five people, and a tenth of those active, began in the window."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_what(detection, row), []).append(row)
    [(active,)] = connection.sql("SELECT count(DISTINCT user_id) FROM events WHERE fresh").fetchall()
    least = max(_ROLLOUT_LEAST, _ROLLOUT_SHARE * active)
    return {w: g for w, g in groups.items() if len({r.get("user_id") for r in g}) >= least}


def _rollout(detection: Detection, what: tuple[Any, ...], rows: Sequence[Mapping[str, Any]]) -> Finding:
    people = len({row.get("user_id") for row in rows})
    first = min(rows, key=lambda row: (row["event_time"], row["key"]))
    day = f"{first['event_time']:%Y-%m-%d}"
    named = {n: first.get(n) if n in detection.rollout else None for n in ENTITIES}
    return Finding(
        finding_id=finding_id(detection.id, f"rollout\0{day}\0{what}"),
        detection=detection.id,
        title=f"Roll-out: {detection.title[0].lower()}{detection.title[1:]}",
        severity="info",
        confidence=detection.confidence,
        p_value=None,
        event_time=max(row["event_time"] for row in rows),
        evidence=[event for row in rows for event in row["evidence"]][:100],
        explanation=f"{people} people began the same on {day}: {' '.join(str(w) for w in what)}",
        rollout=True,
        tags=list(detection.tags),
        **named,
    )
