"""What is exported as OCSF can be taken in again, and is the same call."""

from __future__ import annotations

import json

from lakes import ask, record, take_in

from analytics.selection import Selection, chosen
from reports.export import ocsf
from store.lake import Lake

KEPT = "tool_name, mcp_method, server_name, user_id, user_email, client_name, decision, outcome, http_status, args_hmac"


def test_an_exported_call_is_read_back(lake: Lake) -> None:
    """Who called what where, with which arguments, and what came of it, survives the way out and in."""
    said = {
        "user_email": "ana@acme.example",
        "client_name": "claude-code",
        "mcp_method": "tools/call",
        "http_status": 403,
    }
    take_in(lake, [record(1, **said, decision="deny", decision_basis="explicit", outcome="denied")])
    out = [
        json.dumps(made).encode() for batch in chosen(lake, Selection(), 1) for made in ocsf.records(batch)
    ]
    take_in(lake, out, 1)
    first, second = ask(lake, f"SELECT {KEPT} FROM events ORDER BY source_offset")  # noqa: S608 - our own names
    assert first == second
    assert None not in first
