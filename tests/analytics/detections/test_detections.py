"""Every detection proves both sides: what fires it, what must not, what it cannot say, and its known trap."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from analytics import engine
from analytics.detecting import world
from analytics.detecting.catalog import load
from analytics.detecting.evaluate import Verdict, evaluate
from store.events import arrow_schema
from store.tables import TABLES
from store.tables.history import ACTIVITY

HERE = Path(__file__).parent
DETECTIONS = load()
DAY = datetime(2026, 10, 14, tzinfo=UTC)
WINDOW = (DAY, DAY + timedelta(days=1) - timedelta(microseconds=1))
SIDES = ("fires", "quiet", "not_evaluable", "trap")
SCHEMA = pa.schema([*(arrow_schema().field(name) for name in world.COLUMNS), ("session", pa.string())])
SESSIONS = pa.schema([field.with_nullable(True) for field in TABLES["session_states"].stored])
TIMES = ("issued_at", "expires_at", "recorded_time")
VALUES = set(re.findall(r"(?:TABLE|VIEW) (\w+)", world.text("owners.sql")))


@cache
def told(name: str) -> dict[str, Any]:
    """Return the cases of a detection, by side."""
    file = HERE / f"{name}.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


@cache
def database(values: bool) -> duckdb.DuckDBPyConnection:
    """Return the DuckDB that worlds with or without `values` are made in: each replaces all of the one before."""
    return engine.connect({"threads": 1})


def cases(side: str) -> list[Any]:
    """Return the cases of one side, named for the detection and the rule."""
    found = []
    for name in DETECTIONS:
        found += [pytest.param(name, case, id=f"{name}: {case['rule']}") for case in told(name).get(side, [])]
    return found


def when(seconds: float) -> datetime:
    """Return a time, in seconds after noon of the day."""
    return DAY + timedelta(hours=12, seconds=seconds)


def event(number: int, given: dict[str, Any]) -> dict[str, Any]:
    """Return a canonical event; `id`, `at`, `denied` and `repeat` are short for what they say."""
    denied = given.get("denied", False)
    usual = {
        "event_id": given["id"], "event_time": when(given["at"] + number * 1e-6), "source_system": "test",
        "source_format": "native", "evidence_kind": "audit_event", "vantage": "gateway", "event_kind": "tool_call",
        "event_class": "denial" if denied else "tool_call", "decision": "deny" if denied else "allow",
        "outcome": "denied" if denied else "success", "session": "s1", "args_state": "absent", "result_state": "absent",
    }  # fmt: skip
    fields = {k: v for k, v in given.items() if k not in {"id", "at", "denied", "repeat", "every"}}
    fields |= {k: when(v) for k, v in fields.items() if k in TIMES}
    return usual | fields


def spread(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events with those that repeat written out: `repeat` times, `every` so many seconds, {n} filled."""
    events = []
    for one in given:
        for n in range(one.get("repeat", 1)):
            filled = {k: v.replace("{n}", str(n)) if isinstance(v, str) else v for k, v in one.items()}
            filled["id"] = (
                filled["id"] if one.get("repeat", 1) == 1 or "{n}" in one["id"] else f"{filled['id']}-{n}"
            )
            events.append(filled | {"at": one["at"] + n * one.get("every", 1)})
    return events


def asked_of(sql: str) -> set[str]:
    """Return the tables that SQL reads beside those it names itself."""
    return set(re.findall(r"(?:FROM|JOIN) (\w+)", sql)) - set(re.findall(r"(\w+) AS [A-Z ]*\(", sql))


def verdict(name: str, case: dict[str, Any]) -> Verdict:
    """Evaluate a detection on a case. Events before the day are history; those within its lookback are seen whole."""
    detection = DETECTIONS[name]
    events = [event(n, e) for n, e in enumerate(spread(case["events"]))]
    history = [e for e in events if e["event_time"] < DAY]
    near = DAY - timedelta(hours=detection.lookback_hours)
    values = bool(VALUES & asked_of(detection.sql))
    connection = database(values)
    connection.register("given_activity", hours(history))
    connection.register(
        "given_events", pa.Table.from_pylist([e for e in events if e["event_time"] >= near], SCHEMA)
    )
    connection.register("given_sessions", pa.Table.from_pylist(case.get("sessions", []), SESSIONS))
    build = world.build if values else world.without_values
    build(connection, "given_events", "given_activity", WINDOW, sessions="given_sessions")
    return evaluate(connection, detection, WINDOW)


def hours(events: list[dict[str, Any]]) -> pa.Table:
    """Return the hours of past events as the job keeps them."""
    kept = ACTIVITY.schema.remove(ACTIVITY.schema.get_field_index("activity_date"))
    kept = kept.remove(kept.get_field_index("revision"))
    if not events:
        return kept.empty_table()
    connection = database(False)
    connection.register("given", pa.Table.from_pylist(events, SCHEMA))
    connection.register("none", kept.empty_table())
    world.count_hours(connection, "given", "none", (DAY - timedelta(days=4000), DAY))
    return connection.sql("FROM fresh_activity").to_arrow_table().select(kept.names).cast(kept)


@pytest.mark.parametrize("name", DETECTIONS)
def test_every_detection_has_every_side(name):
    """A detection without a firing, a quiet, a not evaluable case and its false positive's trap is not done."""
    needed = [side for side in SIDES if side != "not_evaluable" or DETECTIONS[name].requires]
    assert [side for side in needed if not told(name).get(side)] == []
    assert set(told(name)) <= set(SIDES)


@pytest.mark.parametrize(("name", "case"), cases("fires"))
def test_it_fires_on_the_evidence(name, case):
    """What must be found is found, with exactly the events that show it, and a sentence that is whole."""
    found = verdict(name, case)
    assert found.missing == []
    assert sorted(f.evidence for f in found.findings) == sorted(case["evidence"])
    assert all("not known" not in f.explanation for f in found.findings)
    assert len({f.finding_id for f in found.findings}) == len(found.findings)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), cases("fires"))
def test_it_would_not_fire_without(name, case):
    """Evidence is the least there is: without any one of its events that finding is not made."""
    for finding in verdict(name, case).findings:
        for left_out in finding.evidence:
            events = [e for e in spread(case["events"]) if e["id"] != left_out]
            fewer = verdict(name, case | {"events": [e | {"repeat": 1} for e in events]})
            assert finding.evidence not in [f.evidence for f in fewer.findings]


@pytest.mark.parametrize(("name", "case"), [*cases("quiet"), *cases("trap")])
def test_it_is_quiet(name, case):
    """Near misses and the false positives named in the header are not found."""
    found = verdict(name, case)
    assert found.missing == []
    assert [f.explanation for f in found.findings if not f.rollout] == []


@pytest.mark.parametrize(("name", "case"), cases("not_evaluable"))
def test_it_says_when_it_cannot_say(name, case):
    """Where the columns it needs are null the answer is not evaluable, and which are missing."""
    found = verdict(name, case)
    assert (found.missing, found.findings) == (case["missing"], [])
