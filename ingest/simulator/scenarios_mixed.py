"""Scenarios in which an answer, a session or a tenant reaches the wrong person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.simulator.stage import Person, Script, Stage

Asked = tuple[Person, str, dict[str, str], dict[str, Any]]
"""Who called what, with what arguments, and the answer that is due."""


def asana_tenant_scope(stage: Stage) -> Person:
    """Play Asana's MCP server, May to June 2025, about a thousand customers."""
    orgs = [(f"org-{name}", stage.id("12", 14)) for name in ("north", "south")]
    tasks = [[_task(stage, space) for _ in range(6)] for _, space in orgs]
    for turn, who in enumerate(stage.people[:16]):
        side = turn % 2
        for again in range(3):
            mine = [tasks[side][(turn + again) % 6], tasks[side][(turn + again + 1) % 6]]
            stage.call(turn * 60 + again * 9, who, "asana.list_tasks", {"workspace_gid": orgs[side][1]},
                       {"data": mine}, org_id=orgs[side][0])  # fmt: skip
    theirs = [_task(stage, orgs[0][1]) for _ in range(2)]
    stage.call(3600, stage.people[0], "asana.list_tasks", {"workspace_gid": orgs[0][1]}, {"data": theirs},
               "read", org_id=orgs[0][0])  # fmt: skip
    stage.call(3900, stage.people[1], "asana.list_tasks", {"workspace_gid": orgs[1][1]},
               {"data": [tasks[1][0], *theirs]}, "reached", org_id=orgs[1][0])  # fmt: skip
    return stage.people[1]


def redis_off_by_one(stage: Stage) -> Person:
    """Play ChatGPT with redis-py, 20 March 2023."""
    asked = _two_tools(stage, stage.people[:10])
    late = [asked(who, turn % 2) for turn, who in enumerate(stage.people[10:16])]
    who, tool, arguments, _ = late[0]
    stage.call(3600, who, tool, arguments, None, "attempted", outcome="cancelled", jsonrpc_id="40")
    for turn, (who, tool, arguments, _) in enumerate(late[1:], 1):
        stage.call(3600 + turn * 0.8, who, tool, arguments, late[turn - 1][3], "reached",
                   jsonrpc_id=str(40 + turn))  # fmt: skip
    return late[1][0]


def rpc_id_collision(stage: Stage) -> Person:
    """Play TypeScript SDK, CVE-2026-25536 (GHSA-345p-7cg4-v4c7)."""
    asked = _two_tools(stage, stage.people[:10])
    one, other = asked(stage.people[11], 0), asked(stage.people[12], 1)
    for turn, ((who, tool, arguments, _), result) in enumerate(((one, other[3]), (other, one[3]))):
        stage.call(
            3600 + turn * 0.05, who, tool, arguments, result, "reached", jsonrpc_id="7", duration_ms=400.0
        )
    return one[0]


def bare_request_id(stage: Stage) -> Person:
    """Play Python SDK, issues 3060 and 3137."""
    asked = _two_tools(stage, stage.people[:10])
    one, other = asked(stage.people[11], 0), asked(stage.people[12], 1)
    sessions = {"one": stage.id("sess-"), "other": stage.id("sess-")}
    stage.call(3600, one[0], one[1], one[2], other[3], "reached", jsonrpc_id="3", session_id=sessions["one"],
               duration_ms=500.0)  # fmt: skip
    stage.call(3600.1, other[0], other[1], other[2], None, "attempted", jsonrpc_id="3", outcome="unknown",
               session_id=sessions["other"], duration_ms=None)  # fmt: skip
    return one[0]


def pooled_session(stage: Stage) -> Person:
    """Play Claude.ai and Claude Code, issues claude-ai-mcp 539 and claude-code 39396."""
    asked = _two_tools(stage, stage.people[:10])
    pool = stage.id("sess-")
    late = [asked(who, turn % 2) for turn, who in enumerate(stage.people[10:14])]
    for turn, (who, tool, arguments, result) in enumerate(late):
        stage.call(
            3600 + turn * 5, who, tool, arguments, result, "attempted", jsonrpc_id="1", session_id=pool
        )
    for turn, ((who, tool, arguments, _), result) in enumerate(
        ((late[0], late[1][3]), (late[1], late[0][3]))
    ):
        stage.call(3700 + turn * 0.1, who, tool, arguments, result, "reached", jsonrpc_id="1", session_id=pool,
                   duration_ms=600.0)  # fmt: skip
    return late[0][0]


def shared_pool_key(stage: Stage) -> Person:
    """Play mcp-context-forge issue 2055."""
    for turn, who in enumerate(stage.people[:12]):
        handle = stage.id("wsp_", 16)
        stage.call(
            turn * 60, who, "notebook.open_workspace", {"name": stage.id("book-", 6)}, {"workspace": handle}
        )
        for again in range(3):
            stage.call(turn * 60 + 9 + again, who, "notebook.run_cell", {"workspace": handle, "cell": again},
                       {"workspace": handle, "value": stage.id("", 12)})  # fmt: skip
    hers, his = stage.people[12], stage.people[13]
    handle, secret = stage.id("wsp_", 16), {"customer": stage.id("cus_", 12), "iban": stage.id("DE", 16)}
    stage.call(3600, hers, "notebook.open_workspace", {"name": "quarter"}, {"workspace": handle}, "read")
    stage.call(
        3610,
        hers,
        "notebook.run_cell",
        {"workspace": handle, "cell": 0},
        {"workspace": handle, **secret},
        "read",
    )
    stage.call(3640, his, "notebook.list_variables", {}, {"variables": secret}, "reached")
    stage.call(
        3650,
        his,
        "notebook.run_cell",
        {"workspace": handle, "cell": 1},
        {"workspace": handle, **secret},
        "reached",
    )
    return his


def _task(stage: Stage, space: str) -> dict[str, str]:
    return {"gid": stage.id("12", 14), "name": f"Plan {stage.id('', 8)}", "workspace": space,
            "owner": f"{stage.id('u', 9)}@owner.example"}  # fmt: skip


def _two_tools(stage: Stage, people: list[Person]) -> Callable[[Person, int], Asked]:
    """Play ordinary calls of two tools whose answers look different; return what draws another such call."""

    def asked(who: Person, kind: int) -> Asked:
        if kind:
            key = stage.id("chat-", 12)
            return who, "chats.get_conversation", {"conversation_id": key}, {
                "conversation_id": key, "title": stage.id("About ", 10),
                "messages": [{"author": who.email, "text": stage.id("note ", 14)}]}  # fmt: skip
        key = stage.id("cus_", 12)
        return who, "billing.get_subscription", {"customer_id": key}, {
            "customer": {"id": key, "email": who.email, "card": stage.id("card_", 12)},
            "plan": "team", "renews": "2026-11-01T00:00:00Z"}  # fmt: skip

    for turn, who in enumerate(people):
        for again in range(8):
            _, tool, arguments, result = asked(who, again % 2)
            stage.call(turn * 90 + again * 7, who, tool, arguments, result, jsonrpc_id=str(again + 1),
                       session_id=f"sess-{stage.people.index(who)}-{tool}")  # fmt: skip
    return asked


MIXED = {
    "asana_tenant_scope": Script(
        asana_tenant_scope,
        ("D35", "D39"),
        "A tool answered with the tasks of another organisation, because the tenant was not "
        "carried to the query.",
    ),
    "redis_off_by_one": Script(
        redis_off_by_one,
        ("D36", "D35"),
        "A cancelled request left its reply on a pooled connection, so everyone after it got the "
        "reply of the one before.",
    ),
    "rpc_id_collision": Script(
        rpc_id_collision,
        ("D36",),
        "Two clients on one shared transport used the same request id, and each got the other's answer.",
    ),
    "bare_request_id": Script(
        bare_request_id,
        ("D36",),
        "A stateful server routed an answer by the request id alone: it went to another session's "
        "stream, and one never came.",
    ),
    "pooled_session": Script(
        pooled_session,
        ("D36", "E4"),
        "One protocol session served the chats of several people, every request with the id 1, and "
        "an answer went astray.",
    ),
    "shared_pool_key": Script(
        shared_pool_key,
        ("D35", "D38"),
        "A gateway pooled upstream sessions by address and headers, not by user: one person went "
        "on in another's workspace.",
    ),
}
