"""What the report of a session shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from analytics.evidence import join_probability
from analytics.ladder import SURE, Ladder
from analytics.narrative import Sentence, story
from analytics.steps import Departure, Step
from analytics.wording import cut, short_ids
from reports.page import About
from reports.session.lanes import Drawing, drawing, verdict

CITED = 4
MOST_FLOWS = 200
_RUNGS = (
    ("asked", "asked for"), ("allowed", "allowed"), ("denied", "denied"), ("sidestepped", "got around a refusal"),
    ("reached", "answered"), ("left", "could carry data out"),
)  # fmt: skip
_PARTS = {
    "who": "Who", "what": "What happened", "elsewhere": "In other sessions", "sum": "In sum", "found": "Found",
    "not known": "Not known",
}  # fmt: skip
_BASIS = {
    "data flow": "values of earlier results are in it",
    "co-occurrence": "what is in it is not known: results or arguments were not seen",
    "none": "nothing in it comes from a result seen before",
}


@dataclass(frozen=True)
class Cited:
    """A sentence with the ids of its events: how each is shown, and where it leads (None: not on this page)."""

    text: str
    citations: list[tuple[str, str | None]]
    more: int


@dataclass(frozen=True)
class Line:
    """One event of the session, as a row of the table."""

    event_id: str
    short: str
    time: str
    verdict: str
    what: str
    arguments: str | None
    where: str
    outcome: str
    notes: list[str]
    seen_by: str


@dataclass(frozen=True)
class SessionPage:
    """The whole page; each field's `help` is its entry in the reference."""

    about: About = field(metadata={"help": "what the page is, and the version of the events"})
    session: str = field(metadata={"help": "id of the session"})
    facts: list[tuple[str, str]] = field(
        metadata={"help": "who, by which client, when, and how sure that is"}
    )
    rungs: list[tuple[str, str, int]] = field(
        metadata={"help": "the ladder: key, words and calls of each rung"}
    )
    findings: list[tuple[str, str, str, str]] = field(
        metadata={"help": "severity, title, explanation and state of each"}
    )
    parts: list[tuple[str, list[Cited]]] = field(metadata={"help": "the story, its sentences with citations"})
    drawing: Drawing | None = field(metadata={"help": "lanes and arcs; none without calls"})
    flows: list[tuple[str, str, str, str, int]] = field(
        metadata={"help": "data flow as a table: from, its event, to, its event, values"}
    )
    flows_left_out: int = field(metadata={"help": "edges beyond the first of that table"})
    ways: list[tuple[str, str, str, str]] = field(
        metadata={"help": "denied, reached, by what way, in common"}
    )
    gaps: list[tuple[str, str, int]] = field(
        metadata={"help": "what the evidence cannot tell: of what, what, events"}
    )
    lines: list[Line] = field(metadata={"help": "every event in order"})


def session_page(ladder: Ladder) -> SessionPage:
    """Build the page of a session from its ladder."""
    sentences = story(ladder)
    here = {event for step in ladder.steps for event in step.events}
    short = short_ids([*here, *(event for sentence in sentences for event in sentence.events)])
    departures = ladder.departure_of
    calls = ladder.rungs["asked"]
    return SessionPage(
        about=About(
            "Session report",
            f"Session {ladder.session[:8]}",
            ladder.version,
            f"tooltrail report session {ladder.session} --as-of {ladder.version}",
        ),
        session=ladder.session,
        facts=list(_facts(ladder)),
        rungs=[(key, words, len(ladder.rungs[key])) for key, words in _RUNGS],
        findings=[(f["severity"], f["title"], f["explanation"], f["state"]) for f in ladder.findings],
        parts=_parts(sentences, short, here),
        drawing=drawing(calls, ladder.flows, frozenset(departures)) if calls else None,
        flows=_flows(ladder),
        flows_left_out=max(0, len(ladder.flows) - MOST_FLOWS),
        ways=_ways(ladder),
        gaps=[(gap.kind, gap.text, len(gap.events)) for gap in ladder.gaps],
        lines=[line for step in ladder.steps for line in _lines(ladder, step, departures, short)],
    )


def _facts(ladder: Ladder) -> Iterator[tuple[str, str]]:
    summary = ladder.summary
    yield "user", _names(summary.users, "not known")
    yield "client", _names(summary.clients, "not known")
    yield "credential", _names(summary.credentials, "not known")
    yield "servers", _names(summary.servers, "none")
    yield "first event", _stamp(summary.first)
    yield "last event", _stamp(summary.last)
    if ladder.confidence is None:
        yield "session", "the source's own id; not stitched yet"
    else:
        how = ", ".join(ladder.joined_by).replace("_", " ") or "it is a single event"
        yield "session", f"confidence {ladder.confidence:.2f}, joined by {how}" if ladder.joined_by else how
    if ladder.anomaly is not None:
        yield "anomaly", f"{ladder.anomaly:.2f} of 1"


def _names(names: Iterable[str | None] | None, otherwise: str) -> str:
    return ", ".join(cut(name) for name in names or () if name) or otherwise


def _parts(
    sentences: Sequence[Sentence], short: Mapping[str, str], here: set[str]
) -> list[tuple[str, list[Cited]]]:
    return [
        (_PARTS[part], [_cited(sentence, short, here) for sentence in told])
        for part, told in groupby(sentences, key=lambda sentence: sentence.part)
    ]


def _cited(sentence: Sentence, short: Mapping[str, str], here: set[str]) -> Cited:
    shown = sentence.events[:CITED]
    links = [(short[event], f"#{event}" if event in here else None) for event in shown]
    return Cited(sentence.text, links, len(sentence.events) - len(shown))


def _flows(ladder: Ladder) -> list[tuple[str, str, str, str, int]]:
    return [
        (
            ladder.steps[flow.source].row["attempted"], flow.source_event, ladder.steps[flow.target].row["attempted"],
            flow.target_event, flow.shared,
        )
        for flow in ladder.flows[:MOST_FLOWS]
    ]  # fmt: skip


def _ways(ladder: Ladder) -> list[tuple[str, str, str, str]]:
    return [
        (
            f"{_place(way.denied_tool, way.denied_server)}, {_stamp(way.denied_time)}"
            + (f", in session {way.other_session}" if way.other_side == "denied" else ""),
            _place(way.reached_tool, way.reached_server)
            + (f", in session {way.other_session}" if way.other_side == "reached" else ""),
            f"another {', '.join(way.way)}" if way.way else "the same way, later",
            way.link,
        )
        for way in ladder.ways
    ]


def _place(tool: str | None, server: str | None) -> str:
    return f"{tool or 'a call'}{f' on {server}' if server else ''}"


def _lines(
    ladder: Ladder, step: Step, departures: Mapping[int, Departure], short: Mapping[str, str]
) -> Iterator[Line]:
    """Yield the row of the witness that tells a call best, and short ones of the others, for citations lead to them."""
    row = step.row
    yield Line(
        row["event_id"], short[row["event_id"]], _stamp(row["event_time"]), verdict(step, step.number in departures),
        row["attempted"], row["arguments"], _where(row), row["outcome"].replace("_", " "),
        list(_notes(ladder, step, departures.get(step.number))), ", ".join(step.vantages),
    )  # fmt: skip
    for other in step.seen:
        if other["event_id"] != row["event_id"]:
            yield Line(
                other["event_id"], short[other["event_id"]], _stamp(other["event_time"]), "witness", other["attempted"],
                None, _where(other), other["outcome"].replace("_", " "), ["the same call, as another witness saw it"],
                other["vantage"],
            )  # fmt: skip


def _where(row: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (row["server_name"], row["resource_uri"]))) or "–"


def _notes(ladder: Ladder, step: Step, departure: Departure | None) -> Iterator[str]:
    row = step.row
    if step.around is not None:
        way = step.around
        when = f"{way.denied_time:%H:%M:%S}"
        yield f"denied, then reached: {way.denied_tool or 'a call'} was denied at {when} ({way.link})"
    for way in ladder.got_around_elsewhere(step):
        reached = _place(way.reached_tool, way.reached_server)
        yield f"reached in session {(way.other_session or '')[:8]} by {reached}"
    if reason := row["decision_reason"] or row["error_message"]:
        policy = f" (policy {row['policy_id']})" if row["policy_id"] else ""
        yield f"{reason}{policy}"
    for flow in step.came_from:
        source = ladder.steps[flow.source].row
        values = "value" if flow.shared == 1 else "values"
        yield f"{flow.shared} {values} from {source['attempted']} at {source['event_time']:%H:%M:%S}"
    if departure is not None:
        yield f"leaves by {departure.channel}: {_BASIS[departure.basis]}"
    probability = join_probability(row)
    if probability is not None and probability < SURE:
        yield f"joined by {row['joined_by'].replace('_', ' ')} alone, probability {probability:.2f}"
    if ladder.top_event in step.events:
        yield "this surprised most in this session"


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"
