"""The user's side of sessions, as a client's own telemetry reports it in batches."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ingest.simulator.gateways import Catalogue
from ingest.simulator.plan import PlannedSession
from ingest.simulator.slots import CLIENT_START, HEAD_START, PLACE, Template, Values, compile_template
from ingest.simulator.stamps import Ints, iso_millis
from ingest.simulator.steps import Outcome
from ingest.simulator.truth import Truth
from ingest.simulator.workload import Block

BATCH = 12
"""The most records one export holds; a new turn begins a new export."""

_HEAD = 7
_BEFORE = 350_000

Record = tuple[int, bytes]


class ClientSide:
    """Renders one client format and keeps its lines until they are taken."""

    def __init__(self, catalogue: Catalogue, name: str, truth: Truth) -> None:
        module: ModuleType = catalogue.formats[name]
        self.name = name
        self._catalogue = catalogue
        self._truth = truth
        self._module = module
        self._head = compile_template(module.head())
        self._opens = compile_template(module.OPENS)
        self._closes: bytes = module.CLOSES.encode()
        self._turn = [compile_template(text, _HEAD) for text in module.turn()]
        self._table: dict[tuple[int, bool], list[Template]] = {}
        self._clear()

    def take(self) -> tuple[Ints, Ints, list[bytes]]:
        """Return times, record counts and lines rendered since the last time."""
        taken = np.array(self._times, np.int64), np.array(self._counts, np.int64), self._lines
        self._clear()
        return taken

    def session(
        self,
        block: Block,
        span: range,
        states: list[Values],
        rich: bool,
        plan: PlannedSession | None,
        surplus: int,
    ) -> None:
        """Render one session from the slot values of its rows, without its last `surplus` records."""
        rows = block.rows
        head = self._head.fill(states[0])
        batches: list[list[Record]] = [[]]
        sequence = 0
        for place, (row, values) in enumerate(zip(span, states, strict=True)):
            values[HEAD_START + _HEAD] = head
            started = int(rows.time[row])
            if rows.turn[row]:
                prompt = values[PLACE["uuid"]]
                batches.append([])
            elif place == 0:
                prompt = values[PLACE["conv"]]
            values[PLACE["prompt"]] = prompt
            code = int(rows.step[row]) * len(Outcome) + int(rows.outcome[row])
            templates = [*self._turn, *self._step(code, rich)] if rows.turn[row] else self._step(code, rich)
            ended = started + int(rows.duration[row]) * 1000
            times = _spread(started, ended, len(templates))
            for at, template in zip(times, templates, strict=True):
                sequence += 1
                batches[-1].append((at, _fill(template, values, at, sequence)))
            if plan is not None and plan.steps[place].role and self._step(code, rich):
                self._note(plan, place, values, sequence)
            if len(batches[-1]) >= BATCH:
                batches.append([])
        self._export(batches, states[0], surplus)

    def _clear(self) -> None:
        self._times: list[int] = []
        self._counts: list[int] = []
        self._lines: list[bytes] = []

    def _step(self, code: int, rich: bool) -> list[Template]:
        found = self._table.get((code, rich))
        if found is None:
            step = self._catalogue.steps[code // len(Outcome)]
            texts = self._module.records(step, Outcome(code % len(Outcome)), rich=rich)
            found = self._table[code, rich] = [compile_template(text, _HEAD) for text in texts]
        return found

    def _export(self, batches: list[list[Record]], values: Values, surplus: int) -> None:
        opens = self._opens.fill(values)
        while surplus and batches:
            surplus -= 1
            while batches and not batches[-1]:
                batches.pop()
            batches[-1].pop()
        sent = 0
        for batch in batches:
            if batch:
                sent = max(sent, batch[-1][0])
                self._times.append(sent)
                self._counts.append(len(batch))
                self._lines.append(opens + b",".join([text for _, text in batch]) + self._closes)

    def _note(self, plan: PlannedSession, place: int, values: Values, sequence: int) -> None:
        session = values[PLACE[self._module.SESSION]].decode()
        planned = plan.steps[place]
        record = {
            "role": planned.role,
            "format": self.name,
            "id": f"{session}/{sequence}",
            "time": values[PLACE["at"]].decode(),
            "server": planned.step.server,
            "tool": planned.step.name or planned.step.method,
        }
        self._truth.note(plan.incident, record, None, session)


def _spread(started: int, ended: int, count: int) -> list[int]:
    """Return the records' times: all but the last before the call began, the last when it ended."""
    return [started - _BEFORE // (place + 1) for place in range(count - 1)] + [ended][: min(count, 1)]


def _fill(template: Template, values: Values, at: int, sequence: int) -> bytes:
    values[CLIENT_START : CLIENT_START + 3] = (iso_millis(at), b"%d000" % at, b"%d" % sequence)
    return template.fill(values)
