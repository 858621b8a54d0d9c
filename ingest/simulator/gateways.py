"""Find the format renderers in their folder, place servers behind gateways, and tabulate every step.

A gateway format is one module in ingest/simulator/formats with:

    SIDE = "gateway"
    SUFFIX: str                             the suffix of its files
    CREDENTIALS: bool                       whether its records name the credential
    ID: str                                 the slot that holds a record's native id
    ID_FIELD: str                           the field that id stands in
    SESSION: str                            the slot that holds the raw session id, "" when it has none
    head(rich, has_sessions) -> str         the part of a record that is the same through a session
    record(step, outcome, rich, has_sessions) -> str
                                            one record; `<head>` marks the head; "" when it writes none

`rich` says whether content is logged. A client format has SIDE = "client" instead and reports the user's side
of a session; see formats/claude_code.py.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from ingest.simulator.incident_steps import INCIDENT_STEPS
from ingest.simulator.servers import HOMES
from ingest.simulator.steps import Outcome, Step
from ingest.simulator.tasks import scripts
from store.errors import UsageError

FOLDER = Path(__file__).with_name("formats")


@cache
def all_formats() -> dict[str, ModuleType]:
    """Return every renderer by its id, which is its file's stem."""
    names = sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))
    return {name: importlib.import_module(f"ingest.simulator.formats.{name}") for name in names}


def chosen_formats(names: tuple[str, ...]) -> dict[str, ModuleType]:
    """Return the renderers asked for, all when none are named; UsageError for a name there is not."""
    known = all_formats()
    for name in names:
        if name not in known:
            raise UsageError(f"unknown format {name!r}", hint=f"one of {', '.join(known)}")
    return {name: module for name, module in known.items() if not names or name in names}


class Catalogue:
    """Every step there is as numbers, and the arrays that sessions are drawn and counted with."""

    def __init__(self, formats: dict[str, ModuleType]) -> None:
        self.gateways = [name for name, module in formats.items() if module.SIDE == "gateway"]
        self.clients = [name for name, module in formats.items() if module.SIDE == "client"]
        self.formats = formats
        self.has_client = bool(self.clients)
        drawn = scripts()
        steps = dict.fromkeys([*(s for script in drawn for s in script.steps), *INCIDENT_STEPS])
        self.steps: list[Step] = list(steps)
        self.number = {step: number for number, step in enumerate(self.steps)}
        self.script_lengths = np.array([len(script.steps) for script in drawn])
        self.script_starts = np.cumsum(self.script_lengths) - self.script_lengths
        self.script_steps = np.array([self.number[step] for script in drawn for step in script.steps])
        self.script_ordinals = np.array([ordinal for script in drawn for ordinal in script.ordinals])
        self.script_turns = np.array([turn for script in drawn for turn in script.first_of_turn])
        self.is_call = np.array([step.is_call for step in self.steps])
        self.deny = np.array([step.deny for step in self.steps])
        self.fail = np.array([step.fail for step in self.steps])
        self.secret = np.array([step.secret for step in self.steps])
        self.home = np.array([self.gateway_of(step.server) for step in self.steps])
        self._count_records()

    def gateway_of(self, server: str) -> int:
        """Return the number of the gateway a server sits behind, -1 when none is simulated."""
        if not self.gateways:
            return -1
        if HOMES[server] in self.gateways:
            return self.gateways.index(HOMES[server])
        return list(HOMES).index(server) % len(self.gateways)

    def _count_records(self) -> None:
        codes = [(step, outcome) for step in self.steps for outcome in Outcome]
        written = [outcome != Outcome.REJECTED and self._writes(step, outcome) for step, outcome in codes]
        self.gateway_records = np.array(written, np.int64)
        inside = np.zeros(len(codes), np.int64)
        self.turn_records = 0
        for name in self.clients:
            module = self.formats[name]
            inside += np.array([len(module.records(step, outcome, rich=True)) for step, outcome in codes])
            self.turn_records += len(module.turn())
        self.client_records = inside

    def _writes(self, step: Step, outcome: Outcome) -> bool:
        home = self.gateway_of(step.server)
        return home >= 0 and bool(
            self.formats[self.gateways[home]].record(step, outcome, rich=False, has_sessions=True)
        )
