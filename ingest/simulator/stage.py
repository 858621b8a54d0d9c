"""The stage a scenario plays on: people of the fleet, a clock, and the calls as a gateway records them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ingest.simulator.fleet import BOTS_ZONE, Fleet
from ingest.simulator.options import SimulationOptions
from ingest.simulator.slots import PLACE
from ingest.simulator.truth import Incident, Truth

_MORNING = timedelta(hours=8)
_DAY_SECONDS = 86_400.0
_FORMAT = "native"


@dataclass(frozen=True)
class Person:
    """Someone of the fleet, as the gateway names them."""

    user_id: str
    email: str


@dataclass
class Scenario(Incident):
    """An incident that happened in the field, with the detections that should find it, by their numbers."""

    detectors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Script:
    """How a scenario is played (returning whose session it was), what should find it, and what happened."""

    play: Callable[[Stage], Person]
    detectors: tuple[str, ...]
    what: str


class Stage:
    """Collects the records of one scenario; times are seconds after eight in the morning of its day.

    `mornings` are eight o'clock of each day of the period up to that day, which is 0.
    """

    def __init__(self, name: str, fleet: Fleet, options: SimulationOptions, number: int) -> None:
        self._rng = np.random.default_rng([options.seed, 7919, number])
        chosen = self._rng.permutation(np.flatnonzero(fleet.zone != BOTS_ZONE)).tolist()
        self.people = [_person(fleet, user) for user in chosen]
        day = datetime.combine(options.start, datetime.min.time(), UTC) + timedelta(days=options.days // 2)
        self._begin = day + _MORNING
        self.mornings = [-ago * _DAY_SECONDS for ago in reversed(range(options.days // 2 + 1))]
        self._name = name
        self._rows: list[tuple[datetime, dict[str, Any], str]] = []

    def id(self, prefix: str = "", digits: int = 16) -> str:
        """Return a fresh identifier."""
        return f"{prefix}{self._rng.integers(0, 2**63):016x}"[: len(prefix) + digits]

    def outsider(self, company: str) -> Person:
        """Return someone of another company, who uses the same service."""
        name = self.id("p", 10)
        return Person(f"auth0|{self.id()}", f"{name}@{company}.example")

    def number(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""
        return int(self._rng.integers(low, high + 1))

    def call(
        self, at: float, who: Person, tool: str, arguments: Any, result: Any, role: str = "", **more: Any
    ) -> None:
        """Record a call of `server.tool`; a `role` makes it one of the incident's own records."""
        server, name = tool.split(".")
        moment = self._begin + timedelta(seconds=at)
        usual = {
            "native_event_id": self.id("ev_"), "event_class": "tool_call", "event_kind": "tool_call",
            "mcp_method": "tools/call", "source_system": "acme-gateway", "evidence_kind": "audit_event",
            "vantage": "gateway", "user_id": who.user_id, "user_email": who.email, "user_assurance": "verified",
            "client_name": "claude-code", "client_version": "2.1.281", "server_name": server, "tool_name": name,
            "decision": "allow", "outcome": "success", "duration_ms": self.number(20, 900), "arguments": arguments,
        }  # fmt: skip
        answer = {} if result is None else {"result": {"content": [], "structuredContent": result}}
        facts = {k: v for k, v in {**usual, **answer, **more}.items() if v is not None}
        self._rows.append((moment, {"event_time": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z", **facts}, role))

    def lines(self, truth: Truth, incident: int) -> list[str]:
        """Return the records as lines in order of time, and tell the truth which of them are the incident."""
        lines = []
        for _, row, role in sorted(self._rows, key=lambda kept: (kept[0], kept[1]["native_event_id"])):
            lines.append(json.dumps(row, separators=(",", ":")))
            if role:
                shown = {"role": role, "format": _FORMAT, "id": row["native_event_id"], "time": row["event_time"],
                         "server": row["server_name"], "tool": row["tool_name"]}  # fmt: skip
                truth.note(incident, shown, lines[-1].encode(), row.get("session_id"))
        return lines

    def planted(self, script: Script, user: Person) -> Scenario:
        """Return the entry of the answer sheet."""
        first = min(moment for moment, _, role in self._rows if role)
        return Scenario(
            kind=self._name, when=f"{first:%Y-%m-%dT%H:%M:%S.%f}Z", user=user.email, client="claude-code",
            what=script.what, detectors=list(script.detectors),
        )  # fmt: skip


def _person(fleet: Fleet, user: int) -> Person:
    values, first = fleet.values[user], PLACE["user"]
    return Person(values[PLACE["sub"] - first].decode(), values[PLACE["email"] - first].decode())
