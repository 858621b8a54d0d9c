"""The MCP servers of the fleet: which gateway each sits behind, and its tools."""

from __future__ import annotations

from ingest.simulator.steps import Step, to_json
from ingest.simulator.tools_business import BUSINESS
from ingest.simulator.tools_engineering import ENGINEERING

HOMES = {
    "crm": "native",
    "billing": "native",
    "email": "native",
    "files": "native",
    "github": "toolhive",
    "jira": "toolhive",
    "ci": "toolhive",
    "postgres": "agentgateway",
    "web": "agentgateway",
    "warehouse": "agentgateway",
    "slack": "obot",
    "drive": "obot",
    "calendar": "obot",
}
"""Each server's gateway when all are simulated; with fewer, the servers are dealt out to those there are."""

STEPS: dict[str, Step] = {**BUSINESS, **ENGINEERING}


def opening(server: str) -> tuple[Step, Step, Step]:
    """Return the steps that open a server: initialize (older era), discover (newer era), tools/list."""
    tools = sorted({s.name for s in STEPS.values() if s.server == server and s.is_call})
    info = {
        "serverInfo": {"name": server, "version": "1.8.2"},
        "capabilities": {"tools": {"listChanged": True}},
    }
    listing = {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in tools]}
    return (
        Step(server, "initialize", kind="session_open", result=to_json({"protocolVersion": "2025-11-25",
        **info}),
             arguments='{"protocolVersion":"<protocol>","clientInfo":<client_info>,"capabilities":{}}',
             deny=0.0, fail=0.003),
        Step(server, "server/discover", kind="discover", result=to_json(info), deny=0.0, fail=0.003),
        Step(server, "tools/list", kind="tool_list", result=to_json(listing), deny=0.0, fail=0.003),
    )  # fmt: skip
