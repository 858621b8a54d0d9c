"""What the report of an entitlement review shows, section by section."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from analytics.review.basis import Basis, Coverage, Population, Query
from analytics.review.campaign import Arithmetic, Campaign
from analytics.review.model import Assessment
from analytics.review.sections import Policy
from reports.charts import burn_down, decision_times, keys_by_age, progress, states_by_server, used_matrix
from reports.charts.grants import Square
from reports.page import About, Figure, Listing, Page, Tile
from reports.review import cover
from reports.review.lists import lists_of
from reports.review.tables import tables_of
from reports.wording import day

MOST_POLICIES = 25
SECTIONS = (
    "Cover", "What this report can and cannot say", "Summary", "Decisions wanted", "Granted and used",
    "Standing and just-in-time", "Credentials and trust debt", "Used after its end, and dormant",
    "Separation of duties and toxic combinations", "Attempts that were refused", "Behaviour findings",
    "Least-privilege policies", "Campaign log", "Arithmetic that must close", "Proof that revocations were enforced",
    "What changed since the last period", "Framework map", "Exclusions and break-glass", "Evidence", "Reproduce",
)  # fmt: skip
_RANK = ("used_not_granted", "denied_only", "unused", "used", "too_new", "not_observable")


@dataclass(frozen=True)
class ReviewPage:
    """The whole page."""

    about: About = field(metadata={"help": "what the page is, and the version of the events"})
    contents: Sequence[str] = field(metadata={"help": "the titles of the twenty sections"})
    facts: Sequence[tuple[str, str]] = field(metadata={"help": "period, scope, versions, hashes, reviewers"})
    basis: Basis = field(metadata={"help": "versions and hashes that everything stands on"})
    signers: Sequence[str] = field(metadata={"help": "whose signatures the report has room for"})
    empty: str | None = field(metadata={"help": "why there is nothing to review, else None"})
    coverage: Coverage = field(metadata={"help": "what the review can and cannot say"})
    certainty: str = field(metadata={"help": "how sure it is which events belong to one session"})
    tiles: Sequence[Tile] = field(metadata={"help": "six numbers, each with the period before"})
    states: Sequence[tuple[str, int]] = field(metadata={"help": "how many grants are in each state"})
    severities: Mapping[str, int] = field(metadata={"help": "findings by severity"})
    sentences: Sequence[str] = field(metadata={"help": "the review in plain words"})
    population: Population = field(metadata={"help": "how many grants there are, and what they are"})
    lists: Mapping[str, Listing] = field(metadata={"help": "every table of the page by its name"})
    figures: Mapping[str, Figure | None] = field(metadata={"help": "the charts by name; none without data"})
    debt: Mapping[str, object] | None = field(
        metadata={"help": "sums of trust debt; none without credentials"}
    )
    policies: Sequence[Policy] = field(metadata={"help": "the first recommended policies"})
    policies_left_out: int = field(metadata={"help": "policies beyond those"})
    campaign: Campaign | None = field(metadata={"help": "who decides; none for a draft"})
    arithmetic: Arithmetic | None = field(metadata={"help": "the sums of the campaign; none for a draft"})
    queries: Sequence[Query] = field(metadata={"help": "the question behind each number, and its answer"})
    stem: str = field(metadata={"help": "what the files beside the page begin with"})


def review_page(found: Assessment, campaign: Campaign | None = None, command: str | None = None) -> Page:
    """Return the report of an assessment, with what a campaign has decided if there is one.

    `command` makes it again, where it is another than the one the assessment names.
    """
    about = About(
        "Entitlement review",
        cover.title(found, campaign),
        found.basis.events_version,
        command or found.basis.command,
    )
    stem = f"review-{_file_name(campaign.name) if campaign else day(found.basis.since)}"
    tables = tables_of(found, campaign)
    context = ReviewPage(
        about=about,
        contents=SECTIONS,
        facts=list(cover.facts(found, campaign)),
        basis=found.basis,
        signers=(*(campaign.reviewers[:2] if campaign else ()), "for the owner of these systems"),
        empty=found.empty,
        coverage=found.coverage,
        certainty=cover.certainty(found),
        tiles=cover.headline_tiles(found),
        states=cover.state_tiles(found),
        severities=found.severities,
        sentences=found.sentences,
        population=found.population,
        lists=lists_of(tables, stem),
        figures=figures(found, campaign),
        debt=found.debt.total if found.debt else None,
        policies=found.policies[:MOST_POLICIES],
        policies_left_out=max(0, len(found.policies) - MOST_POLICIES),
        campaign=campaign,
        arithmetic=campaign.arithmetic if campaign else None,
        queries=found.queries,
        stem=stem,
    )
    return Page(stem, "review/page.html.j2", context, tables, about, cover.summary(found))


def _file_name(name: str) -> str:
    """Return a campaign's name as part of a file's; names that differ in other signs alone get different ones."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].strip(".-")
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:8]}".strip("-")


def figures(found: Assessment, campaign: Campaign | None) -> dict[str, Figure | None]:
    """Return the five charts; one without data is None."""
    counts = {server: {s.value: n for s, n in by.items()} for server, by in found.states_by_server.items()}
    debt = found.debt
    decisions = campaign.decisions if campaign else ()
    decided = [v.first.decided_at for v in campaign.verdicts if v.first is not None] if campaign else []
    return {
        "states": states_by_server(counts),
        "matrix": used_matrix(list(_squares(found))),
        "keys": keys_by_age(debt.by("credential").to_pylist(), debt.until) if debt else None,
        "burn_down": burn_down(debt.weeks("server").to_pylist()) if debt else None,
        "progress": progress(decided, len(campaign.verdicts), campaign.created_at) if campaign else None,
        "decision_times": decision_times([decision.seconds for decision in decisions]),
    }


def _squares(found: Assessment) -> Sequence[Square]:
    """Return for each principal and server the gravest state that any of its grants there is in."""
    squares = []
    for cell in found.cells:
        state = next((name for name in _RANK for s, n in cell.states.items() if s.value == name and n), None)
        if state is not None:
            squares.append(Square(cell.principal, cell.server_name, state, cell.grants))
    return squares
