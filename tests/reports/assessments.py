# ruff: noqa: E501, S311 - a table of made-up facts reads best as one
"""Assessments and campaigns to make pages of, with as many grants as asked and any text in every place for text."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from analytics.review.basis import Basis, Coverage, NotEvaluable, Population, Query, Scope, SourceCoverage
from analytics.review.campaign import (
    Arithmetic,
    Campaign,
    Change,
    Closure,
    Decision,
    ReviewerQuality,
    Verdict,
)
from analytics.review.model import Advice, Assessment, Cell, Headline, Item, Peers, State, Stray
from analytics.review.sections import (
    Attempt,
    Backtest,
    Dormant,
    Exclusion,
    FindingNote,
    Inherited,
    LateUse,
    Policy,
    Standing,
    Toxic,
)

UNTIL = datetime(2026, 10, 1, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=90)
SERVERS = ("billing", "crm", "drive", "email", "github", "jira", "warehouse", "wiki")
_ADVICE = {
    State.USED: Advice.NARROW, State.UNUSED: Advice.REVOKE, State.DENIED_ONLY: Advice.CONFIRM_DENIED,
    State.TOO_NEW: Advice.WAIT, State.NOT_OBSERVABLE: Advice.CANNOT_TELL,
}  # fmt: skip


class Maker:
    """Makes an assessment; `text` is put into every field that holds text of a log or an import."""

    def __init__(self, grants: int, text: str = "") -> None:
        self.grants, self.text = grants, text
        self.chance = random.Random(3)

    def ids(self, count: int) -> tuple[str, ...]:
        """Return made-up event ids."""
        return tuple(f"{self.chance.getrandbits(128):032x}" for _ in range(count))

    def items(self) -> tuple[Item, ...]:
        """Return the grants."""
        return tuple(self.item(number) for number in range(self.grants))

    def item(self, number: int) -> Item:
        """Return one grant."""
        chance, t = self.chance, self.text
        state = chance.choices(list(_ADVICE), [30, 38, 8, 10, 6])[0]
        used = state is State.USED
        return Item(
            item_id=f"{number:016x}", kind="human", principal_kind="human", tool_name=f"get_{number % 40}{t}",
            principal=f"person{number % 5000}@acme.example{t}", principal_name=None, resource_scope=None,
            server_name=SERVERS[number % 8] + t, conditions=None, source="group", via=f"finance{t}",
            granted_by=f"it{t}", granted_at=SINCE, expires_at=None, revoked_at=None, ticket=f"IT-{number}{t}",
            owner=f"cto{t}", break_glass=False, import_source=f"cedar{t}", policy=None, orphan=False, risk="low",
            risk_classes=("write",), privileged=number % 5 == 0, standing=True, age_days=200, state=state,
            state_reason=f"because{t}", calls=number % 90 if used else 0, denied=0, users=1,
            first_use=SINCE if used else None, last_use=UNTIL if used else None, last_denied=None, events=self.ids(2),
            denied_events=(), reach=12, used_tools=number % 12, unused_tools=(f"a{t}",), over_broad=number % 9 == 0,
            windows=3 if used else None, convertible=used and number % 4 == 0, breaks=number % 3 if used else 0,
            peers=Peers(f"finance{t}", 14, 9, 2), advice=_ADVICE[state],
            reason=f"It was not used in 90 days, while its server was heard in 2,012 of 2,160 hours.{t}",
            risk_if_kept=f"A stolen session could send mail to anybody.{t}",
        )  # fmt: skip

    def assessment(self) -> Assessment:
        """Return an assessment with something in every section."""
        t, ids, chance = self.text, self.ids, self.chance
        items = self.items()
        people = sorted({item.principal for item in items})[:60]
        cells = [Cell("human", person, server + t, {chance.choice(list(_ADVICE)): 2}, 2, 4, 2, 55, 2)
                 for person in people for server in SERVERS if chance.random() < 0.6]  # fmt: skip
        states = {state: sum(item.state is state for item in items) for state in State}
        test = Backtest(SINCE, UNTIL - timedelta(days=22), UNTIL, 800, 211, 1, 1, 0.026, "Clopper-Pearson", (f"crm/x{t}",), ids(1))  # fmt: skip
        source = SourceCoverage(f"acme{t}", ("audit_event",), ("crm",), 90_000, SINCE, UNTIL, 2160, 2012, 2, 9.5, 0.94, 0.7, 0.5)  # fmt: skip
        return Assessment(
            scope=Scope(), empty=None, severities={"critical": 2, "high": 7, "medium": 8}, debt=None, items=items,
            basis=Basis(SINCE, UNTIL, 7, 3, UNTIL, "c0ffee" * 10, "beef" * 16, (), f"tooltrail review{t}",
                        f"tooltrail/lake{t}", 41, "cm9vdA=="),
            coverage=Coverage((source,), 120_345, 88_211, {"sure": 2201, "likely": 120}, 0, 12, (f"quiet{t}",),
                              (NotEvaluable("d24_scope_creep", 90, ("scopes",)),), 2, (f"5 % of calls name no person.{t}",)),
            headlines=tuple(Headline(name, f"{name}{t}", 214.0, 209.0, "", "population") for name in (
                "humans", "non_humans", "grants", "used_share", "idle_key_days", "open_findings")),
            population=Population(len(items) + 12, len(items) - 8, 12, 8, 1, 214, 61, (f"x{t}",), (f"left{t}",)),
            states=states, states_by_server={server + t: states for server in SERVERS},
            sentences=(f"A third of the grants was used.{t}",), cells=tuple(cells),
            strays=(Stray("st1", "human", f"bob{t}", "human", f"billing{t}", f"pay{t}", 14, (f"bob{t}",), (f"cursor{t}",),
                          SINCE, UNTIL, ids(3), False, None, "high", ("private",), True, Advice.GRANT_OR_DENY,
                          f"no grant was in force{t}", f"Nobody decided that.{t}"),),
            standing=(Standing(f"crm{t}", 40, 3, 5, 11, 220.0, 4.0, 0.2),),
            late_uses=(LateUse("credential", f"key{t}", "revoked", SINCE, f"log{t}", f"crm{t}", f"get{t}", 3, SINCE, UNTIL, 10_821.0, ids(3)),),
            dormant=(Dormant("person", f"old{t}", f"cto{t}", None, None, 4),),
            inherited=(Inherited("person_through_client", f"ana{t}", f"ci{t}", f"crm{t}", f"get{t}", 4, SINCE, UNTIL, ids(2), f"why{t}"),),
            toxic=(Toxic("human", f"ana{t}", (f"crm/a{t}",), (f"web/b{t}",), (f"mail/c{t}",), (), (), 2, f"all{t}"),),
            attempts=(Attempt(f"ana{t}", f"billing{t}", f"pay{t}", False, 4, 0, (f"no{t}",), SINCE, UNTIL, ids(2), ids(1)),),
            findings=(FindingNote("f" * 32, "d20_revoked_but_used", f"Revoked{t}", "critical", 0.001, 0.9, UNTIL, f"ana{t}",
                                  f"crm{t}", f"It was revoked.{t}", "open", None, ("NHI1", "PR.AA-01"), ids(2)),),
            policies=tuple(Policy("human", f"user{n}{t}", f"permit(principal);\n// {t}", "{}", (f"crm/a{t}",), (f"crm/a{t}",), (),
                                  (f"crm/*{t}",), (f"p{t}",), (f"g{t}",), test, f"- crm/*{t}\n+ crm/a{t}", f"permit(principal);{t}")
                           for n in range(3)),
            exclusions=(Exclusion("i9", f"break-glass{t}", "human", f"root{t}", f"crm{t}", "*", f"cto{t}", f"IT-9{t}", None, None),),
            queries=(Query("population", f"How many grants there are{t}", f"SELECT 1\nWHERE 1 < 3 -- {t}", 1, "ab" * 32, ids(3)),),
        )  # fmt: skip

    def campaign(self, items: tuple[Item, ...]) -> Campaign:
        """Return a campaign in which some of the items are decided."""
        t = self.text
        decided = items[: min(70, len(items))]
        decisions = tuple(
            Decision(item.item_id, 1, "revoke", f"agreed{t}", f"lead{t}", UNTIL + timedelta(minutes=3 * n), f"b{t}", 1,
                     float(n), f"keep{t}", f"cto{t}", UNTIL, f"IT{t}", f"cli{t}") for n, item in enumerate(decided)
        )  # fmt: skip
        left = len(items) - len(decided)
        return Campaign(
            name="2026-Q3", status="open", created_at=UNTIL, created_by=f"grc{t}", due_at=UNTIL + timedelta(days=14),
            overdue_policy="escalate", reviewers=(f"lead{t}", f"second{t}"), decisions=decisions,
            verdicts=(*(Verdict(d.item_id, "decided", d.decision, "reviewer", d, None) for d in decisions),
                      *(Verdict(item.item_id, "open", None, None, None, None) for item in items[len(decided):])),
            quality=(ReviewerQuality(f"lead{t}", 70, 64, 3, 20, 31.0, 40.0, 2, UNTIL, UNTIL, {f"manager{t}": 60}, False),),
            arithmetic=Arithmetic(len(items) + 12, len(items) - 8, 12, 8, {"keep": 0, "revoke": len(decided)}, left,
                                  (f"{left} items are open{t}",)),
            closures=(Closure("i2", f"bob{t}", f"crm{t}", f"x{t}", UNTIL, f"IT{t}", "still_reachable", None, None, None, None, self.ids(2)),),
            previous=f"2026-Q2{t}", seal=None,
            changes=(Change("ignored_twice", "i3", f"ana{t}", f"crm{t}", f"x{t}", f"revoke{t}", f"keep{t}"),),
        )  # fmt: skip


def assessed(grants: int, text: str = "") -> tuple[Assessment, Campaign]:
    """Return an assessment and a campaign over it."""
    maker = Maker(grants, text)
    found = maker.assessment()
    return found, maker.campaign(found.items)
