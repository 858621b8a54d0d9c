"""Calls of one session as native records, and the ladder of it."""

from datetime import timedelta

from lakes import NOON, record, take_in

from analytics.ladder import ladder
from analytics.stitching import job

ID = "cus_4711471147"


def call(second, tool, server="crm", **fields):
    """Return a call that succeeded, some seconds after noon."""
    usual = {
        "event_time": (NOON + timedelta(seconds=second)).isoformat(), "native_event_id": f"c-{second}-{tool}",
        "tool_name": tool, "server_name": server, "client_name": "desk", "credential_id": "key-1",
        "credential_kind": "static_key", "user_assurance": "verified", "decision": "allow", "outcome": "success",
        "arguments": {}, "result": {},
    }  # fmt: skip
    return record(second, **{**usual, **fields})


def denied(second, tool, server="crm", **fields):
    """Return a call that was refused."""
    refused = {"event_class": "denial", "decision": "deny", "outcome": "denied", "result": None,
               "decision_basis": "explicit"}  # fmt: skip
    return call(second, tool, server, **{**refused, **fields})


def told(lake, *records, session="session-1"):
    """Take records in, stitch them, and return the ladder of their session."""
    take_in(lake, records)
    job.update(lake)
    return ladder(lake, session)
