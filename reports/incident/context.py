"""What the report of an incident shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from analytics.detecting import catalog
from analytics.detecting.catalog import Detection
from analytics.ladder import ladder
from analytics.narrative import story
from reports.asking import Source
from reports.catalog import Request
from reports.page import About, Listing, Page, Tile, listing
from reports.wording import some, stamp
from store.errors import UsageError
from store.lake import Lake

MOST_SESSIONS, MOST_SENTENCES, MOST_EVENTS = 4, 24, 5_000
_TOLD = ("what", "elsewhere", "sum")
_FINDINGS = (
    "event_time:time, severity:tag, title:text, user_id:text:user, client, explanation:long, state:tag,"
    " finding_id:id:finding"
)
_EVENTS = (
    "event_time:time, user, client, server, what, decision:tag, outcome:tag, said:text:what was said,"
    " event_id:id:event"
)


@dataclass(frozen=True)
class Excerpt:
    """What happened in one session of the incident: the rungs of its ladder, and the sentences that matter."""

    session: str
    rungs: Sequence[tuple[str, int]]
    sentences: Sequence[tuple[str, Sequence[str]]]
    more: int


@dataclass(frozen=True)
class Advice:
    """What one detection says of itself, and the findings it is said for."""

    title: str
    detection: str
    findings: int
    why: str
    next: str
    false_positives: Sequence[str]
    tags: Sequence[str]


@dataclass(frozen=True)
class IncidentPage:
    """The whole page."""

    about: About = field(metadata={"help": "what the page is, and the version of the events"})
    facts: Sequence[tuple[str, str]] = field(metadata={"help": "who, with what, when"})
    tiles: Sequence[Tile] = field(metadata={"help": "risk, findings, sessions, people, events"})
    advice: Sequence[Advice] = field(metadata={"help": "what to do next, by detection"})
    findings: Listing = field(metadata={"help": "what was found, in order of time"})
    excerpts: Sequence[Excerpt] = field(metadata={"help": "what happened in the sessions of it"})
    sessions_left_out: int = field(metadata={"help": "sessions of the incident that are not told"})
    events: Listing = field(metadata={"help": "the evidence, in order of time"})


def incident_page(lake: Lake, request: Request) -> Page:
    """Return the report of an incident; UsageError when none, or more than one, is meant."""
    source = Source.of(lake, request)
    incident = _the_one(source, request.subject)
    findings = source.ask("incident/findings.sql", {"incident": incident["incident"]})
    rows = findings.to_pylist()
    evidence = sorted({event for row in rows for event in row["evidence"]})[:MOST_EVENTS]
    events = source.ask("incident/events.sql", {"events": evidence})
    name = incident["incident"][:8]
    about = About(
        "Incident report",
        _title(rows, incident),
        source.version,
        source.command("incident", Request(incident["incident"])),
    )
    stem = f"incident-{name}"
    context = IncidentPage(
        about,
        list(_facts(incident)),
        _tiles(incident, events),
        list(_advice(rows)),
        listing("findings", "Findings in order of time", rows, _FINDINGS, stem=stem),
        list(_excerpts(lake, request, incident["sessions"] or [])),
        max(0, len(incident["sessions"] or []) - MOST_SESSIONS),
        listing(
            "events",
            "Events without which nothing would have been found",
            events.to_pylist(),
            _EVENTS,
            stem=stem,
        ),
    )
    return Page(
        stem,
        "incident/page.html.j2",
        context,
        {"findings": findings, "events": events},
        about,
        _summary(context),
    )


def _the_one(source: Source, subject: str | None) -> Mapping[str, Any]:
    found = source.rows("incident/incidents.sql", {"begins": subject or ""})
    if not found:
        wanted = f"no incident begins with {subject}" if subject else "there is no incident"
        raise UsageError(
            wanted, hint="`tooltrail findings incidents` lists them; `tooltrail detect` looks for some"
        )
    if subject and len(found) > 1:
        raise UsageError(
            f"several incidents begin with {subject}", hint=", ".join(row["incident"][:12] for row in found)
        )
    return found[0]


def _title(findings: Sequence[Mapping[str, Any]], incident: Mapping[str, Any]) -> str:
    worst = max(findings, key=lambda row: (row["weight"] or 0, row["finding_id"]))
    return f"{worst['title']} ({incident['incident'][:8]})"


def _facts(incident: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "incident", incident["incident"]
    yield "from", stamp(incident["first"])
    yield "to", stamp(incident["last"])
    for name in ("users", "credentials", "sessions", "detections"):
        yield name, ", ".join(incident[name] or ()) or "not known"


def _tiles(incident: Mapping[str, Any], events: pa.Table) -> list[Tile]:
    risk = incident["risk"]
    return [
        Tile(f"{risk:,.0f}", "risk", "denied" if risk >= 60 else "warned"),
        Tile(f"{incident['findings']:,}", "findings", "denied"),
        Tile(f"{incident['open']:,}", "nobody judged yet", "warned"),
        Tile(f"{len(incident['users'] or []):,}", "people or bots"),
        Tile(f"{len(incident['sessions'] or []):,}", "sessions"),
        Tile(f"{events.num_rows:,}", "events as evidence"),
    ]


def _advice(findings: Sequence[Mapping[str, Any]]) -> Iterator[Advice]:
    known = catalog.load()
    counts: dict[str, int] = {}
    for row in findings:
        counts[row["detection"]] = counts.get(row["detection"], 0) + 1
    told = {row["detection"]: row for row in findings}
    for name in sorted(
        counts, key=lambda name: (-max(r["weight"] or 0 for r in findings if r["detection"] == name), name)
    ):
        yield _advised(told[name], known.get(name), counts[name])


def _advised(row: Mapping[str, Any], detection: Detection | None, count: int) -> Advice:
    tags = list(row["tags"])
    if detection is None:
        return Advice(row["title"], row["detection"], count, "", "Read the rule that found it.", (), tags)
    return Advice(
        row["title"], detection.id, count, detection.why, detection.next, detection.false_positives, tags
    )


def _excerpts(lake: Lake, request: Request, sessions: Sequence[str]) -> Iterator[Excerpt]:
    for session in sessions[:MOST_SESSIONS]:
        try:
            told = ladder(lake, session, request.as_of)
        except UsageError:  # its events came after the version that is asked of
            continue
        sentences = [s for s in story(told) if s.part in _TOLD]
        rungs = [
            (name, len(told.rungs[name])) for name in ("asked", "denied", "sidestepped", "reached", "left")
        ]
        shown = [(s.text, [event[:8] for event in s.events[:3]]) for s in sentences[:MOST_SENTENCES]]
        yield Excerpt(session, rungs, shown, len(sentences) - len(shown))


def _summary(page: IncidentPage) -> list[str]:
    told = [f"{tile.words}: {tile.value}" for tile in page.tiles]
    return [
        *told,
        *(f"{some(one.findings, 'finding')}: {one.title}. Next: {one.next}" for one in page.advice),
    ]
