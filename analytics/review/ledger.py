"""The books of a campaign: what was frozen when it began, and every decision since, as the lake holds them."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from analytics.review.assess import assess
from analytics.review.basis import Scope
from analytics.review.campaign import OVERDUE, Decision
from analytics.review.model import Assessment, Item, Stray
from analytics.review.sections import Exclusion
from store.commit import Advance
from store.errors import IntegrityError, UnreachableError, UsageError
from store.keeping.pinning import lacking
from store.lake import Lake
from store.tables import TABLES

Row = dict[str, Any]
_ITEMS = "SELECT * EXCLUDE (item_time, item_date) FROM review_items WHERE review = $review ORDER BY item_id"
_COLUMNS = [n for n in TABLES["review_items"].schema.names if n not in ("item_time", "item_date")]


@dataclass(frozen=True)
class Opening:
    """How a campaign is begun: its name, by whom, until when, by whom it may be decided (empty: anybody), and the rest.

    `previous` is the campaign to compare with; None takes the one that was closed last.
    """

    name: str
    by: str
    days: int = 14
    overdue: str = "escalate"
    reviewers: tuple[str, ...] = ()
    previous: str | None = None


def begin(
    lake: Lake, opening: Opening, scope: Scope, settings: Mapping[str, str | int] | None = None
) -> Assessment:
    """Freeze the population and the recommendations, and open the campaign; durable when this returns.

    Nothing of it counts before the campaign's own row is committed, under a name that no other can take; that row
    comes after the frozen rows were read back whole. Raises UsageError for a name that is taken or nothing to review.
    """
    _check(lake, opening)
    found = assess(lake, scope, settings=settings)
    if found.population.grants != len(found.items) + _only_excluded(found):
        raise IntegrityError("the population could not be read whole: its parts do not add up to it")
    if not found.items and not found.strays:
        raise UsageError(
            found.empty or "there is nothing to decide in this scope", hint="`tooltrail entitlements import`"
        )
    now = datetime.now(UTC)
    frozen = [{**row, "review": opening.name} for row in _frozen(found)]
    _keep(lake, "review_items", [{**row, "item_time": now, "item_date": now.date()} for row in frozen])
    digest = digest_of(items_of(lake, opening.name))
    if digest != digest_of(frozen):
        raise IntegrityError(
            "what was frozen does not read back as it was written", where=str(lake.path / "review_items")
        )
    row = _opened(opening, found, now, digest) | {"previous": opening.previous or _last_closed(lake)}
    lake.append(
        "reviews",
        pa.Table.from_pylist([row], TABLES["reviews"].schema),
        [Advance(stream(opening.name), None, 1)],
    )
    return found


def _check(lake: Lake, opening: Opening) -> None:
    if not opening.name.strip() or not opening.by.strip():
        raise UsageError("a review has a name, and somebody who begins it", hint="NAME --by WHO")
    if opening.overdue not in OVERDUE:
        raise UsageError(f"what is overdue is one of {', '.join(OVERDUE)}, not {opening.overdue!r}")
    if opening.previous is not None:
        campaign_row(lake, opening.previous)
    taken = lake.sql(
        "SELECT count(*) AS n FROM review_items WHERE review = $review", {"review": opening.name}
    )
    if lake.position("reviews", stream(opening.name))[0] is not None or taken.arrow()["n"][0].as_py():
        raise UsageError(
            f"there is, or was begun, a review named {opening.name!r}", hint="choose another name"
        )


def stream(name: str) -> str:
    """Return the stream on which a campaign is opened, at 1, and closed, at 2."""
    return f"review:{name}"


def _only_excluded(found: Assessment) -> int:
    decided = {item.item_id for item in found.items}
    return sum(exclusion.item_id not in decided for exclusion in found.exclusions)


def _frozen(found: Assessment) -> list[Row]:
    decided = {item.item_id for item in found.items}
    rows = [_item(item) for item in found.items] + [_stray(stray) for stray in found.strays]
    return rows + [_excluded(e) for e in found.exclusions if e.item_id not in decided]


def _item(item: Item) -> Row:
    same = {name: getattr(item, name) for name in _COLUMNS if hasattr(item, name)}
    return {**same, "what": "grant", "state": str(item.state), "advice": str(item.advice)}


def _stray(stray: Stray) -> Row:
    same = {name: getattr(stray, name) for name in _COLUMNS if hasattr(stray, name)}
    told = {"what": "stray", "kind": stray.leg, "state": "used_not_granted", "advice": str(stray.advice)}
    return {**same, **told, "people": list(stray.people)}


def _excluded(out: Exclusion) -> Row:
    same = {name: getattr(out, name) for name in _COLUMNS if hasattr(out, name)}
    return {**same, "what": "excluded", "kind": out.principal_kind, "reason": out.why}


def _opened(opening: Opening, found: Assessment, now: datetime, digest: str) -> Row:
    basis, population = found.basis, found.population
    return {
        "review": opening.name, "change": "opened", "made_by": opening.by,
        "review_time": now, "review_date": now.date(),
        "since": basis.since, "until": basis.until, "moment": basis.moment,
        "due_at": now + timedelta(days=opening.days),
        "overdue": opening.overdue, "reviewers": list(opening.reviewers),
        "scope": json.dumps(asdict(found.scope), default=str),
        "events_version": basis.events_version, "entitlements_version": basis.entitlements_version,
        "items": len(found.items), "excluded": _only_excluded(found), "orphans": population.orphans,
        "strays": len(found.strays), "frozen_sha256": digest,
    }  # fmt: skip


def _last_closed(lake: Lake) -> str | None:
    rows = lake.sql(
        "SELECT review FROM campaigns WHERE closed_at IS NOT NULL ORDER BY closed_at DESC LIMIT 1"
    ).arrow()
    names: list[str] = rows["review"].to_pylist()
    return names[0] if names else None


def _keep(lake: Lake, table: str, rows: Sequence[Row]) -> None:
    lake.append(table, pa.Table.from_pylist(list(rows), TABLES[table].schema))


# --- reading ----------------------------------------------------------------------------------------------------


def campaign_row(lake: Lake, name: str) -> Row:
    """Return a campaign as it began, with its closing if there was one; UsageError when there is none of this name."""
    rows: list[Row] = lake.sql("FROM campaigns WHERE review = $review", {"review": name}).arrow().to_pylist()
    if not rows:
        raise UsageError(f"there is no review {name!r}", hint="`tooltrail review status` lists them")
    return rows[0]


def items_of(lake: Lake, name: str) -> list[Row]:
    """Return what was frozen for a campaign, in order of the items' ids."""
    rows: list[Row] = lake.sql(_ITEMS, {"review": name}).arrow().to_pylist()
    return rows


def checked_items(lake: Lake, campaign: Mapping[str, Any]) -> list[Row]:
    """Return what was frozen; IntegrityError when it is not what the campaign was opened with."""
    rows = items_of(lake, campaign["review"])
    if digest_of(rows) != campaign["frozen_sha256"]:
        raise IntegrityError(
            f"what was frozen for {campaign['review']} is not whole: {len(rows):,} rows are there",
            where=str(lake.path / "review_items"), hint="restore the lake from a backup",
        )  # fmt: skip
    return rows


def decisions_of(lake: Lake, name: str) -> list[Decision]:
    """Return every decision of a campaign, in the order in which they were made."""
    question = """
    SELECT * EXCLUDE (review, decided_date, batch_number) FROM review_decisions WHERE review = $review
    ORDER BY batch_number, item_id"""
    return [Decision(**row) for row in lake.sql(question, {"review": name}).arrow().to_pylist()]


def digest_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of rows, whatever order they come in."""
    texts = sorted(json.dumps({n: _plain(row.get(n)) for n in _COLUMNS}, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _instead(campaign: Mapping[str, Any]) -> str:
    """Return what can be done where the report of a campaign cannot be made again."""
    name = shlex.quote(campaign["review"])
    if campaign["closed_at"] is not None:
        return f"the sealed records are whole: `tooltrail review check {name}` says where"
    return f"restore a backup, or `tooltrail review close {name} --by WHO --without-report`"


def scope_of(campaign: Mapping[str, Any]) -> Scope:
    """Return the scope a campaign was begun with, with the period it was cut to."""
    told = json.loads(campaign["scope"])
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    return Scope(**{**told, **lists, "since": campaign["since"], "until": campaign["until"]})


def frozen_assessment(
    lake: Lake, campaign: Mapping[str, Any], settings: Mapping[str, str | int] | None = None
) -> Assessment:
    """Return the assessment a campaign was begun with, made again from the versions it stood on.

    Raises UnreachableError where files of those versions are gone: maintenance keeps them while the campaign is
    open, but erasures do not.
    """
    gone = lacking(lake, campaign["events_version"])
    if gone:
        raise UnreachableError(
            f"what {campaign['review']} was frozen on is not there any more: {len(gone):,} files of events version"
            f" {campaign['events_version']} were removed, {gone[0]} first",
            where=str(lake.path), hint=_instead(campaign),
        )  # fmt: skip
    return assess(
        lake, scope_of(campaign), campaign["events_version"], version=campaign["entitlements_version"] or 0,
        moment=campaign["moment"], settings=settings,
    )  # fmt: skip
