"""Spans and logs by OpenTelemetry's GenAI and MCP conventions, of any product that has no format of its own here.

The conventions are young, and products write older names: `mcp.tool.name`, `tool.name` and `tool_name` are read as
`gen_ai.tool.name`, `mcp.request.id` as `jsonrpc.request.id`, `mcp.method` and (with `rpc.system=mcp`) `rpc.method` as
`mcp.method.name`, `mcp.session_id` as `mcp.session.id`, `http.status_code` as `http.response.status_code`,
`enduser.id` as `user.id`.

What the conventions have no name for, a span cannot tell: which OAuth client and credential called, and whether a
policy allowed it. A decision is read only from `gen_ai.agent.tool.disposition` (allow, simulate, deny) where a
product sets it, and from HTTP 401 and 403, as a denial with strong basis. `error.type` is `tool_error` where the tool
failed, the JSON-RPC code where the protocol did, and else an exception's name: then the kind of error is inferred
(warning `error_kind_inferred`). A span without an error is a success, for the conventions ask that errors be set; a
log record proves nothing. MCP 2026-07-28 has no session, and spans of it none. The arguments and results are there
where the product lets them be captured. `source_system` is the resource's `service.name`, and of a server's span
also the server's name where no other is given; a user is `self_reported`.

To switch it on: send logs and traces with OTEL_EXPORTER_OTLP_ENDPOINT to a collector whose file exporter writes JSON;
arguments need OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true with most instrumentations.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.genai import attributes_of, columns, leftover
from ingest.otlp import Telemetry, read_all
from ingest.parsed import Parsed

SUMMARY = "any other product's OpenTelemetry spans and logs (GenAI and MCP conventions)"
OTLP_NAMES = ("",)


def parse(records: Sequence[bytes]) -> Parsed:
    """Read export requests and flattened records; one record may make many rows."""
    return read_all(records, read)


def read(items: Sequence[Telemetry]) -> Parsed:
    """Read spans and log records, one row each."""
    at = attributes_of(items)
    found = columns(items, at)
    told = [m is not None for m in found["mcp_method"]]
    leftover(items, at, found, told)
    return Parsed(found, rows=len(items))
