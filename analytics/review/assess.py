"""Assess what is granted against what was done: every section of a review, from one version of the lake."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

from analytics.debt import debt
from analytics.review import gather, matching, summary
from analytics.review.basis import Basis, ImportNote, Population, Scope
from analytics.review.coverage import coverage_of
from analytics.review.items import items_of, strays_of
from analytics.review.model import Assessment, Item, Stray
from analytics.review.policy import policies_of
from analytics.review.sections import Exclusion
from analytics.review.world import World, build, open_world
from store.lake import AsOf, Lake


def assess(
    lake: Lake,
    scope: Scope | None = None,
    as_of: AsOf = None,
    *,
    version: int | None = None,
    moment: datetime | None = None,
    settings: Mapping[str, str | int] | None = None,
    timing: dict[str, float] | None = None,
) -> Assessment:
    """Return all that is found for a scope, from the events at a version and the entitlements up to an import.

    With the version, the import and the moment of an earlier `Basis` it is the same again. Without them it is what
    the lake holds now. `timing` is given the CPU seconds of each part.
    """
    clock = _Clock(timing)
    world = open_world(lake, scope or Scope(), as_of, version, moment, settings)
    with clock("cells and matches"):
        build(world)
        matching.match_policies(world)
    with clock("hours and coverage"):
        world.run("hours.sql")
        gather.give_findings(world)
        covered = coverage_of(world)
    with clock("items"):
        world.run("items.sql")
        items, exclusions = items_of(world)
        strays = strays_of(world)
    with clock("sections"):
        sections = gather.sections_of(world, items)
    with clock("policies"):
        policies = policies_of(world, items)
    with clock("debt"):
        owed = debt(lake, world.since, world.until, as_of=world.events.version)
    basis = basis_of(world)
    population = _population(world, items, exclusions, strays)
    with clock("summary"):
        said = summary.summarise(world, basis, items, strays, population, owed, sections.findings)
    return Assessment(
        scope=world.scope, basis=basis, empty=_empty(world, covered.events, population), coverage=covered,
        population=population, items=items, strays=strays, exclusions=exclusions, policies=policies, debt=owed,
        **said, **vars(sections),
    )  # fmt: skip


class _Clock:
    def __init__(self, into: dict[str, float] | None) -> None:
        self._into = into

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        began = time.process_time()
        yield
        if self._into is not None:
            self._into[part] = time.process_time() - began


def basis_of(world: World) -> Basis:
    """Return what the numbers of a world stand on."""
    told = {name: sorted(classes) for name, classes in sorted(world.told.items())}
    configured = json.dumps([asdict(world.scope), told], default=str, sort_keys=True)
    paths = sorted(path.partition("/events/")[2] for path in world.events.paths())
    notes = world.ask(_NOTES)
    since, until = (f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" for moment in (world.since, world.until))
    log = world.lake.log.told("events", world.events.version) if world.lake.log is not None else None
    return Basis(
        since=world.since, until=world.until, events_version=world.events.version,
        entitlements_version=world.version, moment=world.moment,
        config_hash=hashlib.sha256(configured.encode()).hexdigest(),
        root_hash=hashlib.sha256("\n".join(paths).encode()).hexdigest(),
        imports=tuple(ImportNote(**{**n, "files": tuple(n["files"]), "sha256": tuple(n["sha256"])}) for n in notes),
        command=f"tooltrail review show --since {since} --until {until} --as-of {world.events.version}",
        log_origin=log.origin if log else None, log_size=log.size if log else None,
        log_root=b64encode(log.root).decode() if log else None,
    )  # fmt: skip


def _empty(world: World, events: int, population: Population) -> str | None:
    if not population.grants and not events:
        return "the lake holds no entitlements, and no events in this period: there is nothing to review"
    if not population.grants:
        return "no entitlements were imported: there is nothing to review, only what was used"
    if not events:
        return f"the lake holds no events from {world.since:%Y-%m-%d} to {world.until:%Y-%m-%d}: no use can be told"
    return None


def _population(
    world: World, items: tuple[Item, ...], exclusions: tuple[Exclusion, ...], strays: tuple[Stray, ...]
) -> Population:
    orphans = sum(item.orphan is True for item in items)
    excluded = len({out.item_id for out in exclusions} - {item.item_id for item in items})
    people = {
        (item.kind, item.principal) for item in items if item.principal_kind not in ("tool", "group", "role")
    }
    human = sum(kind == "human" for kind, _ in people)
    named = world.ask(_NOT_IN_ORDER)
    return Population(
        grants=len(items) + excluded, reviewed=len(items) - orphans, excluded=excluded, orphans=orphans,
        strays=len(strays), humans=human, non_humans=len(people) - human,
        no_record=tuple(r["who"] for r in named if r["what"] == "no_record"),
        left_but_granted=tuple(r["who"] for r in named if r["what"] == "left"),
    )  # fmt: skip


_NOTES = """
SELECT version, import_source, format, files, sha256, import_time, entitlements, principals FROM imports
ORDER BY version"""
_NOT_IN_ORDER = """
SELECT 'no_record' AS what, person AS who FROM cells WHERE person IS NOT NULL
   AND EXISTS (FROM inventory WHERE principal_kind = 'human')
   AND person NOT IN (SELECT principal FROM inventory WHERE principal_kind = 'human') GROUP BY ALL
UNION ALL
SELECT 'left', g.who FROM gone g JOIN called c ON c.kind = 'human' AND c.who = g.who
JOIN population p ON p.kind = 'human' AND p.principal = c.name AND p.principal_kind = 'human'
WHERE g.kind = 'human' AND g.ended <= $moment GROUP BY ALL ORDER BY ALL"""
