"""Scenarios in which an answer, a session or a tenant reaches the wrong person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest.simulator.stage import Person, Script, Stage

Asked = tuple[Person, str, dict[str, str], dict[str, Any]]
"""Who called what, with what arguments, and the answer that is due."""


def asana_tenant_scope(stage: Stage) -> Person:
    """Play Asana's MCP server, May to June 2025, about a thousand customers."""
    customers = [_Customer(stage, f"customer-{number:02}") for number in range(12)]
    for morning in stage.mornings:
        for turn, customer in enumerate(customers * 4):
            for number, who in enumerate(customer.people):
                _list_tasks(
                    stage,
                    morning + turn * 60 + number * 5,
                    who,
                    customer,
                    customer.tasks[number : number + 3],
                )
    north, south = customers[:2]
    theirs = [_task(stage, north.space) for _ in range(2)]
    _list_tasks(stage, 3600, north.people[0], north, theirs, "read")
    _list_tasks(stage, 3900, south.people[0], south, [south.tasks[0], *theirs], "reached")
    return south.people[0]


def redis_off_by_one(stage: Stage) -> Person:
    """Play ChatGPT with redis-py, 20 March 2023."""
    asked = _two_tools(stage)
    late = [asked(who, turn % 2) for turn, who in enumerate(stage.people[10:16])]
    who, tool, arguments, _ = late[0]
    stage.call(3600, who, tool, arguments, None, "attempted", outcome="cancelled", jsonrpc_id="40")
    for turn, (who, tool, arguments, _) in enumerate(late[1:], 1):
        stage.call(3600 + turn * 0.8, who, tool, arguments, late[turn - 1][3], "reached",
                   jsonrpc_id=str(40 + turn))  # fmt: skip
    return late[1][0]


def rpc_id_collision(stage: Stage) -> Person:
    """Play TypeScript SDK, CVE-2026-25536 (GHSA-345p-7cg4-v4c7)."""
    asked = _two_tools(stage)
    one, other = asked(stage.people[11], 0), asked(stage.people[12], 1)
    for turn, ((who, tool, arguments, _), result) in enumerate(((one, other[3]), (other, one[3]))):
        stage.call(
            3600 + turn * 0.05, who, tool, arguments, result, "reached", jsonrpc_id="7", duration_ms=400.0
        )
    return one[0]


def bare_request_id(stage: Stage) -> Person:
    """Play Python SDK, issues 3060 and 3137."""
    asked = _two_tools(stage)
    one, other = asked(stage.people[11], 0), asked(stage.people[12], 1)
    sessions = {"one": stage.id("sess-"), "other": stage.id("sess-")}
    stage.call(3600, one[0], one[1], one[2], other[3], "reached", jsonrpc_id="3", session_id=sessions["one"],
               duration_ms=500.0)  # fmt: skip
    stage.call(3600.1, other[0], other[1], other[2], None, "attempted", jsonrpc_id="3", outcome="unknown",
               session_id=sessions["other"], duration_ms=None)  # fmt: skip
    return one[0]


def pooled_session(stage: Stage) -> Person:
    """Play Claude.ai and Claude Code, issues claude-ai-mcp 539 and claude-code 39396."""
    asked = _two_tools(stage)
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
    for morning in stage.mornings:
        for turn, who in enumerate(stage.people[:16] * 4):
            at = morning + turn * 40
            handle, table = _workspace(stage, at, who)
            stage.call(at + 12, who, "notebook.list_variables", {}, {"variables": table})
            for cell in range(1, 3):
                _run_cell(stage, at + 15 + cell, who, handle, cell, {"value": stage.id("", 12)})
    hers, his = stage.people[12], stage.people[13]
    handle, table = _workspace(stage, 3600, hers, "read")
    stage.call(3640, his, "notebook.list_variables", {}, {"variables": table}, "reached")
    _run_cell(stage, 3650, his, handle, 1, table, "reached")
    return his


class _Customer:
    """A company that uses a service: its people, the space they work in, and what is in it."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.org, self.space = f"org-{name}", stage.id("12", 14)
        self.people = [stage.outsider(name) for _ in range(8)]
        self.tasks = [_task(stage, self.space) for _ in range(12)]


def _list_tasks(
    stage: Stage, at: float, who: Person, customer: _Customer, tasks: list[dict[str, str]], role: str = ""
) -> None:
    stage.call(at, who, "asana.list_tasks", {"workspace_gid": customer.space}, {"data": tasks}, role,
               org_id=customer.org)  # fmt: skip


def _task(stage: Stage, space: str) -> dict[str, str]:
    return {"gid": stage.id("12", 14), "name": f"Plan {stage.id('', 8)}", "workspace": space,
            "owner": f"{stage.id('u', 9)}@owner.example"}  # fmt: skip


def _workspace(stage: Stage, at: float, who: Person, role: str = "") -> tuple[str, dict[str, str]]:
    """Play someone who opens a workspace and reads a table in it; return its handle and a row of that table."""
    handle = stage.id("wsp_", 16)
    row = {"customer": stage.id("cus_", 12), "iban": stage.id("DE", 16), "phone": stage.id("+49 30 ", 10),
           "mail": f"{stage.id('c', 8)}@customer.example"}  # fmt: skip
    stage.call(
        at, who, "notebook.open_workspace", {"name": stage.id("book-", 6)}, {"workspace": handle}, role
    )
    _run_cell(stage, at + 8, who, handle, 0, row, role)
    return handle, row


def _run_cell(
    stage: Stage, at: float, who: Person, handle: str, cell: int, result: dict[str, str], role: str = ""
) -> None:
    stage.call(at, who, "notebook.run_cell", {"workspace": handle, "cell": cell},
               {"workspace": handle, **result}, role)  # fmt: skip


def _two_tools(stage: Stage) -> Callable[[Person, int], Asked]:
    """Play people who open what is theirs, by two tools of one server; return what draws another such call."""
    people = stage.people[:16]
    conversations = {who: [_conversation(stage, who) for _ in range(3)] for who in people}
    subscriptions = {who: _subscription(stage, who) for who in people}

    def asked(who: Person, kind: int) -> Asked:
        if kind:
            opened = conversations[who][stage.number(0, 2)]
            return who, "assistant.get_conversation", {"conversation_id": opened["conversation_id"]}, opened
        mine = subscriptions[who]
        return who, "assistant.get_subscription", {"customer_id": mine["customer"]["id"]}, mine

    for morning in stage.mornings:
        for turn, who in enumerate(people):
            session = stage.id("sess-")
            for again in range(8):
                _, tool, arguments, result = asked(who, again % 2)
                stage.call(morning + turn * 90 + again * 7, who, tool, arguments, result, jsonrpc_id=str(again + 1),
                           session_id=session)  # fmt: skip
    return asked


def _conversation(stage: Stage, who: Person) -> dict[str, Any]:
    messages = [{"author": who.email, "text": stage.id("note ", 14)} for _ in range(4)]
    return {"conversation_id": stage.id("chat-", 12), "title": stage.id("About ", 10), "messages": messages}


def _subscription(stage: Stage, who: Person) -> dict[str, Any]:
    customer = {"id": stage.id("cus_", 12), "email": who.email, "card": stage.id("card_", 12),
                "name": stage.id("Name ", 9), "address": stage.id("Street ", 9)}  # fmt: skip
    return {"customer": customer, "plan": "team", "renews": "2026-11-01T00:00:00Z"}


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
