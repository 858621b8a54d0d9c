"""Detections at the console: the run with what it could not say, the list of findings, and one finding as a page."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analytics.detecting import catalog, frameworks, job
from analytics.detecting.catalog import Detection
from analytics.detecting.evaluate import Finding, Verdict
from analytics.detecting.triage import find
from analytics.wording import many
from console.alerts.delivering import Courier
from console.alerts.settings import read as read_alerts
from console.alerts.sinks import Sender
from console.exits import say
from console.ingesting import stop_on_signal
from console.options import Place, duckdb_settings
from console.output import Output, rows_of
from console.sessions import stitch_new
from console.table import terminal_width
from console.terminal import visible
from store.errors import UsageError
from store.settings import find_file

if TYPE_CHECKING:
    from store.lake import Lake

POLL_SECONDS = 0.5
_SHORT = """
SELECT left(finding_id, 8) AS finding, severity, coalesce(user_id, client, server_name) AS who,
       strftime(event_time, '%m-%d %H:%MZ') AS "when", explanation
FROM ({})"""
_INCIDENTS = "FROM incidents ORDER BY risk DESC, last DESC, incident"
_SHORT_INCIDENTS = """
SELECT left(incident, 8) AS incident, risk, strftime(first, '%m-%d %H:%MZ') AS first, findings, open,
       array_to_string(users, ' ') AS users, array_to_string(detections, ' ') AS detections
FROM incidents ORDER BY risk DESC, last DESC, incidents.incident"""
_ONE = "FROM findings WHERE finding_id = $finding"
_EVENTS = """
SELECT event_id, event_time, event_class, user_id, server_name, tool_name, outcome FROM events
WHERE event_id IN (SELECT unnest($evidence)) ORDER BY event_time"""


@dataclass(frozen=True)
class Pack:
    """Which detections to run: those named, of the built-in ones, those of folders, and Sigma rules."""

    only: Sequence[str] = ()
    folders: Sequence[Path] = ()
    sigma: Sequence[Path] = ()

    def detections(self) -> list[Detection]:
        """Return them, having said which rules cannot be run and why."""
        known = dict(catalog.load(self.folders))
        for folder in self.sigma:
            known |= {d.id: d for d in sigma_rules(folder)}
        return chosen(known, self.only)


def sigma_rules(folder: Path) -> list[Detection]:
    """Return the Sigma rules of a folder, having said what is wrong with the others."""
    from analytics.sigma.load import load

    rules = load(folder)
    for problem in rules.problems:
        say(f"not run: {problem}")
    if rules.foreign:
        others = ", ".join(f"{name} {count:,}" for name, count in sorted(rules.foreign.items()))
        say(f"{sum(rules.foreign.values()):,} Sigma rules are about other products: {others}")
    return rules.detections


def detect(place: Place, output: Output, pack: Pack, *, again: bool) -> None:
    """Stitch, run the detections, say what could not be said, and print what is new."""
    detections = pack.detections()
    lake = place.open_to_ask()
    written = run_once(lake, detections, duckdb_settings(place.settings().query), again=again)
    _print(output, written)


def follow_commits(place: Place, output: Output, pack: Pack, *, again: bool) -> None:
    """Evaluate what there is, then each commit as it lands, printing and sending what is found, until a signal.

    What was found just before a crash is in the lake, and may not have been printed; it is still sent.
    """
    if output.to is not None:
        raise UsageError("--follow prints to stdout", hint="leave out --to, and redirect")
    detections = pack.detections()
    lake = place.open_to_ask()
    told = place.settings()
    settings, sender = duckdb_settings(told.query), Sender(told)
    alerts = read_alerts(find_file(place.path, place.config))
    couriers = [Courier(lake, alert, sender, sender.arrived) for alert in alerts]
    for courier in couriers:
        courier.begin()
    done = None
    with stop_on_signal(say) as stop:
        while not stop.is_set():
            newest = lake.snapshot("events").version
            if newest != done:
                written = run_once(lake, detections, settings, again=again)
                done, again = newest, False
                if written:
                    _print(output, written)
                    sys.stdout.flush()
            for courier in couriers:
                if sent := courier.run():
                    say(f"alerts.{courier.alert.name}: {many(sent, 'finding')} sent")
            stop.wait(POLL_SECONDS)


def _print(output: Output, findings: Sequence[Finding]) -> None:
    output.write(rows_of([asdict(finding) for finding in findings], [f.name for f in fields(Finding)]))


def run_once(
    lake: Lake, detections: Sequence[Detection], settings: Mapping[str, str | int], *, again: bool
) -> list[Finding]:
    """Stitch and evaluate what is new, say what was done, and return what was found."""
    stitch_new(lake)
    run = job.update(lake, detections, again=again, settings=settings)
    for line in _not_evaluable(run.verdicts):
        say(line)
    over = f"{many(len(detections), 'detection')} over {many(run.days, 'day')} with new events"
    say(f"{over}: {many(len(run.written), 'new finding')}")
    return run.written


def chosen(known: Mapping[str, Detection], only: Sequence[str]) -> list[Detection]:
    """Return the detections named, all if none is; UsageError suggests the nearest. `d10` names d10_..."""
    found = []
    for name in only:
        fitting = [d for id_, d in known.items() if id_ == name or id_.startswith(f"{name}_")]
        if len(fitting) != 1:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"detections: {', '.join(known)}"
            raise UsageError(f"there is no detection {name!r}", hint=hint)
        found += fitting
    return found or list(known.values())


def list_findings(place: Place, output: Output, *, every: bool, budget: int | None) -> None:
    """Print findings, the gravest first."""
    question = (Path(job.__file__).parent / "findings.sql").read_text("utf-8")
    question = _SHORT.format(question) if output.chosen == "table" else question
    output.write(place.open_to_ask().sql(question, {"every": every, "budget": budget}))


def list_incidents(place: Place, output: Output) -> None:
    """Print incidents, the riskiest first."""
    question = _SHORT_INCIDENTS if output.chosen == "table" else _INCIDENTS
    output.write(place.open_to_ask().sql(question))


def show_finding(place: Place, name: str) -> None:
    """Print one finding for a person."""
    lake = place.open_to_ask()
    [row] = lake.sql(_ONE, {"finding": find(lake, name)}).arrow().to_pylist()
    events = lake.sql(_EVENTS, {"evidence": row["evidence"]}).arrow().to_pylist()
    for line in _page(row, events, catalog.load().get(row["detection"]), terminal_width()):
        click.echo(line)


def _page(
    row: Mapping[str, Any], events: Sequence[Mapping[str, Any]], detection: Detection | None, width: int
) -> Iterator[str]:
    yield click.style(
        f"{visible(row['title'])} ({row['severity']}, confidence {row['confidence']:.2f})", bold=True
    )
    yield from _wrapped(row["explanation"], width)
    yield ""
    for name in catalog.ENTITIES:
        if row[name]:
            yield f"{name:15}{visible(str(row[name]))}"
    yield f"{'finding':15}{row['finding_id']} by {row['detection']}, {row['state']}"
    for place, tag in enumerate(row["tags"]):
        yield visible(f"{'' if place else 'tags':15}{tag:13}{frameworks.title(tag)}")[:width]
    yield ""
    yield "evidence: without any one of these it would not have been found"
    for event in events:
        what = " ".join(str(event[n]) for n in ("user_id", "server_name", "tool_name", "outcome") if event[n])
        when = f"{event['event_time'].astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        yield f"  {when}  {event['event_class']:12}  {visible(what)}  {event['event_id']}"
    if detection is not None:
        yield ""
        yield from _wrapped(f"Why it matters: {detection.why}", width)
        yield from _wrapped(f"What else it could be: {'; '.join(detection.false_positives)}.", width)
        yield from _wrapped(f"Next: {detection.next}", width)


def _wrapped(text: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(visible(text), width, break_on_hyphens=False)


def _not_evaluable(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Say, once for each, which detections could say nothing on any of the days, and for want of what."""
    could = {v.detection for v in verdicts if v.evaluable}
    wanting: dict[str, set[str]] = {}
    for verdict in verdicts:
        if verdict.detection not in could:
            wanting.setdefault(verdict.detection, set()).update(verdict.missing)
    for name, columns in sorted(wanting.items()):
        yield f"not evaluable: {name}, no event says {', '.join(sorted(columns))}"
