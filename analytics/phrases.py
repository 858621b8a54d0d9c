"""Parts of sentences about one call: what it was, on what, why it was refused, how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analytics.wording import named

if TYPE_CHECKING:
    from analytics.steps import Step, WayAround


def called(step: Step) -> str:
    """Name a tool and its server."""
    server = step.row["server_name"]
    return named(step.row["attempted"]) + (f" on {named(server)}" if server else "")


def with_arguments(row: Mapping[str, Any]) -> str:
    """Say on what: the resource, or the arguments."""
    if row["resource_uri"]:
        return f" ({named(row['resource_uri'])})"
    return f" with {named(flat(row['arguments']))}" if row["arguments"] not in (None, "{}") else ""


def flat(arguments: str, separator: str = ", ") -> str:
    """Return arguments as name=value, which reads better than JSON."""
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(values, dict):
        return arguments
    return separator.join(
        f"{k}={v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in values.items()
    )


def reason(row: Mapping[str, Any]) -> str:
    """Say by whom, why and under which policy a call was refused."""
    by = (
        f" by the {row['decision_source'].replace('_', ' ')}"
        if row["decision_source"] not in (None, "unknown")
        else ""
    )
    said = row["decision_reason"] or row["error_message"]
    policy = f" (policy {named(row['policy_id'])})" if row["policy_id"] else ""
    weak = ", as far as an error text tells" if row["decision_basis"] == "weak" else ""
    return f"{by}{f': {named(said)}' if said else ', no reason given'}{policy}{weak}"


def ended(row: Mapping[str, Any]) -> str:
    """Say how a call ended."""
    return {
        "success": " and got an answer", "unknown": "; how it ended is not said",
        "input_required": " and was asked for more", "tool_error": " and the tool reported an error",
        "timeout": " and it timed out", "cancelled": " and it was cancelled",
    }.get(row["outcome"], " and it failed")  # fmt: skip


def likeness(way: WayAround) -> str:
    """Say what a call has in common with the refusal it got around."""
    return {"shared value": "shares a value with it", "same arguments": "has the same arguments"}.get(
        way.link, f"is for the {way.link}"
    )
