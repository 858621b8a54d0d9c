"""A fleet's tool calls with records of people, things they share, and leaks that are known: no random state but a seed.

Private: customers, invoices, mails and memory notes of one person. Shared on purpose: tickets of a team (named, and in
lists that name nothing), mails to several people, templates and mail footers, public pages. Leaks are of five
mechanisms; each leaked event is labelled `verbatim`, `excerpt` (a passage of a note) or `paraphrase` (the sense of a
note in other words).
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.leak_words import CITIES, FIRST, LAST, WORDS, as_lines

MECHANISMS = ("off_by_one", "id_collision", "session_pool", "tenant_scope", "shared_memory")
EXCERPTS, PARAPHRASES = 0.2, 0.2
"""Of the leaks through shared memory, so many are excerpts and so many paraphrases."""
START = datetime(2026, 10, 5, 7, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass
class Corpus:
    """Records as native log lines, in order of time, and which of them (by native id) are leaks of what kind."""

    records: list[bytes] = field(default_factory=list)
    leaks: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Person:
    """One user: what is theirs, and what they have been shown of it."""

    id: str
    team: int
    org: str
    customers: list[dict[str, Any]]
    mails: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)


def corpus(events: int, users: int, leaks: int, seed: int = 7, days: int = 5) -> Corpus:
    """Return about so many events, with so many leaked ones of each mechanism on all days but the first."""
    return _Fleet(random.Random(seed), users).run(events, leaks, days)  # noqa: S311 - not for secrets


class _Fleet:
    def __init__(self, rng: random.Random, users: int) -> None:
        self._rng = rng
        self._made = 0
        self._templates = [self._page("tpl") for _ in range(60)]
        self._pages = [self._page("page") for _ in range(400)]
        self.people = [self._person(number) for number in range(users)]
        teams = (users + 5) // 6
        self._tickets = [[self._ticket(team) for _ in range(30)] for team in range(teams)]
        self._corpus = Corpus()
        self._now = START

    # --- things ---------------------------------------------------------------------------------------------------

    def _number(self, digits: int) -> str:
        return str(self._rng.randrange(10 ** (digits - 1), 10**digits))

    def _text(self, words: int) -> str:
        return " ".join(self._rng.choices(WORDS, k=words)).capitalize() + "."

    def _person(self, number: int) -> Person:
        customers = [self._customer() for _ in range(40)]
        person = Person(
            f"u{number:04}@corp.example", number // 6, f"org-{number // 30:02}-corporation", customers
        )
        person.notes = [self._note(self._rng.choice(customers)) for _ in range(10)]
        person.mails = [self._mail(person, self._rng.choice(customers)) for _ in range(20)]
        return person

    def _customer(self) -> dict[str, Any]:
        rng = self._rng
        first, last = rng.choice(FIRST), rng.choice(LAST)
        return {
            "customer_id": f"cus_{rng.randrange(16**12):012x}", "name": f"{first} {last}", "status": "active-customer",
            "email": f"{first}.{last}{self._number(4)}@mail.example".lower(), "phone": f"+49 {self._number(9)}",
            "iban": f"DE{self._number(20)}", "city": rng.choice(CITIES),
            "since": f"20{rng.randint(10, 25)}-0{rng.randint(1, 9)}-{rng.randint(10, 28)}",
            "address": f"{rng.choice(WORDS).capitalize()} Street {rng.randint(1, 99)}",
            "credit_limit": rng.choice((1000, 5000, 25000)),
            "remarks": self._text(rng.randint(28, 60)),
        }  # fmt: skip

    def _note(self, customer: dict[str, Any]) -> str:
        who = f"{customer['name']} ({customer['customer_id']}, {customer['email']})"
        return f"Spoke with {who}. {customer['remarks']} {self._text(30)}"

    def _mail(self, person: Person, customer: dict[str, Any]) -> dict[str, Any]:
        footer = self._templates[min(int(self._rng.expovariate(0.15)), 59)]
        return {"message_id": f"msg-{self._number(14)}", "from": customer["email"], "to": person.id,
                "subject": self._text(5), "body": f"{self._text(40)} {customer['phone']}", "footer": footer["text"],
                "imprint": footer["url"]}  # fmt: skip

    def _ticket(self, team: int) -> dict[str, Any]:
        updated = START - timedelta(minutes=self._rng.randrange(90_000))
        return {"key": f"TEAM{team}-{self._number(5)}", "title": self._text(7), "reporter": f"team{team}@corp.example",
                "updated": updated.isoformat(), "description": self._text(45)}  # fmt: skip

    def _page(self, kind: str) -> dict[str, Any]:
        return {"id": f"{kind}-{self._number(8)}", "url": f"https://www.example.org/{kind}/{self._number(7)}",
                "title": self._text(6), "text": self._text(50)}  # fmt: skip

    # --- ordinary work --------------------------------------------------------------------------------------------

    def run(self, events: int, leaks: int, days: int) -> Corpus:
        per_day = events // days
        for day in range(days):
            self._now = START + day * _DAY
            pause = timedelta(hours=10) / per_day
            planned = self._planned(leaks if day else 0, days - 1, per_day)
            for turn in range(per_day):
                self._now += pause
                for mechanism in planned.get(turn, ()):
                    getattr(self, f"_{mechanism}")()
                self._work(self._rng.choice(self.people))
        return self._corpus

    def _planned(self, leaks: int, days: int, turns: int) -> dict[int, list[str]]:
        planned: dict[int, list[str]] = {}
        for mechanism in MECHANISMS:
            count = leaks // days if mechanism != "id_collision" else leaks // days // 2
            count = count // 3 if mechanism == "off_by_one" else count
            for _ in range(count):
                planned.setdefault(self._rng.randrange(turns // 20, turns), []).append(mechanism)
        return planned

    def _work(self, person: Person) -> None:
        rng = self._rng
        kind = rng.choices(_KINDS, _SHARES)[0]
        server, tool, arguments, result, shown = self._call(person, kind)
        person.seen += shown
        self._event(person, server, tool, arguments, result, rng.choice(_FORMS))

    def _call(self, person: Person, kind: str) -> tuple[str, str, Any, Any, list[dict[str, Any]]]:
        rng = self._rng
        customer, mail = rng.choice(person.customers), rng.choice(person.mails)
        if kind == "get_customer":
            return "crm", kind, {"customer_id": customer["customer_id"]}, customer, [customer]
        if kind in ("list_customers", "search"):
            some = rng.sample(person.customers, 4)
            given = {} if kind == "list_customers" else {"query": f"{customer['city']} {rng.choice(WORDS)}"}
            return "crm", kind, given, {"total": 40, "items": some}, some
        if kind == "my_tickets":
            return "jira", kind, {}, {"tickets": rng.sample(self._tickets[person.team], 5)}, []
        if kind == "get_ticket":
            teams = len(self._tickets)
            near = min(person.team // 5 * 5 + rng.randrange(5), teams - 1)  # of the same organisation
            team = person.team if rng.random() < 0.9 else near
            ticket = rng.choice(self._tickets[team])
            return "jira", kind, {"key": ticket["key"]}, ticket, []
        if kind == "read_mail":
            return "mail", kind, {"message_id": mail["message_id"]}, mail, []
        if kind == "send_mail":
            body = f"Dear {customer['name']}, {self._text(20)}"
            return (
                "mail",
                kind,
                {"to": customer["email"], "body": body},
                {"queued": f"q-{self._number(12)}"},
                [],
            )
        if kind == "fetch":
            page = self._pages[min(int(rng.expovariate(0.02)), 399)]
            return "web", kind, {"url": page["url"]}, page, []
        if kind == "template":
            page = self._templates[min(int(rng.expovariate(0.15)), 59)]
            return "docs", kind, {"id": page["id"]}, page, []
        note = rng.choice(person.notes)
        return (
            "memory",
            "search_memory",
            {"query": f"{rng.choice(WORDS)} {rng.choice(WORDS)}"},
            {"notes": [note]},
            [],
        )

    def _event(
        self, person: Person, server: str, tool: str, arguments: Any, result: Any, form: str = "json",
        rpc: str | None = None, **more: Any,
    ) -> str:  # fmt: skip
        self._made += 1
        self._now += timedelta(microseconds=self._rng.randint(500, 4000))
        name = f"call-{self._made}"
        text = json.dumps(result) if form != "yaml" else "\n".join(as_lines(result))
        record = {
            "event_time": self._now.isoformat().replace("+00:00", "Z"), "native_event_id": name,
            "event_kind": "tool_call", "user_id": person.id, "org_id": person.org, "client_name": "assistant",
            "server_name": server, "tool_name": tool,
            "arguments": arguments, "jsonrpc_id": rpc or str(self._made % 50), "outcome": "success",
            "duration_ms": self._rng.randint(40, 900), "decision": "allow",
            "result": result if form == "json" else {"content": [{"type": "text", "text": text}]}, **more,
        }  # fmt: skip
        self._corpus.records.append(json.dumps({k: v for k, v in record.items() if v is not None}).encode())
        return name

    # --- leaks ----------------------------------------------------------------------------------------------------

    def _strangers(self, count: int) -> list[Person]:
        shown = [person for person in self.people if person.seen]
        return self._rng.sample(shown, count)

    def _leak(self, name: str, mechanism: str, kind: str = "verbatim") -> None:
        self._corpus.leaks[name] = (mechanism, kind)

    def _off_by_one(self) -> None:
        """Leave a cancelled request's reply on the pooled connection: the next three each get the one before."""
        chain = self._strangers(4)
        wanted = [self._rng.choice(person.customers) for person in chain]
        given = {"customer_id": wanted[0]["customer_id"]}
        self._event(chain[0], "crm", "get_customer", given, None, outcome="cancelled")
        for number in range(1, 4):
            given = {"customer_id": wanted[number]["customer_id"]}
            name = self._event(chain[number], "crm", "get_customer", given, wanted[number - 1])
            self._leak(name, "off_by_one")

    def _id_collision(self) -> None:
        """Let two requests fly under one JSON-RPC id: each gets the other's answer."""
        one, two = self._strangers(2)
        hers, his = self._rng.choice(one.customers), self._rng.choice(two.customers)
        rpc = str(self._rng.randrange(50))
        for person, asked, came in ((one, hers, his), (two, his, hers)):
            given = {"customer_id": asked["customer_id"]}
            self._leak(self._event(person, "crm", "get_customer", given, came, rpc=rpc), "id_collision")

    def _session_pool(self) -> None:
        """Use the pooled session of another: a list that names nothing holds the other's records."""
        victim, person = self._strangers(2)
        items = self._rng.choices(victim.seen, k=3)
        name = self._event(person, "crm", "list_customers", {}, {"total": 40, "items": items})
        self._leak(name, "session_pool")

    def _tenant_scope(self) -> None:
        """Lose the tenant: a search finds, among one's own, a record of another's."""
        victim, person = self._strangers(2)
        items = [*self._rng.sample(person.customers, 3), self._rng.choice(victim.seen)]
        self._rng.shuffle(items)
        name = self._event(person, "crm", "search", {"query": self._text(2)}, {"total": 4, "items": items})
        self._leak(name, "tenant_scope")

    def _shared_memory(self) -> None:
        """Search one memory for all: a note of another's, whole, in part or in other words; some is sent on."""
        victim, person = self._strangers(2)
        record = self._rng.choice(victim.seen)
        draw = self._rng.random()
        kind = "excerpt" if draw < EXCERPTS else "paraphrase" if draw < EXCERPTS + PARAPHRASES else "verbatim"
        words = record["remarks"].rstrip(".").split()
        if kind == "excerpt":
            first = self._rng.randrange(max(1, len(words) - 20))
            text = f"{self._text(8)} {' '.join(words[first : first + 20])} {self._text(6)}"
        elif kind == "paraphrase":
            text = f"{record['name'].split()[0]} from {record['city']} said: {' '.join(sorted(words[::2]))}."
        else:
            text = self._note(record)
        if kind == "verbatim" and self._rng.random() < 0.25:
            body = {"to": "partner@other.example", "body": text}
            name = self._event(person, "mail", "send_mail", body, {"queued": f"q-{self._number(12)}"})
        else:
            name = self._event(
                person, "memory", "search_memory", {"query": self._text(2)}, {"notes": [text]}, "text"
            )
        self._leak(name, "shared_memory", kind)


_KINDS = ("get_customer", "list_customers", "search", "my_tickets", "get_ticket", "read_mail", "send_mail", "fetch",
          "template", "memory")  # fmt: skip
_SHARES = (22, 6, 8, 8, 14, 14, 8, 9, 5, 6)
_FORMS = ("json", "text", "text", "yaml")
