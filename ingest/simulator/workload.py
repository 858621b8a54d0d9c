"""Draw ordinary sessions for a window of time: who, when, with what client, doing what, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.clients import CLIENT_KINDS, KIND_NUMBER, profiles
from ingest.simulator.fleet import Fleet
from ingest.simulator.gateways import Catalogue
from ingest.simulator.plan import PlannedSession
from ingest.simulator.records import BOOK
from ingest.simulator.rhythm import HOUR, Window
from ingest.simulator.stamps import Ints
from ingest.simulator.steps import Outcome
from ingest.simulator.tasks import REPEATS, TASKS, script_numbers

_REPEAT_CHANCES = np.array([0.35, 0.65, 0.85, 1.0])
_COLLEAGUES_RECORD = 0.06


@dataclass
class Sessions:
    """Sessions of one window as parallel arrays; `planned` names those that were laid down by an incident."""

    user: Ints
    profile: Ints
    start: Ints
    records: Ints
    neighbours: Ints
    planned: dict[int, PlannedSession]


@dataclass
class Rows:
    """Steps of those sessions as parallel arrays, session by session and in time order within one."""

    session: Ints
    step: Ints
    outcome: Ints
    ordinal: Ints
    turn: NDArray[np.bool_]
    time: Ints
    duration: Ints

    def take(self, keep: Ints | NDArray[np.bool_]) -> Rows:
        """Return only some rows, or some rows several times."""
        return Rows(
            self.session[keep], self.step[keep], self.outcome[keep], self.ordinal[keep], self.turn[keep],
            self.time[keep], self.duration[keep],
        )  # fmt: skip


@dataclass
class Block:
    """What one window holds; `surplus` records at the end of the last session are too many."""

    sessions: Sessions
    rows: Rows
    surplus: int = 0


class Workload:
    """Draws blocks from one random generator, in order."""

    def __init__(
        self, fleet: Fleet, catalogue: Catalogue, period: tuple[int, int], rng: np.random.Generator
    ) -> None:
        self._fleet = fleet
        self._catalogue = catalogue
        self._period = period
        self._rng = rng
        self._era = np.array([p.era for p in profiles()])
        self._tasks = _task_chances()
        self._rows_per_session = 16.0

    def draw(self, window: Window, quota: int) -> Block:
        """Return sessions that begin in the window and make `quota` records, the last one cut short."""
        sessions = int(quota / self._rows_per_session * 1.1) + 12
        while True:
            block = self._draw(window, sessions)
            total = np.cumsum(self.weights(block))
            if quota <= 0 or total[-1] >= quota:
                break
            sessions *= 2
        self._rows_per_session = float(total[-1]) / sessions
        keep = int(np.searchsorted(total, quota)) + 1 if quota > 0 else 0
        surplus = int(total[keep - 1]) - quota if keep else 0
        return Block(block.sessions, block.rows.take(np.arange(keep)), surplus)

    def weights(self, block: Block) -> Ints:
        """Return how many records each row makes over all formats."""
        rows, catalogue = block.rows, self._catalogue
        code = rows.step * len(Outcome) + rows.outcome
        client = self.exports(block)[rows.session]
        inside = np.where(client, catalogue.client_records[code], 0)
        turn = np.where(client & rows.turn, catalogue.turn_records, 0)
        return np.asarray(catalogue.gateway_records[code] + inside + turn, np.int64)

    def exports(self, block: Block) -> NDArray[np.bool_]:
        """Return for each session whether its client reports its own side."""
        claude = block.sessions.profile // 2 == KIND_NUMBER["claude-code"]
        exporting: NDArray[np.bool_] = claude & self._fleet.telemetry[block.sessions.user]
        return exporting

    def _draw(self, window: Window, count: int) -> Block:
        start, user = self._who(window, count)
        rng, fleet = self._rng, self._fleet
        kind = fleet.clients[user, (rng.random(count) < 0.25).astype(np.int64)]
        progress = (start - self._period[0]) / (self._period[1] - self._period[0])
        profile = kind * 2 + (progress > fleet.adoption[user])
        chances = self._tasks[kind]
        task = (rng.random((count, 1)) > chances).sum(axis=1)
        repeats = np.searchsorted(_REPEAT_CHANCES, rng.random(count)) + 1
        script = script_numbers(task, self._era[profile], repeats)
        records, neighbours = self._books(user)
        sessions = Sessions(user, profile, start, records, neighbours, {})
        return Block(sessions, self._steps(sessions, script))

    def _who(self, window: Window, count: int) -> tuple[Ints, Ints]:
        rng = self._rng
        hours = window.weights.sum(axis=1)
        hour = np.searchsorted(np.cumsum(hours) / hours.sum(), rng.random(count))
        span = len(window.hours) * HOUR
        if window.end - window.start < span:
            start = window.start + (rng.random(count) * (window.end - window.start)).astype(np.int64)
        else:
            start = window.hours[hour] + (rng.random(count) * HOUR).astype(np.int64)
        zones = np.cumsum(window.weights, axis=1)
        zone = (rng.random((count, 1)) * zones[hour, -1:] > zones[hour]).sum(axis=1)
        sizes = np.array([len(members) for members in self._fleet.members])
        firsts = np.cumsum(sizes) - sizes
        place = (rng.random(count) ** 1.7 * sizes[zone]).astype(np.int64)
        return start, np.concatenate(self._fleet.members)[firsts[zone] + place]

    def _books(self, user: Ints) -> tuple[Ints, Ints]:
        """Choose REPEATS records for each session, mostly the user's own, some of them a colleague's."""
        rng, count = self._rng, len(user)
        base = (rng.random(count) ** 1.5 * BOOK).astype(np.int64)[:, None] + np.arange(REPEATS) * 7
        owner = np.broadcast_to(user[:, None], base.shape)
        colleague = rng.integers(0, self._fleet.size, base.shape)
        owner = np.where(rng.random(base.shape) < _COLLEAGUES_RECORD, colleague, owner)
        return owner * BOOK + base % BOOK, user[:, None] * BOOK + (base + 1) % BOOK

    def _steps(self, sessions: Sessions, script: Ints) -> Rows:
        catalogue, rng = self._catalogue, self._rng
        lengths = catalogue.script_lengths[script]
        session = np.repeat(np.arange(len(script)), lengths)
        first = np.cumsum(lengths) - lengths
        source = catalogue.script_starts[script][session] + np.arange(len(session)) - first[session]
        step = catalogue.script_steps[source]
        outcome = self._outcomes(step, sessions, session)
        empty = np.zeros(len(step), np.int64)
        rows = Rows(session, step, outcome, catalogue.script_ordinals[source], catalogue.script_turns[source],
                    empty, empty)  # fmt: skip
        rows = _until_refused(rows, first)
        rows = _with_retries(rows, catalogue.is_call)
        gaps = np.where(
            catalogue.is_call[rows.step],
            rng.lognormal(2.1, 0.9, len(rows.step)),
            rng.random(len(rows.step)) * 0.4,
        )
        rows.time = _running(gaps, rows.session, sessions.start)
        rows.duration = _durations(rows.outcome, rng)
        return rows

    def _outcomes(self, step: Ints, sessions: Sessions, session: Ints) -> Ints:
        catalogue, rng = self._catalogue, self._rng
        chance, second = rng.random(len(step)), rng.random(len(step))
        outcome = np.full(len(step), Outcome.OK, np.int64)
        denied = chance < catalogue.deny[step]
        client = self._fleet.telemetry[sessions.user] & (sessions.profile // 2 == KIND_NUMBER["claude-code"])
        rejected = denied & client[session] & (second < 0.4) & catalogue.has_client & catalogue.is_call[step]
        failed = ~denied & (chance < catalogue.deny[step] + catalogue.fail[step])
        secret = ~denied & ~failed & (chance > 1 - catalogue.secret[step])
        outcome[denied] = Outcome.DENIED
        outcome[rejected] = Outcome.REJECTED
        outcome[failed] = np.where(second[failed] < 0.3, Outcome.TIMEOUT, Outcome.TOOL_ERROR)
        outcome[secret] = Outcome.SECRET
        return outcome


def _task_chances() -> NDArray[np.float64]:
    weights = np.array([[task.weight if kind.id in task.clients else 0 for task in TASKS.values()]
                        for kind in CLIENT_KINDS], float)  # fmt: skip
    chances: NDArray[np.float64] = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    return chances


def _until_refused(rows: Rows, first: Ints) -> Rows:
    """End each session with its first refusal: people stop there, and no way around is left by accident."""
    refused = np.isin(rows.outcome, (Outcome.DENIED, Outcome.REJECTED)).astype(np.int64)
    before = np.cumsum(refused) - refused
    return rows.take(before == before[first][rows.session])


def _with_retries(rows: Rows, is_call: NDArray[np.bool_]) -> Rows:
    """Follow each failed call by the same call that succeeds."""
    failed = np.isin(rows.outcome, (Outcome.TOOL_ERROR, Outcome.TIMEOUT)) & is_call[rows.step]
    source = np.repeat(np.arange(len(rows.step)), 1 + failed)
    again = np.concatenate([[False], source[1:] == source[:-1]])
    rows = rows.take(source)
    rows.outcome[again] = Outcome.OK
    rows.turn[again] = False
    return rows


def _running(gaps: NDArray[np.float64], session: Ints, start: Ints) -> Ints:
    """Turn the seconds between steps into times from each session's start."""
    micros = (gaps * 1_000_000).astype(np.int64)
    total = np.cumsum(micros)
    first = np.concatenate([[True], session[1:] != session[:-1]])
    offset = (total - micros)[first]
    times: Ints = start[session] + total - offset[np.cumsum(first) - 1]
    return times


def _durations(outcome: Ints, rng: np.random.Generator) -> Ints:
    """Return milliseconds: quick refusals, calls of a hundred or so, timeouts at half a minute."""
    usual = np.minimum(rng.lognormal(4.6, 0.8, len(outcome)) + 2, 20_000)
    refused = np.isin(outcome, (Outcome.DENIED, Outcome.REJECTED))
    duration = np.where(refused, usual / 40 + 1, usual)
    return np.where(outcome == Outcome.TIMEOUT, 30_000 + usual / 100, duration).astype(np.int64)


def with_planned(block: Block, planned: Sequence[PlannedSession], catalogue: Catalogue) -> Block:
    """Return the block with planned sessions in front of the drawn ones."""
    if not planned:
        return block
    drawn, rows, count = block.sessions, block.rows, len(planned)
    flat = [(number, step, plan) for number, plan in enumerate(planned) for step in plan.steps]
    records = np.array([_padded([r for r, _ in plan.records]) for plan in planned], np.int64)
    neighbours = np.array([_padded([n for _, n in plan.records]) for plan in planned], np.int64)
    sessions = Sessions(
        np.concatenate([_ints([p.user for p in planned]), drawn.user]),
        np.concatenate([_ints([p.profile for p in planned]), drawn.profile]),
        np.concatenate([_ints([p.start for p in planned]), drawn.start]),
        np.concatenate([records, drawn.records]),
        np.concatenate([neighbours, drawn.neighbours]),
        dict(enumerate(planned)),
    )
    ahead = Rows(
        _ints([number for number, _, _ in flat]),
        _ints([catalogue.number[s.step] for _, s, _ in flat]),
        _ints([s.outcome for _, s, _ in flat]),
        _ints([s.ordinal for _, s, _ in flat]),
        np.array([i == 0 or flat[i - 1][0] != number for i, (number, _, _) in enumerate(flat)]),
        _ints([plan.start + int(s.after * 1_000_000) for _, s, plan in flat]),
        _ints([4 if s.outcome == Outcome.DENIED else 90 + 7 * (i % 40) for i, (_, s, _) in enumerate(flat)]),
    )
    return Block(sessions, _joined(ahead, rows, count), block.surplus)


def _ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


def _padded(numbers: list[int]) -> list[int]:
    return (numbers * REPEATS)[:REPEATS] if len(numbers) < REPEATS else numbers[:REPEATS]


def _joined(ahead: Rows, rows: Rows, sessions: int) -> Rows:
    return Rows(
        np.concatenate([ahead.session, rows.session + sessions]),
        np.concatenate([ahead.step, rows.step]),
        np.concatenate([ahead.outcome, rows.outcome]),
        np.concatenate([ahead.ordinal, rows.ordinal]),
        np.concatenate([ahead.turn, rows.turn]),
        np.concatenate([ahead.time, rows.time]),
        np.concatenate([ahead.duration, rows.duration]),
    )
