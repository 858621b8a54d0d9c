"""Scenarios that show in the records and not in the data: a probe of the protocol, a false witness, a wrong clock."""

from __future__ import annotations

from typing import Any

from ingest.simulator.stage import Person, Script, Stage

_PROBES = (
    ("depot.list_files", {"path": "../../etc/passwd"}, -32602),
    ("depot.read_file", {"path": ["a", "b"]}, -32602),
    ("depot.exec_shell", {"command": "id; uname -a"}, -32601),
    ("depot.run_sql", {"query": "' OR 1=1 --"}, -32601),
    ("depot.read_file", {"path": "%2e%2e%2fkeys"}, -32602),
    ("depot.list_files", {"path": "/", "depth": "many"}, -32602),
    ("depot.admin_reset", {"confirm": True}, -32601),
    ("depot.read_file", {"path": "/srv/notes.md"}, -32020),
)
"""What a fuzzer sends: tools that are not there, parameters of the wrong shape, headers that contradict the body."""


def protocol_probe(stage: Stage) -> Person:
    """Play a hand-made client that tries a server for tools and parameters that are not in its schema."""
    for turn, who in enumerate(stage.people[:14] * 4):
        tool = ("depot.list_files", "depot.read_file")[turn % 2]
        stage.call(turn * 30, who, tool, {"path": f"/srv/{stage.id('', 8)}"}, {"text": stage.id("text ", 12)})
    who = stage.people[15]
    for turn, (tool, arguments, code) in enumerate(_PROBES):
        stage.call(3600 + turn * 9, who, tool, arguments, None, "attempted", outcome="protocol_error",
                   jsonrpc_error_code=code, client_name="mcp-fuzz", client_version="0.1.0")  # fmt: skip
    return who


def refused_yet_done(stage: Stage) -> Person:
    """Play a server that carries out what the gateway refused, because it can also be reached past the gateway.

    That what agents tell and what traces show differ is measured in MCP Pitfall Lab (arXiv 2604.21477).
    """
    for turn, who in enumerate(stage.people[:14] * 2):
        _told_twice(stage, turn * 60, who, {"record": stage.id("rec_", 12)})
    who = stage.people[15]
    past = {
        "decision": "deny",
        "outcome": "denied",
        "event_class": "denial",
        "decision_reason": "policy: no deletions",
    }
    _told_twice(
        stage, 3600, who, {"record": stage.id("rec_", 12)}, "reached", tool="vault.delete_record", first=past
    )
    return who


def slow_clock(stage: Stage) -> Person:
    """Play a server whose clock is three quarters of a minute behind the gateway's."""
    for turn, who in enumerate(stage.people[:16] * 2):
        _told_twice(
            stage,
            turn * 45,
            who,
            {"sheet": stage.id("sh_", 12)},
            "reached",
            tool="ledger.read_sheet",
            late=-45.0,
        )
    return stage.people[0]


def _told_twice(
    stage: Stage, at: float, who: Person, arguments: dict[str, str], role: str = "", *, tool: str = "vault.read_record",
    first: dict[str, Any] | None = None, late: float = 0.04,
) -> None:  # fmt: skip
    """Record one call as the gateway and as the server tell of it; `late` is how much later the server's time is."""
    call, result = stage.id("call_"), {"value": stage.id("v", 12)}
    denied, server = first is not None, tool.partition(".")[0]
    stage.call(at, who, tool, arguments, None if denied else result, role, tool_call_id=call, **(first or {}))
    stage.call(at + late, who, tool, arguments, result, role, tool_call_id=call,
               source_system=f"{server}-server", vantage="server")  # fmt: skip


EVIDENCE = {
    "protocol_probe": Script(
        protocol_probe,
        ("D12",),
        "A hand-made client tried tools that do not exist and parameters of the wrong shape, one after another.",
    ),
    "refused_yet_done": Script(
        refused_yet_done,
        ("E3",),
        "A gateway refused a deletion that the server's own log shows carried out.",
    ),
    "slow_clock": Script(
        slow_clock,
        ("E5",),
        "The clock of a server was 45 seconds behind the gateway's, so its records stand before their cause.",
    ),
}
