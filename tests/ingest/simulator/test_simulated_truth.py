"""The answer sheet is precise: what it names is in the files, and the data really flowed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from fleet_logs import Logs, client_records

KINDS = ("denied_then_reached", "stolen_key", "revoked_key_used", "cross_user_leak", "hijacked_session")
_IDS = {"native": "native_event_id", "toolhive": "audit_id", "agentgateway": "span.id", "obot": "id"}


@pytest.fixture(scope="session")
def by_id(logs: Logs) -> dict[tuple[str, str], dict[str, Any]]:
    """Every record by format and native id."""
    found = {(name, str(r[field])): r for name, field in _IDS.items() for r in logs.records(name)}
    for record in client_records(logs):
        found["claude_code", f"{record['session.id']}/{record['event.sequence']}"] = record
    return found


def with_role(incident: dict[str, Any], role: str) -> dict[str, Any]:
    """Return an incident's last gateway record with a role."""
    records = [r for r in incident["records"] if r["role"] == role and r["format"] != "claude_code"]
    return records[-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_incident_is_planted(logs: Logs, kind: str) -> None:
    """Every kind occurs, with a time, a user, a client, a sentence and records."""
    incidents = logs.incidents(kind)
    assert incidents
    for incident in incidents:
        assert incident["when"]
        assert "@" in incident["user"]
        assert incident["client"]
        assert incident["what"].endswith(".")
        assert incident["records"]


def test_every_record_named_is_in_the_files(logs: Logs, by_id: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Ids and digests of the answer sheet are those of records in the files."""
    digests = {hashlib.sha256(line).hexdigest() for name in _IDS for line in logs.lines(name)}
    for incident in logs.truth["incidents"]:
        for record in incident["records"]:
            assert (record["format"], record["id"]) in by_id
            if record["format"] != "claude_code":
                assert record["raw_sha256"] in digests


def test_denied_then_reached(logs: Logs, by_id: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The denied and the reaching call are by the same user on different tools and name the same record."""
    for incident in logs.incidents("denied_then_reached"):
        denied, reached = (with_role(incident, role) for role in ("denied", "reached"))
        assert (denied["server"], denied["tool"]) != (reached["server"], reached["tool"])
        assert denied["time"] < with_role(incident, "sidestepped")["time"] < reached["time"]
        asked = json.dumps(by_id[denied["format"], denied["id"]])
        got = json.dumps(by_id[reached["format"], reached["id"]])
        assert all(value in asked and value in got for value in incident["values"])


def test_stolen_key(logs: Logs, by_id: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The key is its owner's ordinary key elsewhere, and its address and client are new."""
    for incident in logs.incidents("stolen_key"):
        theirs = {record["id"] for record in incident["records"]}
        uses = [r for r in logs.records("native") if r["credential_id"] == incident["credential"]]
        stolen = [r for r in uses if r["native_event_id"] in theirs]
        ordinary = [r for r in uses if r["native_event_id"] not in theirs]
        assert ordinary
        assert {incident["address"]} == {r["client_address"] for r in stolen}
        assert incident["address"] not in {r["client_address"] for r in ordinary}
        assert not {r["client_name"] for r in stolen} & {r["client_name"] for r in ordinary}


def test_revoked_key_used(logs: Logs, by_id: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The key was used before, then revoked on record, then used again with success."""
    for incident in logs.incidents("revoked_key_used"):
        uses = [r for r in logs.records("native") if r["credential_id"] == incident["credential"]]
        revoked = [r for r in uses if r["event_kind"] == "entity_change"]
        assert [incident["revoked_at"]] == [r["event_time"] for r in revoked]
        assert any(r["event_time"] < incident["revoked_at"] for r in uses)
        used = [r for r in incident["records"] if r["role"] == "reached"]
        assert all(r["time"] > incident["revoked_at"] for r in used)
        assert all(
            by_id[r["format"], r["id"]]["outcome"] == "success" for r in used if r["format"] == "native"
        )


def test_cross_user_leak(logs: Logs, by_id: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The leaked values stand in the victim's result and in the other user's, who did not ask for them."""
    for incident in logs.incidents("cross_user_leak"):
        read, reached = (by_id["native", with_role(incident, role)["id"]] for role in ("read", "reached"))
        assert incident["victim"] == read["user_email"] != reached["user_email"] == incident["user"]
        assert len(incident["values"]) == 4
        for value in incident["values"]:
            assert value in json.dumps(read["result"])
            assert value in json.dumps(reached["result"])
            assert value not in json.dumps(reached["arguments"])


def test_hijacked_session(logs: Logs, by_id: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Instructions were read, then private values, and those values left in the arguments of another tool."""
    for incident in logs.incidents("hijacked_session"):
        read, reached, sent = (with_role(incident, role) for role in ("read", "reached", "exfiltrated"))
        assert read["time"] < reached["time"] < sent["time"]
        for value in incident["values"]:
            assert value in json.dumps(by_id[reached["format"], reached["id"]])
            assert value in json.dumps(by_id[sent["format"], sent["id"]])
            assert value not in json.dumps(by_id[read["format"], read["id"]])
