"""AgentCore's spans: OpenTelemetry's conventions, AWS's own attributes, and a policy engine's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ingest.fields import merge
from ingest.genai import attributes_of, leftover
from ingest.genai import columns as conventional
from ingest.otlp import Telemetry
from ingest.parsed import Parsed
from ingest.wire.agentcore_logs import split_target

_AUTH_ERROR = -32001
_POLICY = "aws.agentcore.policy."
_DECISIONS = {"ALLOW": "allow", "DENY": "deny"}


def read(items: Sequence[Telemetry]) -> Parsed:
    """Read spans, one row each."""
    at = attributes_of(items)
    found = conventional(items, at)
    said, engine = (
        at.texts(_POLICY + "authorization_decision"),
        at.first(_POLICY + "mode", _POLICY + "enforcement_mode"),
    )
    at.keep_unless(_POLICY + "authorization_decision", said, _DECISIONS)
    latencies, policies = at.numbers("latency_ms"), at.lists(_POLICY + "determining_policies")
    errors, tools = at.first("error_type"), found["tool_name"]
    split = [split_target(t) for t in tools]
    calls = [t is not None and item.kind in ("server", None) for t, item in zip(tools, items, strict=True)]
    decided = [_decided(d, e) for d, e in zip(said, engine, strict=True)]
    found |= {
        "event_kind": ["tool_call" if c else "tool_decision" if d else "other" for c, d in
                       zip(calls, decided, strict=True)],
        "mcp_method": [m or ("tools/call" if c else None) for m, c in zip(found["mcp_method"], calls, strict=True)],
        "server_name": [server for server, _ in split],
        "tool_name": [tool for _, tool in split],
        "gateway_name": at.first("gateway.name", "gateway.id"),
        "http_request_id": at.first("aws.request.id"),
        "source_instance": at.first("aws.resource.arn"),
        "org_id": at.first("aws.account.id"),
        "duration_ms": [v if v is not None else d for v, d in zip(latencies, found["duration_ms"], strict=True)],
        "policy_id": [p[0] if p else None for p in policies],
        "error_message": [m or e for m, e in zip(found["error_message"], errors, strict=True)],
        "decision": [d or was for d, was in zip(decided, found["decision"], strict=True)],
        "decision_source": ["policy_engine" if d else was for d, was in
                            zip(decided, found["decision_source"], strict=True)],
        "decision_basis": ["explicit" if d else was for d, was in zip(decided, found["decision_basis"], strict=True)],
        "outcome": ["denied" if d == "deny" else "unknown" if d and not c else was for d, c, was in
                    zip(decided, calls, found["outcome"], strict=True)],
        "vantage": ["policy_engine" if d and not c else "gateway" for d, c in zip(decided, calls, strict=True)],
    }  # fmt: skip
    _refused(found)
    leftover(items, at, found, calls)
    for row, names in enumerate(policies):
        if names and len(names) > 1:
            left = msgspec.json.encode({"/policies": names})
            found["unmapped"][row] = merge(found["unmapped"][row], left)
    found["source_system"] = ["agentcore"] * len(items)
    return Parsed(found, rows=len(items))


def _refused(found: dict[str, Any]) -> None:
    """Read -32001, which is AgentCore's own code, as the denial it is."""
    denial = {"decision": "deny", "decision_source": "authn", "decision_basis": "strong", "outcome": "denied"}
    columns = {name: list(found[name]) for name in denial}
    for row, code in enumerate(found["jsonrpc_error_code"]):
        if code == _AUTH_ERROR and columns["decision"][row] == "unknown":
            for name, value in denial.items():
                columns[name][row] = value
    found |= columns


@lru_cache(maxsize=64)
def _decided(said: str | None, engine: str | None) -> str | None:
    decision = _DECISIONS.get(said or "")
    return "observe" if decision == "deny" and engine == "LOG_ONLY" else decision
