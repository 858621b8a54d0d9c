"""The first page: what was reviewed, the numbers, and what the report cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from analytics.review.campaign import Campaign
from analytics.review.model import Assessment, Headline, State
from reports.page import Tile
from reports.review.rows import words
from reports.wording import count, day, share, some, stamp

_KINDS = {"used_share": "reached", "idle_key_days": "warned", "open_findings": "denied"}


def facts(found: Assessment, campaign: Campaign | None) -> Iterator[tuple[str, str]]:
    """Yield what stands on the cover."""
    basis, scope = found.basis, found.scope
    yield "period", f"{day(basis.since)} to {day(basis.until - timedelta(microseconds=1))}"
    yield "servers", ", ".join(scope.servers) or "all"
    yield "principals", ", ".join(scope.principals) or "all"
    yield "kinds of grants", ", ".join(scope.kinds)
    yield "population as of", stamp(basis.moment)
    if campaign is not None:
        yield "status", words(campaign.status)
        yield "reviewers", ", ".join(campaign.reviewers) or "none named"
        yield "due", f"{day(campaign.due_at)}; undecided then: {campaign.overdue_policy}"
    else:
        yield "status", "draft: nobody was asked to decide"
    version = basis.entitlements_version
    yield "entitlements", "none were imported" if version is None else f"import {version}"
    yield "configuration", basis.config_hash[:16]
    yield "events sealed by", basis.root_hash[:16]
    if basis.log_root is not None:
        yield "log checkpoint", f"{basis.log_size:,} entries, root {basis.log_root[:12]}… (section 19)"


def title(found: Assessment, campaign: Campaign | None) -> str:
    """Return the title of the page."""
    if campaign is not None:
        return f"Entitlement review {campaign.name}"
    until = found.basis.until - timedelta(microseconds=1)
    return f"Entitlement review, {day(found.basis.since)} to {day(until)} (draft)"


def headline_tiles(found: Assessment) -> list[Tile]:
    """Return the six numbers, each with its change and the query behind it."""
    known = {query.id for query in found.queries}
    return [_tile(one, one.query if one.query in known else None) for one in found.headlines]


def _tile(one: Headline, query: str | None) -> Tile:
    in_review = one.id == "used_share"
    if one.before is None:
        change = f"no {'review' if in_review else 'period'} before to compare with"
    else:
        change = f"{_number(one, one.before)} {'in the review before' if in_review else 'the period before'}"
    return Tile(_number(one, one.value), one.label, _KINDS.get(one.id, "asked"), change, query)


def _number(one: Headline, value: float | None) -> str:
    if value is None:
        return "–"
    if one.id == "used_share":
        return share(value)
    return count(round(value)) if value == int(value) or value >= 100 else count(value)


def state_tiles(found: Assessment) -> list[tuple[str, int]]:
    """Return how many grants are in each state."""
    return [(words(state), found.states.get(state, 0)) for state in State]


def certainty(found: Assessment) -> str:
    """Return in words how sure it is which events belong to one session."""
    sessions: Mapping[str, int] = found.coverage.sessions
    told = ", ".join(f"{number:,} {name}" for name, number in sessions.items())
    return f"{some(sum(sessions.values()), 'session')}: {told}" if sessions else "Sessions were not stitched."


def summary(found: Assessment) -> list[str]:
    """Return the review in a few lines, as mail and terminals show it."""
    told = [f"{tile.words}: {tile.value}" for tile in headline_tiles(found)]
    return [found.empty, *told] if found.empty else [*told, *found.sentences]
