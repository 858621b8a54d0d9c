"""What sessions are about: tasks as ordered steps over one business record, and the scripts made of them."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.simulator.servers import HOMES, STEPS, opening
from ingest.simulator.stamps import Ints
from ingest.simulator.steps import Step

REPEATS = 4
"""A session goes through its task for one to this many records."""

ERAS = (True, False)
"""Whether the protocol has sessions: up to 2025-11-25 it has, from 2026-07-28 it has none."""


@dataclass(frozen=True)
class Task:
    """A piece of work: the clients that do it and its steps in order, by name."""

    clients: frozenset[str]
    weight: float
    steps: tuple[str, ...]


_OFFICE = frozenset({"chatgpt", "cursor", "vscode", "claude-code"})
_CODE = frozenset({"cursor", "vscode", "claude-code"})
_BOT = frozenset({"ci-bot"})

TASKS: dict[str, Task] = {
    "support_case": Task(
        _OFFICE,
        3,
        (
            "crm.search",
            "crm.get",
            "jira.search",
            "jira.get",
            "billing.list",
            "postgres.orders",
            "email.send",
            "slack.post",
        ),
    ),
    "billing_question": Task(
        _OFFICE,
        2,
        (
            "email.search",
            "email.read",
            "billing.get",
            "crm.get",
            "billing.credit",
            "warehouse.run",
            "email.send",
        ),
    ),
    "code_fix": Task(
        _CODE,
        3,
        (
            "github.issue",
            "github.search",
            "github.read",
            "web.search",
            "web.fetch",
            "postgres.plan",
            "github.write",
            "github.pull",
            "jira.comment",
            "slack.post",
        ),
    ),
    "research": Task(
        _OFFICE, 3, ("web.search", "web.fetch", "drive.search", "drive.read", "slack.search", "files.write")
    ),
    "account_review": Task(
        _OFFICE,
        2,
        (
            "crm.list",
            "crm.prompt",
            "postgres.orders",
            "warehouse.run",
            "drive.search",
            "drive.read",
            "files.list",
            "files.read",
            "crm.update",
        ),
    ),
    "meeting": Task(
        _OFFICE,
        3,
        (
            "calendar.list",
            "crm.get",
            "drive.resource",
            "slack.search",
            "email.search",
            "calendar.create",
            "drive.share",
        ),
    ),
    "triage": Task(
        _OFFICE,
        2,
        (
            "jira.search",
            "jira.complete",
            "jira.get",
            "slack.search",
            "web.fetch",
            "jira.comment",
            "slack.post",
        ),
    ),
    "payout_check": Task(
        _OFFICE, 2, ("billing.account", "postgres.payout", "postgres.orders", "warehouse.run", "billing.list")
    ),
    "cleanup": Task(_OFFICE, 0.5, ("files.list", "files.delete")),
    "offboarding": Task(_OFFICE, 0.4, ("crm.get", "crm.delete")),
    "branches": Task(_CODE, 0.5, ("github.search", "github.branch")),
    "data_share": Task(_OFFICE, 0.3, ("warehouse.run", "warehouse.share")),
    "nightly": Task(
        _BOT, 3, ("ci.runs", "ci.log", "postgres.orders", "files.write", "ci.rerun", "slack.post")
    ),
    "mirror": Task(_BOT, 2, ("github.issue", "github.read", "warehouse.run", "files.list", "drive.search")),
}


@dataclass(frozen=True)
class Script:
    """The steps of one session, each with the ordinal of the record it works on."""

    steps: tuple[Step, ...]
    ordinals: tuple[int, ...]
    first_of_turn: tuple[bool, ...]


def scripts() -> list[Script]:
    """Return every script, ordered by task, era and number of records; see `script_numbers`."""
    openings = {server: opening(server) for server in HOMES}
    return [
        _script(task, openings, has_sessions=era, repeats=repeats)
        for task in TASKS.values()
        for era in ERAS
        for repeats in range(1, REPEATS + 1)
    ]


def script_numbers(task: Ints, era: Ints, repeats: Ints) -> Ints:
    """Return the places of scripts in `scripts()`."""
    return (task * len(ERAS) + era) * REPEATS + repeats - 1


def _script(
    task: Task, openings: dict[str, tuple[Step, Step, Step]], *, has_sessions: bool, repeats: int
) -> Script:
    body = [STEPS[name] for name in task.steps]
    servers = list(dict.fromkeys(step.server for step in body))
    head: list[Step] = []
    for place, server in enumerate(servers):
        initialize, discover, listing = openings[server]
        if has_sessions:
            head += [initialize, listing] if place == 0 else [initialize]
        elif place == 0:
            head += [discover, listing]
    ordinals = [0] * len(head) + [ordinal for ordinal in range(repeats) for _ in body]
    turns = [False] * len(head) + [place == 0 for _ in range(repeats) for place in range(len(body))]
    return Script((*head, *(body * repeats)), tuple(ordinals), tuple(turns))
