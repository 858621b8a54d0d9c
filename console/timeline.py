"""A timeline as a person reads it: one event in a few lines, denials and ways around them marked plainly."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len

from analytics.evidence import join_probability
from analytics.ladder import SURE, Ladder
from analytics.phrases import flat, likeness
from analytics.steps import Step, WayAround
from analytics.wording import cut, many
from console.exits import say
from console.options import Place
from console.output import MadeRows, Output
from console.table import fit, terminal_width
from console.terminal import visible

_INDENT = " " * 14
_WIDEST = 200
_DECISION_WIDTH = 8
_LABEL_WIDTH = 12
_SOURCES = 3
_BASIS = {
    "data flow": "values of earlier results are in it",
    "co-occurrence": "what is in it is not known, it came after results or with arguments that were not seen",
    "none": "nothing in it comes from a result seen before",
}


def timeline_lines(
    ladder: Ladder, width: int, limit: int | None = None, *, witnesses: bool = False
) -> Iterator[str]:
    """Yield the lines of a timeline, styled, of at most `limit` calls and other events.

    A call that several witnesses saw is told once, as the one that tells it best saw it; with `witnesses` as each did.
    """
    width = min(width, _WIDEST)
    yield from _header(ladder, width)
    day = None
    told = _witnesses(ladder) if witnesses else ((step, step.row) for step in ladder.steps)
    for step, row in islice(told, limit):
        time = row["event_time"].astimezone(UTC)
        if day != time.date():
            day = time.date()
            yield ""
            yield click.style(f"── {day} UTC ".ljust(width, "─"), dim=True)
        yield from _event(row, time, width)
        yield from _beside(ladder, step, row, width, witnesses=witnesses)


def _witnesses(ladder: Ladder) -> Iterator[tuple[Step, dict[str, Any]]]:
    step_of = {event: step for step in ladder.steps for event in step.events}
    for row in ladder.rows.to_pylist():
        yield step_of[row["event_id"]], row


def _beside(ladder: Ladder, step: Step, row: dict[str, Any], width: int, *, witnesses: bool) -> Iterator[str]:
    """Yield what is known of a call beyond its record: ways around, where its data came from, who saw it."""
    if step.around is not None and row["event_id"] in (step.around.reached_event, step.row["event_id"]):
        for line in _wrapped(_way_around(step.around), width):
            yield click.style(line, fg="yellow", bold=True)
    if row is not step.row and row["event_id"] != step.row["event_id"]:
        yield click.style(_detail(f"the same call, as the {row['vantage']} saw it", width), dim=True)
        return
    for way in ladder.got_around_elsewhere(step):
        for line in _wrapped(_reached_elsewhere(way), width):
            yield click.style(line, fg="yellow", bold=True)
    for line in _notes(ladder, step, row, witnesses=witnesses):
        for part in _wrapped(line, width):
            yield click.style(part, fg="cyan")


def _notes(ladder: Ladder, step: Step, row: dict[str, Any], *, witnesses: bool) -> Iterator[str]:
    for flow in step.came_from[:_SOURCES]:
        source = ladder.steps[flow.source].row
        at = source["event_time"].astimezone(UTC).strftime("%H:%M:%S")
        yield f"{flow.shared} value{'s' if flow.shared > 1 else ''} from the result of {source['attempted']} at {at}"
    if len(step.came_from) > _SOURCES:
        yield f"and values from {len(step.came_from) - _SOURCES} more results"
    if departure := ladder.departure_of.get(step.number):
        yield f"leaves by {departure.channel}: {_BASIS[departure.basis]}"
    if len(step.events) > 1 and not witnesses:
        yield f"seen by {len(step.events)} witnesses: {', '.join(step.vantages)}"
    if step.denied and step.reached:
        yield "the witnesses disagree: refused says one, answered another"
    probability = join_probability(row)
    if probability is not None and probability < SURE:
        yield f"joined to this session by {row['joined_by'].replace('_', ' ')} alone: probability {probability:.2f}"
    if ladder.top_event in step.events:
        yield "this surprised most in this session"


def arguments_summary(row: dict[str, Any]) -> str:
    """Return arguments in one line: name=value of the kept ones, else the names that were seen."""
    if row["arguments"]:
        return flat(row["arguments"], "  ")
    if row["argument_names"]:
        return "arguments not kept: " + " ".join(row["argument_names"])
    return ""


def _header(ladder: Ladder, width: int) -> Iterator[str]:
    summary = ladder.summary
    yield click.style(f"session {summary.session}", bold=True)
    for label, values in (
        ("user", summary.users or ["not known"]),
        ("client", summary.clients or ["not known"]),
        ("credential", summary.credentials or ["not known"]),
        ("servers", summary.servers or ["none"]),
    ):
        yield from _labelled(label, ", ".join(cut(value) for value in values), width)
    lasted = _length((summary.last - summary.first).total_seconds())
    yield from _labelled("time", f"{_stamp(summary.first)} to {_stamp(summary.last)} ({lasted})", width)
    yield from _labelled("calls", _counts(ladder), width)
    yield from _labelled("of them", _beyond(ladder), width)
    if ladder.confidence is not None and ladder.joined_by != ["session_id"]:
        how = ", ".join(ladder.joined_by) or "nothing: it is one event"
        yield from _labelled(
            "joined by", f"{how} (confidence {ladder.confidence:.2f})".replace("_", " "), width
        )
    if ladder.anomaly is not None:
        yield from _labelled("anomaly", f"{ladder.anomaly:.2f} of 1", width)
    for finding in ladder.findings:
        yield from _labelled(
            "finding", f"{finding['title']} ({finding['severity']}, {finding['finding_id'][:8]})", width
        )
    for gap in ladder.gaps:
        yield from _labelled("not known", gap.text, width)


def _counts(ladder: Ladder) -> str:
    rungs = {name: len(steps) for name, steps in ladder.rungs.items()}
    calls = f"{rungs['asked']} attempted, {rungs['denied']} denied, {rungs['reached']} reached"
    return f"{calls} (in {many(ladder.summary.events, 'event')})"


def _beyond(ladder: Ladder) -> str:
    rungs = {name: len(steps) for name, steps in ladder.rungs.items()}
    around = f"{rungs['sidestepped']} got around a refusal" if rungs["sidestepped"] else ""
    left = f"{rungs['left']} by which data can leave" if rungs["left"] else ""
    return ", ".join(filter(None, (around, left)))


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    for number, line in enumerate(
        textwrap.wrap(visible(text), max(20, width - _LABEL_WIDTH), break_on_hyphens=False)
    ):
        yield fit("" if number else label, _LABEL_WIDTH) + line


def _event(row: dict[str, Any], time: datetime, width: int) -> Iterator[str]:
    clock = time.strftime("%H:%M:%S.") + f"{time.microsecond // 1000:03d}"
    word, style = _decision(row)
    where = f" on {row['server_name']}" if row["server_name"] else ""
    what = visible(row["attempted"] + where)
    came = " · ".join(visible(part) for part in _outcome(row))
    head = f"{clock}  {_styled(word, style)}  "
    room = width - len(_INDENT) - _DECISION_WIDTH - 2
    if room >= cell_len(what) + 2 + cell_len(came):
        yield f"{head}{fit(what, room - 2 - cell_len(came))}  {came}".rstrip()
    else:
        yield head + fit(what, room).rstrip()
        yield _detail(came, width)
    yield from _details(row, width)


def _details(row: dict[str, Any], width: int) -> Iterator[str]:
    if row["resource_uri"]:
        yield _detail(row["resource_uri"], width)
    if arguments := arguments_summary(row):
        yield click.style(_detail(arguments, width), dim=True)
    if row["denied"]:
        for line in _wrapped(_why(row), width):
            yield click.style(line, fg="red")
    elif row["error_message"]:
        yield from _wrapped(row["error_message"], width)


def _decision(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if row["denied"]:
        return "DENIED", {"fg": "red", "bold": True}
    if row["decision"] in {"allow", "modify", "observe"}:
        return {"allow": "allowed", "modify": "modified", "observe": "observed"}[row["decision"]], {
            "fg": "green"
        }
    if row["event_class"] == "tool_call":
        return {"unknown": "called", "not_evaluated": "called"}.get(row["decision"], row["decision"]), {}
    return "·", {"dim": True}


def _outcome(row: dict[str, Any]) -> list[str]:
    parts = [] if row["denied"] or row["outcome"] == "unknown" else [row["outcome"].replace("_", " ")]
    if row["http_status"]:
        parts.append(f"HTTP {row['http_status']}")
    if row["duration_ms"] is not None:
        parts.append(_length(row["duration_ms"] / 1000))
    return parts


def _why(row: dict[str, Any]) -> str:
    who = (row["decision_source"] or "").replace("_", " ")
    policy = f" (policy {row['policy_id']})" if row["policy_id"] else ""
    weak = " (read from an error text)" if row["decision_basis"] == "weak" else ""
    said = row["decision_reason"] or row["error_message"] or "no reason given"
    return f"denied{f' by {who}' if who else ''}: {said}{policy}{weak}"


def _way_around(way: WayAround) -> str:
    by = way.denied_tool or "a call"
    at = way.denied_time.astimezone(UTC).strftime("%H:%M:%S")
    where = f" in session {way.other_session[:8]}" if way.other_session else ""
    same = likeness(way)
    hidden = [part for part in way.way if part in ("client", "credential")]
    same += f", with another {' and '.join(hidden)}" if hidden else "" if way.way else ", the same way"
    return f"denied, then reached: {by} was denied at {at}{where}; this {same}"


def _reached_elsewhere(way: WayAround) -> str:
    where = f"{way.reached_tool or 'a call'}{f' on {way.reached_server}' if way.reached_server else ''}"
    return f"reached in session {(way.other_session or '')[:8]}: {where}, by another {', '.join(way.way) or 'moment'}"


def _detail(text: str, width: int) -> str:
    return _INDENT + fit(visible(text), width - len(_INDENT)).rstrip()


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in textwrap.wrap(
        visible(text), max(20, width - len(_INDENT)), break_on_hyphens=False, max_lines=3, placeholder=" …"
    ):
        yield _INDENT + line


def _styled(word: str, style: dict[str, Any]) -> str:
    return click.style(fit(visible(word), _DECISION_WIDTH), **style)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _length(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def print_timeline(ladder: Ladder, output: Output, *, witnesses: bool) -> None:
    """Print a timeline: for a person as a story, otherwise one row per event."""
    say(f"answered from events version {ladder.version}")
    if output.chosen != "table" or output.to is not None:
        output.write(MadeRows(ladder.rows))
        return
    for line in timeline_lines(ladder, terminal_width(), output.limit, witnesses=witnesses):
        click.echo(line)


def write_report(ladder: Ladder, page: Path) -> None:
    """Write the session report, one HTML page."""
    from reports.session.report import page_of

    page.write_text(page_of(ladder).html(), "utf-8")
    say(f"{ladder.summary.events:,} events written to {page}")


def write_timesketch(place: Place, ladder: Ladder, sketch: Path) -> None:
    """Write the session's events as Timesketch JSONL; a file that is there is replaced, as with --html."""
    from analytics.selection import Selection
    from console.exporting import Export, run

    ids = ", ".join(f"'{event}'" for event in ladder.rows["event_id"].to_pylist())
    chosen = Selection(ids=f"SELECT unnest([{ids}]) AS event_id", since=ladder.summary.first)  # our own hex
    run(place, Export(chosen, str(ladder.version), str(sketch), force=True), "timesketch")
