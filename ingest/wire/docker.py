"""Docker's policy AuditEvent as it is on the wire; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT

Raw = msgspec.Raw


class Event(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One decision of the policy."""

    trigger: str
    target_type: str
    result: str
    server_name: str | None = None
    timestamp: str | None = None
    tool_name: str | None = None
    prompt_name: str | None = None
    transport: str | None = None
    outcome_reason: str | None = None
    reason: str | None = None
    policy_id: str | None = None
    policy_version: str | None = None
    client_name: str | None = None
    client_version: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    actor_type: str | None = None
    actor_id: str | None = None
    actor_name: str | None = None
    org_id: str | None = None
    org_name: Raw = ABSENT
    catalog_name: Raw = ABSENT
    working_set: Raw = ABSENT
    server_type: Raw = ABSENT
    server_source: Raw = ABSENT
    policy_source: Raw = ABSENT


APART = ("org_name", "catalog_name", "working_set", "server_type", "server_source", "policy_source")
"""Fields without a column."""
