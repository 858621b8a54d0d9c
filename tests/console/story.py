"""A small story as native records: a denial got around, a secret, hostile text, and a line of no format."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]

SESSION = "raw-session-1"
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789AB"
HOSTILE = "README.md \x1b[31m\u202e\x9b2J"


def event(second: int, **fields: object) -> bytes:
    """Return a native record at a second of one minute."""
    common = {
        "event_time": f"2026-11-20T09:00:{second:02d}Z", "event_kind": "tool_call",
        "event_class": "tool_call",
        "source_system": "demo", "evidence_kind": "audit_event", "vantage": "gateway", "session_id": SESSION,
        "user_id": "alice@example.com", "user_assurance": "verified", "client_name": "claude-code",
        "credential_id": "key-7", "credential_kind": "static_key", "server_name": "github",
        "decision": "allow",
        "outcome": "success", "duration_ms": 32.5,
    }  # fmt: skip
    return json.dumps({**common, **fields}).encode()


STORY = [
    event(0, event_kind="session_open", event_class="client_event", decision="unknown"),
    event(1, tool_name="get_file", arguments={"repo": "acme/app-data", "path": HOSTILE}),
    event(4, tool_name="get_file", event_class="denial", decision="deny", outcome="denied",
          decision_source="policy_engine", decision_basis="explicit", decision_reason="needs approval",
          policy_id="p-12", arguments={"repo": "acme/app-data", "path": "config/production.yaml"}),
    event(9, tool_name="run", server_name="shell", arguments={"cmd": "cat config/production.yaml"}),
    event(12, tool_name="send", server_name="mail", outcome="tool_error", error_message="mailbox full\nsorry",
          arguments={"to": "=bob@example.com", "token": SECRET}),
    event(20, session_id="another", user_id="=cmd|' /C calc'!A0", tool_name="list"),
    b"no record of any format",
]  # fmt: skip
