"""What a review can and cannot say: how much of the period the logs cover, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from analytics.review.basis import Coverage, NotEvaluable, SourceCoverage
from analytics.review.gather import made
from analytics.review.world import World, text

Row = dict[str, Any]

_SILENT = """
SELECT DISTINCT server_name FROM population p
WHERE NOT regexp_matches(server_name, '[*?\\[]') AND effect = 'permit'
  AND server_name NOT IN (SELECT server_name FROM seen)
ORDER BY server_name"""
_ASIDE = """
SELECT (SELECT coalesce(sum(last_offset - first_offset + 1), 0)::BIGINT FROM gaps) AS lost_records,
       (SELECT count(*) FROM dead_letters) AS dead_letters"""
_SESSIONS = """
SELECT CASE WHEN confidence >= 0.9 THEN 'sure' WHEN confidence >= 0.5 THEN 'likely' ELSE 'doubtful' END AS how,
       count(*) AS n
FROM sessions WHERE last >= $since AND first < $until GROUP BY ALL ORDER BY ALL"""
_EVALUATED = """
SELECT detection, day, status, missing FROM (
    SELECT *, window_from::DATE AS day FROM evaluations WHERE evaluated_time <= $moment
    QUALIFY row_number() OVER (PARTITION BY detection, window_from ORDER BY revision DESC, evaluated_time DESC) = 1
) WHERE window_from >= $since::TIMESTAMPTZ - INTERVAL 1 DAY AND window_from < $until ORDER BY detection, day"""


def coverage_of(world: World) -> Coverage:
    """Return what the sources show, and in sentences what follows for the review, the gravest first."""
    sources = tuple(made(SourceCoverage, row) for row in world.ask(text("sources.sql")))
    [totals] = world.ask(
        "SELECT coalesce(sum(events), 0)::BIGINT AS events, coalesce(sum(calls), 0)::BIGINT AS calls FROM hours"
    )
    [aside] = _lake(world, _ASIDE)
    silent = tuple(row["server_name"] for row in world.ask(_SILENT))
    evaluated = _lake(world, _EVALUATED)
    days = {row["day"] for row in world.ask("SELECT DISTINCT hour::DATE AS day FROM hours")}
    never = len(days - {row["day"] for row in evaluated})
    missing = tuple(_not_evaluable(evaluated))
    found = Coverage(
        sources, totals["events"], totals["calls"], {row["how"]: row["n"] for row in _lake(world, _SESSIONS)},
        aside["lost_records"], aside["dead_letters"], silent, missing, never, (),
    )  # fmt: skip
    return Coverage(**{**vars(found), "limits": tuple(_limits(world, found))})


def _lake(world: World, question: str) -> list[Row]:
    bounds = {"since": world.since, "until": world.until, "moment": world.moment}
    named = {name: value for name, value in bounds.items() if f"${name}" in question}
    rows: list[Row] = world.lake.sql(question, named or None).arrow().to_pylist()
    return rows


def _not_evaluable(rows: Sequence[Row]) -> Iterator[NotEvaluable]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["status"] != "evaluated":
            found.setdefault(row["detection"], []).append(row)
    for detection, days in found.items():
        columns = sorted({name for day in days for name in day["missing"]})
        yield NotEvaluable(detection, len(days), tuple(columns))


def _limits(world: World, found: Coverage) -> Iterator[str]:
    if not found.events:
        yield "The lake holds no events of this period: no use can be told, and nothing can be called unused."
        return
    if world.version is None:
        yield "No entitlements were imported: what is granted is not known."
    if found.silent_servers:
        silent = found.silent_servers
        yield f"Nothing is known of the use of {_few(silent)}: no log in the lake is of {_them(silent)}."
    first = min(source.first for source in found.sources)
    if first - world.since > timedelta(days=1):
        yield f"The logs begin on {first:%Y-%m-%d}, {(first - world.since).days} days into the period."
    yield from _unnamed(found)
    gaps = [source for source in found.sources if source.gaps]
    if gaps:
        longest = max(gaps, key=lambda source: source.longest_gap_hours)
        yield (
            f"{longest.source} was silent for up to {longest.longest_gap_hours:,.0f} hours: whether nothing happened "
            "or nothing was kept is not known."
        )
    if found.lost_records:
        yield f"{found.lost_records:,} records were gone at their source before they could be read."
    if found.dead_letters:
        yield f"{found.dead_letters:,} records could not be read and are kept aside: `tooltrail deadletters list`."
    if found.never_evaluated_days:
        days = found.never_evaluated_days
        yield f"Detections have not looked at {days:,} of the days with events: `tooltrail detect`."
    if found.not_evaluable:
        yield f"{len(found.not_evaluable)} detections could not say anything on some days, for want of columns."


def _unnamed(found: Coverage) -> Iterator[str]:
    for column, whom in (
        ("with_human", "human"),
        ("with_client", "client"),
        ("with_credential", "credential"),
    ):
        named = sum(getattr(source, column) * source.events for source in found.sources) / found.events
        if named < 0.95:
            yield f"{1 - named:.0%} of the events name no {whom}: such use is attributed to no {whom}'s grants."


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3:,} more" if len(names) > 3 else shown


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
