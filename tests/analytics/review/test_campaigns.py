"""Campaigns: frozen at the start, decided by the right people with reasons, closed only when everything adds up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from company import END, ROSTER, START, call, filled, granted, imported, refused

from analytics.review import closing, ledger
from analytics.review.basis import Scope
from analytics.review.closing import close
from analytics.review.deciding import Choice, decide
from analytics.review.ledger import Opening, begin
from analytics.review.standing import campaign_of
from store.errors import IntegrityError, UsageError
from store.lake import Lake
from store.tables import TABLES

SCOPE = Scope(since=START, until=END)


@pytest.fixture
def company(lake: Lake) -> Lake:
    """Return a lake with one used low-risk grant, one unused privileged one, and one of eve's and of a stranger's."""
    filled(lake, *(call(day, "ana", "list_repos") for day in range(1, 90)), call(80, "cyd", "list_issues"))
    imported(lake, "roster", ROSTER)
    return granted(
        lake, "1,ana,human,github,list_repos,permit,2025-01-01,,dora",
        "2,bob,human,github,delete_repo,permit,2025-01-01",
        "3,zoe,human,github,list_repos,permit,2025-01-01",
    )  # fmt: skip


def ids(lake: Lake, name: str = "q1") -> dict[str, str]:
    """Return the items' ids by principal."""
    return {row["principal"]: row["item_id"] for row in ledger.items_of(lake, name)}


def faults(lake: Lake, *choices: Choice) -> str:
    """Return what is wrong with decisions, all of which are refused."""
    before = len(ledger.decisions_of(lake, "q1"))
    with pytest.raises(UsageError) as refusal:
        decide(lake, "q1", choices)
    assert len(ledger.decisions_of(lake, "q1")) == before
    return refusal.value.message


def decide_all(lake: Lake) -> None:
    """Decide the company's review: keep, revoke by two, revoke, and a stray."""
    item = ids(lake)
    decide(lake, "q1", [
        Choice(item["ana"], "keep", "", "dora"), Choice(item["bob"], "revoke", "", "dora"),
        Choice(item["zoe"], "revoke", "", "dora"), Choice(item["cyd"], "revoke", "nobody granted it", "dora"),
    ])  # fmt: skip
    decide(lake, "q1", [Choice(item["bob"], "revoke", "", "ana")])


@pytest.mark.slow
def test_what_is_frozen_stays_as_it_was(company: Lake) -> None:
    """Grants and calls that come after the beginning change neither the population nor a recommendation."""
    found = begin(company, Opening("q1", "dora"), SCOPE)
    granted(company, "9,cyd,human,github,*,permit,2025-01-01")
    rows = ledger.items_of(company, "q1")
    assert [(r["principal"], r["what"], r["advice"]) for r in sorted(rows, key=lambda r: r["principal"])] == [
        ("ana", "grant", "keep"), ("bob", "grant", "revoke"), ("cyd", "stray", "grant_or_deny"),
        ("zoe", "grant", "revoke"),
    ]  # fmt: skip
    again = ledger.frozen_assessment(company, ledger.campaign_row(company, "q1"))
    assert (again.items, again.strays, again.policies) == (found.items, found.strays, found.policies)
    with pytest.raises(UsageError, match="there is, or was begun"):
        begin(company, Opening("q1", "dora"), SCOPE)


def test_a_part_of_what_was_frozen_is_not_taken_for_the_whole(company: Lake) -> None:
    """Where frozen rows are more or fewer than were written, nothing is decided or closed."""
    begin(company, Opening("q1", "dora"), SCOPE)
    row = {
        **ledger.items_of(company, "q1")[0],
        "item_id": "f" * 64,
        "item_time": END,
        "item_date": END.date(),
    }
    company.append("review_items", pa.Table.from_pylist([row], TABLES["review_items"].schema))
    with pytest.raises(IntegrityError, match="not whole: 5 rows"):
        campaign_of(company, "q1")


@pytest.mark.parametrize(
    ("principal", "reviewer", "because"),
    [
        ("ana", "ana", "ana is ana"), ("ana", "ANA@x.org", "ANA@x.org is ana"),
        ("cyd", "cyd@x.org", "cyd@x.org is cyd"),
    ],
)  # fmt: skip
def test_no_one_certifies_their_own_access(
    company: Lake, principal: str, reviewer: str, because: str
) -> None:
    """Neither under their own name nor by an e-mail address of theirs, in whatever spelling."""
    begin(company, Opening("q1", "dora"), SCOPE)
    told = faults(company, Choice(ids(company)[principal], "keep", "I need it", reviewer))
    assert f"no one certifies their own access: {because}" in told


def test_a_member_does_not_certify_the_groups_access_nor_an_owner_their_key(lake: Lake) -> None:
    """A grant by a group is the access of its members; a credential's is that of its owner."""
    filled(lake, call(10, "ana", "list_repos"))
    imported(lake, "roster", ROSTER)
    imported(lake, "credentials", "credential_id,owner,servers\nkey-ana,ana@x.org,github\n")
    granted(lake, "1,ops,group,github,*,permit,2025-01-01,,,,group,ops")
    begin(lake, Opening("q1", "dora"), SCOPE)
    item = ids(lake)
    assert "ana is in ops" in faults(lake, Choice(item["ops"], "keep", "we need it", "ana"))
    assert "ana owns key-ana" in faults(lake, Choice(item["key-ana"], "revoke", "old", "ana"))


def test_reasons_reviewers_and_deferrals_are_checked_all_at_once(company: Lake) -> None:
    """Every fault is told in one go, with its place, and nothing of the batch is taken in."""
    begin(company, Opening("q1", "dora", reviewers=("dora", "ana")), SCOPE)
    item, far = ids(company), datetime.now(UTC) + timedelta(days=31)
    columns = {"decision": 2, "reason": 3, "due": 5, "owner": 4, "reviewer": 6, "item": 1}
    told = faults(
        company,
        Choice(item["bob"], "keep", " ", "dora", place="d.csv:2", columns=columns),
        Choice(item["zoe"], "defer", "later", "dora", due=far, place="d.csv:3", columns=columns),
        Choice(item["ana"], "approve", "", "dora", place="d.csv:4", columns=columns),
        Choice(item["cyd"], "revoke", "x", "bob", place="d.csv:5", columns=columns),
        Choice("ffff", "keep", "x", "dora", place="d.csv:6", columns=columns),
    )
    assert "d.csv:2:3: a reason is needed: keep departs from the recommendation, revoke" in told
    assert "d.csv:3:4: a deferral has an owner" in told
    assert "d.csv:3:5: a deferral has a day ahead, at most 30 days away" in told
    assert "d.csv:4:2: a decision is one of keep, modify, revoke, defer, exception, not 'approve'" in told
    assert "d.csv:5:6: bob is not among this review's reviewers" in told
    assert "d.csv:6:1: there is no such item in this review" in told


def test_only_used_low_risk_access_is_kept_without_a_reason(company: Lake) -> None:
    """What is used and of low risk may be approved in bulk; all else that is kept says why."""
    begin(company, Opening("q1", "dora"), SCOPE)
    item = ids(company)
    decide(company, "q1", [Choice(item["ana"], "keep", "", "dora")])
    assert "a reason is needed" in faults(company, Choice(item["zoe"], "keep", "", "dora"))


def test_what_is_privileged_needs_a_second_person(company: Lake) -> None:
    """The same person cannot be both, two must agree, and a new first decision asks for a new second one."""
    begin(company, Opening("q1", "dora"), SCOPE)
    bob = ids(company)["bob"]

    def status() -> tuple[str, str | None]:
        verdict = next(v for v in campaign_of(company, "q1").verdicts if v.item_id == bob)
        return verdict.status, verdict.outcome

    decide(company, "q1", [Choice(bob, "revoke", "", "dora")])
    decide(company, "q1", [Choice(bob, "revoke", "", "dora@x.org")])
    assert status() == ("second_stage", None)
    decide(company, "q1", [Choice(bob, "keep", "he is on call", "ana")])
    assert status() == ("disputed", None)
    decide(company, "q1", [Choice(bob, "revoke", "", "ana")])
    assert status() == ("decided", "revoke")
    decide(company, "q1", [Choice(bob, "keep", "after all", "dora")])
    assert status() == ("second_stage", None)


@pytest.mark.slow
def test_closing_is_refused_until_everything_adds_up(company: Lake) -> None:
    """What is open is named; then population = reviewed + excluded + orphan, and decisions are those of all items."""
    begin(company, Opening("q1", "dora"), SCOPE)
    decide(company, "q1", [Choice(ids(company)["ana"], "keep", "", "dora")])
    with pytest.raises(UsageError, match="3 items are not decided"):
        close(company, "q1", "dora")
    decide_all(company)
    campaign = close(company, "q1", "dora")
    sums = campaign.arithmetic
    assert (sums.closes, sums.population) == (True, sums.reviewed + sums.excluded + sums.orphan)
    assert sum(sums.by_decision.values()) == sums.reviewed + sums.orphan == 4
    assert (sums.orphan, sums.by_decision["keep"], sums.by_decision["revoke"]) == (1, 1, 3)
    with pytest.raises(UsageError, match="nothing more is decided"):
        decide(company, "q1", [Choice(ids(company)["ana"], "revoke", "late", "dora")])
    with pytest.raises(UsageError, match="already"):
        close(company, "q1", "dora")


@pytest.mark.slow
def test_the_seal_holds_and_tells_when_it_is_broken(company: Lake) -> None:
    """Files are sealed by their SHA-256 with the lake's versions; a changed file is found out."""
    begin(company, Opening("q1", "dora"), SCOPE)
    decide_all(company)
    campaign = close(company, "q1", "dora", pages=lambda _found, made: {"q1.html": made.status.encode()})
    assert campaign.seal is not None
    assert campaign.seal.versions["events"] == company.snapshot("events").version
    assert set(campaign.seal.files) == {
        "items.ndjson", "decisions.ndjson", "verdicts.ndjson", "report.json", "q1.html",
    }  # fmt: skip
    assert closing.check_seal(company, "q1") == []
    file = closing.record_folder(company, "q1") / "decisions.ndjson"
    assert [json.loads(line)["reviewer"] for line in file.read_text().splitlines()] == ["dora"] * 4 + ["ana"]
    file.write_text(file.read_text().replace("dora", "bob", 1))
    page = file.with_name("q1.html")
    assert page.read_text() == "closed"
    page.write_text("approved")
    file.with_name("q2.html").write_text("another page")
    assert [Path(fault.split(": ")[0]).name for fault in closing.check_seal(company, "q1")] == [
        "decisions.ndjson", "q1.html", "q2.html",
    ]  # fmt: skip


@pytest.mark.parametrize(("policy", "outcome"), [("keep", "keep"), ("revoke", "revoke"), ("escalate", None)])
def test_what_is_overdue_follows_the_policy_it_was_begun_with(
    company: Lake, policy: str, outcome: str | None
) -> None:
    """Past its day an open item is kept or revoked as was said at the beginning, or goes on to stand in the way."""
    begin(company, Opening("q1", "dora", days=14, overdue=policy), SCOPE)
    later = datetime.now(UTC) + timedelta(days=14, hours=2)
    campaign = campaign_of(company, "q1", now=later)
    assert campaign.status == "overdue"
    assert {v.outcome for v in campaign.verdicts} == {outcome}
    assert campaign.arithmetic.closes is (outcome is not None)
    assert {(c.status, c.decided_at) for c in campaign.closures} == (
        {("not_proven", campaign.due_at)} if outcome == "revoke" else set()
    )


def test_a_revocation_is_followed_until_it_is_proven(company: Lake) -> None:
    """An import without the grant proves it, or a later refusal; a later call disproves it; else it is not proven."""
    begin(company, Opening("q1", "dora"), SCOPE)
    decide_all(company)
    now = datetime.now(UTC)

    def status(**asked: datetime) -> dict[str, tuple[str, str | None]]:
        return {c.principal: (c.status, c.proof) for c in campaign_of(company, "q1", **asked).closures}

    assert status() == dict.fromkeys(("bob", "zoe", "cyd"), ("not_proven", None))
    assert status(now=now + timedelta(days=2))["bob"] == ("overdue", None)
    soon, later = ((now + timedelta(seconds=s) - START) / timedelta(days=1) for s in (60, 120))
    more = [
        refused(soon, "cyd", "list_issues"),
        call(soon, "zoe", "list_repos"),
        refused(later, "zoe", "list_issues"),
    ]
    filled(company, *({**event, "source_offset": 1000 + n} for n, event in enumerate(more)))
    granted(
        company,
        *(f"{n},{who},human,github,list_repos,permit,2025-01-01" for n, who in ((1, "ana"), (3, "zoe"))),
    )
    assert status() == {
        "bob": ("enforced", "import"),
        "cyd": ("enforced", "denial"),
        "zoe": ("still_reachable", None),
    }


@pytest.mark.slow
def test_the_next_campaign_says_what_was_not_carried_out(company: Lake) -> None:
    """Against the one before: what was revoked and still stands, what came, and what is no longer there."""
    begin(company, Opening("q1", "dora"), SCOPE)
    decide_all(company)
    close(company, "q1", "dora")
    granted(
        company, "1,ana,human,github,list_repos,permit,2025-01-01",
        "2,bob,human,github,delete_repo,permit,2025-01-01",
        "4,cyd,human,github,list_issues,permit,2025-01-01",
    )  # fmt: skip
    found = begin(company, Opening("q2", "dora"), SCOPE)
    [used] = [headline for headline in found.headlines if headline.id == "used_share"]
    assert (used.value, used.before) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    campaign = campaign_of(company, "q2")
    assert campaign.previous == "q1"
    told = {(change.what, change.principal) for change in campaign.changes}
    assert {("not_carried_out", "bob"), ("gone", "zoe"), ("granted", "cyd")} <= told


@pytest.mark.slow
def test_a_rubber_stamp_is_seen(lake: Lake) -> None:
    """More than 95 % approved in less than ten seconds each is told, with what the reviewer is to the holders."""
    filled(lake, *(call(day, f"user-{n}", "list_repos") for n in range(20) for day in (1, 40, 80)))
    imported(lake, "roster", "user_id,manager\n" + "".join(f"user-{n},dora\n" for n in range(20)) + "dora,\n")
    granted(lake, *(f"{n},user-{n},human,github,list_repos,permit,2025-01-01" for n in range(20)))
    begin(lake, Opening("q1", "dora"), SCOPE)
    decide(lake, "q1", [Choice(item, "keep", "", "dora") for item in ids(lake).values()])
    [quality] = campaign_of(lake, "q1").quality
    assert (quality.decisions, quality.approved, quality.largest_batch) == (20, 20, 20)
    assert (quality.rubber_stamp, quality.relations) == (True, {"manager": 20})
