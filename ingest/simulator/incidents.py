"""Plan the incidents: five kinds, each an ordinary-looking session or several with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ingest.simulator.clients import KIND_NUMBER, KINDS
from ingest.simulator.credentials import obot_name
from ingest.simulator.fleet import BOTS_ZONE, Fleet
from ingest.simulator.gateways import Catalogue
from ingest.simulator.incident_steps import (
    DROP,
    LEAKING_READ,
    POISONED_ISSUE,
    POISONED_MAIL,
    POISONED_PAGE,
    POST_LOOT,
    REVOKE,
    SEND_LOOT,
    WRITE_LOOT,
)
from ingest.simulator.options import SimulationOptions
from ingest.simulator.plan import PlannedSession, PlannedStep
from ingest.simulator.records import BOOK, record_values
from ingest.simulator.rhythm import HOUR, local_hour, period
from ingest.simulator.servers import STEPS, opening
from ingest.simulator.shapes import ADDRESS
from ingest.simulator.slots import NEIGHBOUR, PLACE, RECORD_START, Values, fill
from ingest.simulator.stamps import SECOND, iso_time
from ingest.simulator.steps import Outcome, Step
from ingest.simulator.truth import Incident

EVENTS_PER_SQUARE = 2500
"""One incident of each kind at this size, twice as many at four times the size."""

_OFFICE = (9, 16)
_NIGHT = (1, 4)
_LEAKED = ("<cus>", ADDRESS, "<phone>", "<iban>")

_WAYS_AROUND = (
    (STEPS["billing.account"], STEPS["postgres.tables"], STEPS["postgres.payout"]),
    (STEPS["crm.get"], STEPS["billing.list"], STEPS["billing.get"]),
    (STEPS["github.read"], STEPS["web.search"], STEPS["web.source"]),
    (STEPS["billing.account"], STEPS["crm.search"], STEPS["crm.get"]),
)
_POISON = (
    (POISONED_MAIL, SEND_LOOT),
    (POISONED_PAGE, SEND_LOOT),
    (POISONED_ISSUE, POST_LOOT),
    (POISONED_PAGE, WRITE_LOOT),
)


class Planner:
    """Lays down incidents over the period; every choice comes from one random generator."""

    def __init__(
        self, fleet: Fleet, catalogue: Catalogue, options: SimulationOptions, rng: np.random.Generator
    ) -> None:
        self._fleet = fleet
        self._catalogue = catalogue
        self._rng = rng
        self._start, self._end = period(options)
        self._people = rng.permutation(np.flatnonzero(fleet.zone != BOTS_ZONE)).tolist()
        self._next = 0
        self.incidents: list[Incident] = []
        self.sessions: list[PlannedSession] = []
        rounds = max(1, round((options.events / EVENTS_PER_SQUARE) ** 0.5))
        for turn in range(rounds if catalogue.gateways and not options.clean else 0):
            for plant in self._kinds():
                plant(turn)
        self.sessions.sort(key=lambda session: session.start)

    def _kinds(self) -> tuple[Callable[[int], None], ...]:
        return (self._way_around, self._stolen_key, self._revoked_key, self._leak, self._hijack)

    def _way_around(self, turn: int) -> None:
        denied, aside, reached = _WAYS_AROUND[turn % len(_WAYS_AROUND)]
        user, profile = self._person(), self._profile()
        start, record = self._moment(user, _OFFICE), self._record(user)
        steps = (
            PlannedStep(STEPS["crm.search"], 0),
            PlannedStep(denied, 9, Outcome.DENIED, "attempted"),
            PlannedStep(denied, 16, Outcome.DENIED, "denied"),
            PlannedStep(aside, 31, role="sidestepped"),
            PlannedStep(reached, 44, role="reached"),
        )
        what = (
            f"{self._name(user)} was denied {denied.server}.{denied.name} for a record and reached the same "
            f"data with {reached.server}.{reached.name} half a minute later."
        )
        incident = self._incident("denied_then_reached", user, profile, start, what)
        incident.values = self._values(record, ("<sha>",) if reached is STEPS["web.source"] else ("<cus>",))
        self._session(start, user, profile, steps, ((record, record + 1),))

    def _stolen_key(self, turn: int) -> None:
        owners = np.flatnonzero(self._fleet.static_key)
        user = int(owners[(turn * 3 + 1) % len(owners)])
        profile, address = KIND_NUMBER["intruder"] * 2, f"203.0.113.{self._number(1, 254)}"
        key = self._fleet.keys[user].decode()
        start = self._moment(user, _NIGHT)
        step = self._where_keys_show
        steps = (
            PlannedStep(step("opening"), 0, role="attempted"),
            *(PlannedStep(step("list"), 3 + 2 * i, role="read", ordinal=i) for i in range(3)),
            *(PlannedStep(step("get"), 12 + 2 * i, role="read", ordinal=i) for i in range(3)),
            PlannedStep(step("destroy"), 25, Outcome.DENIED, "denied"),
        )
        what = (
            f"The long-lived key of {self._name(user)} was used at night from {address} by an unknown client "
            f"that read records in quick order."
        )
        incident = self._incident("stolen_key", user, profile, start, what, key)
        incident.address = address
        books = tuple((self._record(user) // BOOK * BOOK + i, user * BOOK + i + 8) for i in range(3))
        self._session(start, user, profile, steps, books, address=address, key=key)

    def _revoked_key(self, turn: int) -> None:
        del turn
        user, profile = self._person(), self._profile()
        key = f"key_{self._rng.integers(0, 2**63):016x}"
        used_before = self._moment(user, _OFFICE, last=0.5)
        revoked = used_before + self._number(40, 120) * 60 * SECOND
        used_after = min(revoked + self._number(2, 12) * HOUR, self._end - HOUR)
        used_after = max(used_after, revoked + 60 * SECOND)
        step = self._where_keys_show
        look = (PlannedStep(step("list"), 0), PlannedStep(step("get"), 8))
        again = (PlannedStep(step("list"), 0, role="attempted"), PlannedStep(step("get"), 7, role="reached"),
                 PlannedStep(step("get"), 15, role="reached", ordinal=1))  # fmt: skip
        what = (
            f"The key {key} of {self._name(user)} was revoked at {iso_time(revoked)} and still worked "
            f"at {iso_time(used_after)}."
        )
        incident = self._incident("revoked_key_used", user, profile, used_after, what, key)
        incident.revoked_at = iso_time(revoked)
        first = self._record(user)
        books = ((first, first + 1), (self._record(user), first))
        self._session(used_before, user, profile, look, books, key=key)
        self._session(revoked, user, profile, (PlannedStep(REVOKE, 0),), books, key=key)
        self._session(used_after, user, profile, again, books, key=key)

    def _leak(self, turn: int) -> None:
        del turn
        victim, user = self._person(), self._person()
        profile = self._profile()
        start = self._moment(victim, _OFFICE)
        hers, his = self._record(victim), self._record(user)
        later = start + self._number(60, 400) * SECOND
        what = (
            f"A customer record of {self._name(victim)} came back inside {self._name(user)}'s answer to a "
            f"question about another customer."
        )
        incident = self._incident("cross_user_leak", user, profile, later, what)
        incident.victim = self._email(victim)
        incident.values = self._values(hers, _LEAKED)
        own = (PlannedStep(STEPS["crm.search"], 0), PlannedStep(STEPS["crm.get"], 7, role="read"))
        other = (PlannedStep(STEPS["crm.search"], 0), PlannedStep(LEAKING_READ, 6, role="reached", ordinal=1))
        self._session(start, victim, self._profile(), own, ((hers, hers + 1),))
        self._session(later, user, profile, other, ((his, his + 1), (his, hers)))

    def _hijack(self, turn: int) -> None:
        poison, loot = _POISON[turn % len(_POISON)]
        user, profile = self._person(), self._profile()
        start, record = self._moment(user, _OFFICE), self._record(user)
        steps = (
            PlannedStep(STEPS["web.search"], 0),
            PlannedStep(poison, 8, role="read"),
            PlannedStep(STEPS["crm.get"], 15, role="reached"),
            PlannedStep(loot, 22, role="exfiltrated"),
        )
        what = (
            f"The session of {self._name(user)} read instructions hidden in {poison.server}.{poison.name}, "
            f"then read a customer record and sent it to {DROP} with {loot.server}.{loot.name}."
        )
        incident = self._incident("hijacked_session", user, profile, start, what)
        incident.values = self._values(record, _LEAKED)
        self._session(start, user, profile, steps, ((record, record + 1),))

    def _session(
        self, start: int, user: int, profile: int, steps: tuple[PlannedStep, ...],
        records: tuple[tuple[int, int], ...], address: str = "", key: str = "",
    ) -> None:  # fmt: skip
        number = len(self.incidents) - 1
        self.sessions.append(PlannedSession(number, start, user, profile, steps, records, address, key))

    def _incident(
        self, kind: str, user: int, profile: int, start: int, what: str, key: str | None = None
    ) -> Incident:
        obot_user = self._fleet.values[user][PLACE["obot_user"] - PLACE["user"]].decode()
        incident = Incident(
            kind=kind, when=iso_time(start), user=self._email(user), client=KINDS[profile // 2].name,
            what=what,
            credential=key, credential_in={"native": key, "obot": obot_name(key, obot_user)} if key else {},
        )  # fmt: skip
        self.incidents.append(incident)
        return incident

    def _where_keys_show(self, need: str) -> Step:
        """Return a step behind a gateway that names credentials, where there is one."""
        crm = {"opening": opening("crm")[0], "list": STEPS["crm.list"], "get": STEPS["crm.get"],
               "destroy": STEPS["crm.delete"]}  # fmt: skip
        drive = {"opening": opening("drive")[0], "list": STEPS["drive.search"], "get": STEPS["drive.read"],
                 "destroy": STEPS["drive.share"]}  # fmt: skip
        names = self._catalogue.gateways
        shows = self._catalogue.formats[names[self._catalogue.gateway_of("crm")]].CREDENTIALS
        also = self._catalogue.formats[names[self._catalogue.gateway_of("drive")]].CREDENTIALS
        return (drive if also and not shows else crm)[need]

    def _moment(self, user: int, hours: tuple[int, int], last: float = 0.9) -> int:
        """Return a time in the user's local hours, on a weekday where the period has one."""
        zone = int(self._fleet.zone[user])
        span = int((self._end - self._start) * last)
        usual: list[int] = []
        any_day: list[int] = []
        for start in range(self._start, self._start + span, HOUR):
            local = local_hour(start, zone)
            if hours[0] <= local.hour < hours[1]:
                (usual if local.weekday() < 5 else any_day).append(start)
        choices = usual or any_day or [self._start + HOUR]
        return choices[self._number(0, len(choices) - 1)] + self._number(0, 40 * 60) * SECOND

    def _person(self) -> int:
        self._next += 1
        return int(self._people[self._next % len(self._people)])

    def _profile(self) -> int:
        """Return a release of a client people use."""
        return self._number(0, KIND_NUMBER["ci-bot"] * 2 - 1)

    def _record(self, user: int) -> int:
        return user * BOOK + self._number(0, BOOK - 2)

    def _number(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high + 1))

    def _name(self, user: int) -> str:
        return self._fleet.values[user][0].decode()

    def _email(self, user: int) -> str:
        return self._fleet.values[user][1].decode()

    def _values(self, record: int, wanted: tuple[str, ...]) -> list[str]:
        """Return values of a record exactly as they stand in arguments and results."""
        own = record_values(np.array([record], np.uint64))[0]
        slots: Values = [*([b""] * RECORD_START), *own, *([b""] * len(NEIGHBOUR))]
        return [fill(text, slots) for text in wanted]
