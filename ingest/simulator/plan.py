"""Sessions that are laid down exactly, step by step: how incidents enter the ordinary stream."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.simulator.steps import Outcome, Step


@dataclass(frozen=True)
class PlannedStep:
    """A step with its time after the session's start in seconds, its role in the incident, and its record."""

    step: Step
    after: float
    outcome: Outcome = Outcome.OK
    role: str = ""
    ordinal: int = 0


@dataclass(frozen=True)
class PlannedSession:
    """A session of an incident.

    `records` are pairs of record numbers, the session's own and the one beside it in the NEIGHBOUR slots.
    `address` and `key` replace the user's own address and credential when they are set. Planned sessions
    always log their content where the gateway can.
    """

    incident: int
    start: int
    user: int
    profile: int
    steps: tuple[PlannedStep, ...]
    records: tuple[tuple[int, int], ...]
    address: str = ""
    key: str = ""
