"""What is exported as OCSF is OCSF: checked against the schema's own list of attributes, requirements and enums."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest
from lakes import NOON, rows_of

from analytics.selection import Selection, chosen
from ingest.files import find_files, ingest_files
from ingest.loop import IngestOptions, Pipeline
from reports.export import ocsf
from store.lake import Lake

SCHEMA = json.loads(Path(__file__).with_name(f"ocsf-{ocsf.VERSION}.json").read_text())
SAMPLES = Path(__file__).parents[3] / "sample_data"
PRIMITIVE = {
    "integer_t": int,
    "long_t": int,
    "timestamp_t": int,
    "string_t": str,
    "boolean_t": bool,
    "float_t": float,
}


def faults(made: dict[str, Any], spec: dict[str, Any], path: str = "") -> list[str]:
    """Return what a record does that the schema does not allow."""
    known = spec["attributes"]
    found = [
        f"{path}{name}: required"
        for name, fact in known.items()
        if fact["requirement"] == "required" and name not in made
    ]
    if (one := spec.get("at_least_one")) and not set(one) & set(made):
        found.append(f"{path}: needs one of {one}")
    for name, value in made.items():
        if name not in known:
            found.append(f"{path}{name}: no such attribute")
            continue
        found += value_faults(value, known[name], f"{path}{name}")
    return found


def value_faults(value: Any, fact: dict[str, Any], path: str) -> list[str]:
    """Return what is wrong with the value of one attribute."""
    if fact.get("array"):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [fault for item in value for fault in value_faults(item, {**fact, "array": False}, path)]
    if value is None:
        return [f"{path}: null"]
    if "enum" in fact and str(value) not in fact["enum"]:
        return [f"{path}: {value} is not in the enum"]
    if fact["type"] in SCHEMA["objects"] and fact["type"] != "object":
        return (
            faults(value, SCHEMA["objects"][fact["type"]], f"{path}.")
            if isinstance(value, dict)
            else [f"{path}: no object"]
        )
    if not fact["type"].endswith("_t"):
        return (
            [] if fact["type"] == "object" else [f"{path}: {fact['type']} is not among the objects checked"]
        )
    wanted = PRIMITIVE.get(fact["type"], object if fact["type"] == "json_t" else str)
    return [] if type(value) is wanted or wanted is object else [f"{path}: not {fact['type']}"]


def one(**event: Any) -> dict[str, Any]:
    """Return one event as OCSF."""
    (made,) = ocsf.records(rows_of(event).to_batches()[0])
    return made


def test_the_list_of_the_schema_says_where_it_is_from() -> None:
    """What is checked against is the version that the records claim, with its source."""
    assert SCHEMA["version"] == ocsf.VERSION == one()["metadata"]["version"]
    assert len(SCHEMA["commit"]) == 40
    assert (SCHEMA["class"]["uid"], SCHEMA["class"]["category_uid"]) == (ocsf.CLASS, ocsf.CATEGORY)


def test_the_check_finds_faults() -> None:
    """A check that finds nothing wrong in a wrong record would prove nothing."""
    made = one()
    del made["time"]
    made |= {"severity_id": 77, "colour": "red", "api": {"request": {}}, "actor": {}, "action_id": "1"}
    found = "\n".join(faults(made, SCHEMA["class"]))
    for part in ("time: required", "severity_id: 77", "colour: no such", "api.operation: required",
                 "api.request.uid: required", "actor.: needs one of"):  # fmt: skip
        assert part in found


def test_every_sample_of_every_format_is_valid(lake: Lake) -> None:
    """All that the adapters make of the sample data obeys the schema."""
    pipeline = Pipeline(lake, IngestOptions())
    ingest_files(
        lake,
        pipeline,
        find_files([str(f) for f in SAMPLES.iterdir() if f.is_dir()]),
        1 << 20,
        lambda _: None,
        Event(),
    )
    version = lake.snapshot("events").version
    made = [r for batch in chosen(lake, Selection(), version, whole=False) for r in ocsf.records(batch)]
    assert len(made) > 1000
    assert sorted({fault for record in made for fault in faults(record, SCHEMA["class"])}) == []
    assert all(msgspec.json.decode(msgspec.json.encode(record)) == record for record in made[:50])


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"decision": "allow"}, {"action_id": 1, "disposition_id": 1, "status_id": 1}),
        ({"decision": "deny", "outcome": "denied", "event_class": "denial"},
         {"action_id": 2, "disposition_id": 2, "status_id": 2, "severity_id": 2}),
        ({"decision": "deny", "decision_source": "authn", "outcome": "denied"}, {"action_id": 2, "disposition_id": 26}),
        ({"decision": "observe"}, {"action_id": 3, "disposition_id": 17}),
        ({"decision": "modify"}, {"action_id": 4, "disposition_id": 11}),
        ({"decision": "unknown", "outcome": "unknown"}, {"action_id": 0, "disposition_id": 0, "status_id": 0}),
        ({"operation_class": "read"}, {"activity_id": 2, "type_uid": 600302}),
        ({"operation_class": "write"}, {"activity_id": 3, "type_uid": 600303}),
        ({"operation_class": "destructive"}, {"activity_id": 4, "type_uid": 600304}),
        ({"event_kind": "tool_list"}, {"activity_id": 2}),
        ({"mcp_method": "tools/call"}, {"activity_id": 99, "activity_name": "tools/call"}),
        ({"outcome": "input_required"}, {"status_id": 99, "status": "input_required"}),
        ({"event_time": NOON}, {"time": int(NOON.timestamp() * 1000)}),
    ],
)  # fmt: skip
def test_verdicts_have_their_numbers(event: dict[str, Any], expected: dict[str, Any]) -> None:
    """Decisions, operations and outcomes become the numbers that a SIEM filters by."""
    made = one(**event)
    assert {name: made[name] for name in expected} == expected
    assert faults(made, SCHEMA["class"]) == []


def test_who_did_what_where() -> None:
    """Identities, target and correlation stand in the attributes that readers look for."""
    made = one(
        user_id="auth0|1", user_email="a@b.c", user_issuer="https://idp", user_groups=["dev"],
        credential_id="jti-1", session_key="s", client_name="claude-code", client_oauth_id="https://c",
        client_address="10.0.0.7", server_name="github", tool_name="delete_repo", jsonrpc_id="7",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7", policy_id="p-1", decision="deny",
        decision_reason="not granted", model_name="m", native_event_id="n-1", http_status=403,
    )  # fmt: skip
    assert made["actor"]["user"] == {"uid": "auth0|1", "email_addr": "a@b.c", "groups": [{"name": "dev"}]}
    assert made["actor"]["session"] == {"uid": "s", "issuer": "https://idp", "credential_uid": "jti-1"}
    assert (made["actor"]["app_name"], made["actor"]["app_uid"]) == ("claude-code", "https://c")
    assert (made["api"]["operation"], made["api"]["service"]["name"], made["api"]["request"]["uid"]) == (
        "delete_repo",
        "github",
        "7",
    )
    assert (made["src_endpoint"], made["policy"], made["status_detail"]) == (
        {"ip": "10.0.0.7"},
        {"uid": "p-1"},
        "not granted",
    )
    assert (made["trace"]["uid"], made["trace"]["span"]["uid"]) == (
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
    )
    assert made["metadata"]["original_event_uid"] == "n-1"
    assert made["unmapped"]["jsonrpc_id"] == "7"
    assert faults(made, SCHEMA["class"]) == []


def test_nobody_is_invented() -> None:
    """An event without person, session and client names none: who wrote it stands for the required actor."""
    made = one(source_system="gate")
    assert (made["actor"], made["src_endpoint"]) == ({"invoked_by": "gate"}, {"svc_name": "gate"})
