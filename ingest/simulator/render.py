"""Turn blocks of planned rows into the bytes of each format: the inner loop of the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.simulator.client_side import ClientSide
from ingest.simulator.clients import profiles
from ingest.simulator.credentials import addresses, session_credentials
from ingest.simulator.fleet import Fleet
from ingest.simulator.gateways import Catalogue
from ingest.simulator.records import record_values
from ingest.simulator.secrets_found import fake_secrets
from ingest.simulator.slots import (
    CLIENT,
    HEAD_START,
    HEADS,
    PLACE,
    RECORD_START,
    ROW,
    Template,
    Values,
    compile_template,
)
from ingest.simulator.stamps import Ints, hex16, hex32, iso_times, small_numbers, uuids
from ingest.simulator.steps import Outcome
from ingest.simulator.tasks import ERAS
from ingest.simulator.truth import Truth
from ingest.simulator.workload import Block

FLAVOURS = tuple((rich, has_sessions) for rich in (False, True) for has_sessions in ERAS)
"""How a session is logged: with content or without, in the era with protocol sessions or without."""

RICH = 0.5
"""The share of sessions whose content is logged by gateways where that is a choice."""

_BLANK_ROW = [b""] * len(ROW)
_BLANK_CLIENT = [b""] * (len(CLIENT) + len(HEADS))


@dataclass
class Rendered:
    """One format's lines of a block, with their times and how many records each holds."""

    times: Ints
    counts: Ints
    lines: list[bytes]


class Renderer:
    """Holds the compiled templates of the chosen formats and renders block after block."""

    def __init__(self, fleet: Fleet, catalogue: Catalogue, rng: np.random.Generator, truth: Truth) -> None:
        self._fleet = fleet
        self._catalogue = catalogue
        self._rng = rng
        self._truth = truth
        self._profiles = profiles()
        self._era = np.array([profile.era for profile in self._profiles])
        self._secrets = fake_secrets(rng)
        self._heads = [
            [compile_template(catalogue.formats[name].head(*flavour)) for flavour in FLAVOURS]
            for name in catalogue.gateways
        ]
        self._table = [self._templates(code) for code in range(len(catalogue.gateway_records))]
        self._clients = [ClientSide(catalogue, name, truth) for name in catalogue.clients]
        self._sequence = 1000

    def render(self, block: Block, exports: list[bool]) -> dict[str, Rendered]:
        """Return the lines of every format, in the order of sessions; `exports` says whose client reports."""
        rows, catalogue = block.rows, self._catalogue
        code = rows.step * len(Outcome) + rows.outcome
        row_values = self._row_values(block)
        lines = self._lines(block, code, row_values, exports)
        written = np.where(catalogue.gateway_records[code] > 0, catalogue.home[rows.step], -1)
        out: dict[str, Rendered] = {}
        for number, name in enumerate(catalogue.gateways):
            mine = np.flatnonzero(written == number)
            times = rows.time[mine]
            out[name] = Rendered(times, np.ones(len(mine), np.int64), [lines[i] for i in mine.tolist()])
        for client in self._clients:
            out[client.name] = Rendered(*client.take())
        return out

    def _templates(self, code: int) -> list[Template]:
        """Return one step's template for each flavour; a step no gateway sees is an empty line."""
        step, outcome = self._catalogue.steps[code // len(Outcome)], Outcome(code % len(Outcome))
        home = self._catalogue.gateway_of(step.server)
        if not self._catalogue.gateway_records[code]:
            return [compile_template("") for _ in FLAVOURS]
        module = self._catalogue.formats[self._catalogue.gateways[home]]
        return [compile_template(module.record(step, outcome, *flavour), home) for flavour in FLAVOURS]

    def _row_values(self, block: Block) -> list[tuple[bytes, ...]]:
        rows, rng = block.rows, self._rng
        count = len(rows.time)
        full, seconds = iso_times(rows.time)
        high, low, span, trace = rng.integers(0, 2**64, (4, count), np.uint64)
        shared = rng.integers(0, 2**64, len(block.sessions.user), np.uint64)[rows.session]
        era = self._era[block.sessions.profile][rows.session]
        first = np.searchsorted(rows.session, rows.session)
        place = np.arange(count) - first + 1
        rank = np.empty(count, np.int64)
        rank[np.argsort(rows.time, kind="stable")] = np.arange(count)
        numbers = (rank + self._sequence).tolist()
        self._sequence += count
        return list(zip(
            full, seconds, uuids(high, low), [b"%d" % n for n in numbers], small_numbers(rows.duration),
            small_numbers(place), hex16(span),
            hex32(np.where(era, shared, trace), np.where(era, shared ^ np.uint64(0x5DEECE66D), low ^ span)),
            strict=True,
        ))  # fmt: skip

    def _session_values(self, block: Block) -> Iterator[tuple[bytes, ...]]:
        sessions, rng = block.sessions, self._rng
        count = len(sessions.user)
        words = rng.integers(0, 2**64, (9, count), np.uint64)
        keys = {number: plan.key for number, plan in sessions.planned.items() if plan.key}
        moved = {number: plan.address for number, plan in sessions.planned.items() if plan.address}
        ports = [b"%d" % port for port in rng.integers(32768, 61000, count).tolist()]
        where = addresses(self._fleet, sessions.user, rng, moved)
        shown = session_credentials(self._fleet, sessions.user, sessions.start, words[8], keys)
        ids = [uuids(words[i], words[i + 1]) for i in range(0, 8, 2)]
        secrets = [self._secrets[i] for i in rng.integers(0, len(self._secrets), count).tolist()]
        for number in range(count):
            yield (
                where[number],
                ports[number],
                *shown[number],
                *(column[number] for column in ids),
                *secrets[number],
            )

    def _records(self, block: Block) -> tuple[list[bool], Iterator[tuple[bytes, ...]]]:
        """Say which rows turn to another record, and give those records in order."""
        rows, sessions = block.rows, block.sessions
        fresh = np.ones(len(rows.time), np.bool_)
        fresh[1:] = (rows.session[1:] != rows.session[:-1]) | (rows.ordinal[1:] != rows.ordinal[:-1])
        owners, ordinals = rows.session[fresh], rows.ordinal[fresh]
        own = record_values(sessions.records[owners, ordinals].astype(np.uint64))
        beside = record_values(sessions.neighbours[owners, ordinals].astype(np.uint64))
        return fresh.tolist(), map(tuple.__add__, own, beside)

    def _lines(
        self, block: Block, code: Ints, row_values: list[tuple[bytes, ...]], exports: list[bool]
    ) -> list[bytes]:
        """Fill one template a row; the loop everything else serves."""
        rows, sessions, table = block.rows, block.sessions, self._table
        fresh, records = self._records(block)
        flavours = self._flavours(block)
        edges = np.searchsorted(rows.session, np.arange(len(sessions.user) + 1)).tolist()
        codes, homes = code.tolist(), self._catalogue.home[rows.step].tolist()
        out: list[bytes] = []
        append, end = out.append, len(ROW)
        for number, own in enumerate(self._session_values(block)):
            low, high = edges[number], edges[number + 1]
            if low == high:
                continue
            flavour = flavours[number]
            values = self._begin(block, number, own)
            values[:end] = row_values[low]
            self._fill_heads(values, set(homes[low:high]), flavour)
            keep = exports[number] or number in sessions.planned
            states: list[Values] = []
            for turned, row, step in zip(fresh[low:high], row_values[low:high], codes[low:high], strict=True):
                if turned:
                    values[RECORD_START:] = next(records)
                values[:end] = row
                text, pick = table[step][flavour]
                append(text % pick(values))
                if keep:
                    states.append(values.copy())
            if keep:
                self._beyond(block, number, range(low, high), out, states, flavour, exports)
        return out

    def _begin(self, block: Block, number: int, own: tuple[bytes, ...]) -> Values:
        sessions = block.sessions
        user, profile = int(sessions.user[number]), int(sessions.profile[number])
        return [*_BLANK_ROW, *self._fleet.values[user], *self._profiles[profile].values, *own, *_BLANK_CLIENT]

    def _fill_heads(self, values: Values, homes: set[int], flavour: int) -> None:
        for home in homes:
            if home >= 0:
                values[HEAD_START + home] = self._heads[home][flavour].fill(values)

    def _flavours(self, block: Block) -> list[int]:
        rich = self._rng.random(len(block.sessions.user)) < RICH
        rich[list(block.sessions.planned)] = True
        flavours: list[int] = (rich * len(ERAS) + self._era[block.sessions.profile]).tolist()
        return flavours

    def _beyond(
        self, block: Block, number: int, span: range, out: list[bytes], states: list[Values], flavour: int,
        exports: list[bool],
    ) -> None:  # fmt: skip
        """Render the client's side of a session, and note a planned session's records in the truth."""
        plan = block.sessions.planned.get(number)
        if plan is not None:
            self._note(block, number, span, out, states, flavour)
        if exports[number]:
            self._same_calls(block, span, out, states)
            surplus = block.surplus if span.stop == len(block.rows.time) else 0
            for client in self._clients:
                client.session(block, span, states, FLAVOURS[flavour][0], plan, surplus)

    def _same_calls(self, block: Block, span: range, out: list[bytes], states: list[Values]) -> None:
        """Tell the truth which of these gateway records are calls that the client reports too."""
        if self._truth.calls is None:
            return
        for row, line, values in zip(span, out[len(out) - len(span) :], states, strict=True):
            step = self._catalogue.steps[int(block.rows.step[row])]
            if line and step.is_call:
                name = self._catalogue.gateways[self._catalogue.gateway_of(step.server)]
                record_id = values[PLACE[self._catalogue.formats[name].ID]].decode()
                self._truth.same_call(f"toolu_01{values[PLACE['span']].decode()}", name, record_id)

    def _note(
        self, block: Block, number: int, span: range, out: list[bytes], states: list[Values], flavour: int
    ) -> None:
        plan = block.sessions.planned[number]
        for planned, row, values in zip(plan.steps, span, states, strict=True):
            home = self._catalogue.gateway_of(planned.step.server)
            line = out[len(out) - len(span) + row - span.start]
            if not line or not planned.role:
                continue
            name = self._catalogue.gateways[home]
            module = self._catalogue.formats[name]
            has_id = module.SESSION and FLAVOURS[flavour][1]
            self._truth.note(
                plan.incident,
                {
                    "role": planned.role,
                    "format": name,
                    "id": values[PLACE[module.ID]].decode(),
                    "time": values[PLACE["t"]].decode(),
                    "server": planned.step.server,
                    "tool": planned.step.name or planned.step.method or planned.step.kind,
                },
                line,
                values[PLACE[module.SESSION]].decode() if has_id else None,
            )
