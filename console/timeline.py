"""A timeline as a person reads it: one event in a few lines, denials and ways around them marked plainly."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click
from rich.cells import cell_len

from analytics.timeline import Summary, Timeline
from console.exits import say
from console.output import Output
from console.table import fit, terminal_width
from console.terminal import visible

_INDENT = " " * 14
_WIDEST = 200
_DECISION_WIDTH = 8
_LABEL_WIDTH = 12


def timeline_lines(timeline: Timeline, width: int, limit: int | None = None) -> Iterator[str]:
    """Yield the lines of a timeline, styled, of at most `limit` events."""
    width = min(width, _WIDEST)
    yield from _header(timeline.summary, width)
    day = None
    for row in islice(_rows(timeline), limit):
        time = row["event_time"].astimezone(UTC)
        if day != time.date():
            day = time.date()
            yield ""
            yield click.style(f"── {day} UTC ".ljust(width, "─"), dim=True)
        yield from _event(row, time, width)


def arguments_summary(row: dict[str, Any]) -> str:
    """Return arguments in one line: name=value of the kept ones, else the names that were seen."""
    if row["arguments"]:
        return _flat(row["arguments"])
    if row["argument_names"]:
        return "arguments not kept: " + " ".join(row["argument_names"])
    return ""


def _header(summary: Summary, width: int) -> Iterator[str]:
    yield click.style(f"session {summary.session}", bold=True)
    for label, values in (
        ("user", summary.users or ["not known"]),
        ("client", summary.clients or ["not known"]),
        ("credential", summary.credentials or ["not known"]),
        ("servers", summary.servers),
    ):
        yield from _labelled(label, ", ".join(values), width)
    lasted = _length((summary.last - summary.first).total_seconds())
    yield from _labelled("time", f"{_stamp(summary.first)} to {_stamp(summary.last)} ({lasted})", width)
    counts = f"{summary.attempted} attempted, {summary.denied} denied, {summary.reached} reached"
    yield from _labelled("calls", f"{counts} (in {summary.events} events)", width)


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
    if row["link"]:
        for line in _wrapped(_way_around(row), width):
            yield click.style(line, fg="yellow", bold=True)


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


def _way_around(row: dict[str, Any]) -> str:
    by = row["denied_tool"] or "a call"
    at = row["denied_time"].astimezone(UTC).strftime("%H:%M:%S")
    same = "shares a value with it" if row["link"] == "shared value" else f"is for the {row['link']}"
    return f"denied, then reached: {by} was denied at {at}; this {same}"


def _rows(timeline: Timeline) -> Iterable[dict[str, Any]]:
    for batch in timeline.rows.batches():
        yield from batch.to_pylist()


def _detail(text: str, width: int) -> str:
    return _INDENT + fit(visible(text), width - len(_INDENT)).rstrip()


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in textwrap.wrap(
        visible(text), max(20, width - len(_INDENT)), break_on_hyphens=False, max_lines=3, placeholder=" …"
    ):
        yield _INDENT + line


def _styled(word: str, style: dict[str, Any]) -> str:
    return click.style(fit(visible(word), _DECISION_WIDTH), **style)


def _flat(arguments: str) -> str:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(value, dict):
        return arguments
    return "  ".join(
        f"{k}={v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in value.items()
    )


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _length(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def print_timeline(timeline: Timeline, output: Output) -> None:
    """Print a timeline: for a person as a story, otherwise one row per event."""
    say(f"answered from events version {timeline.rows.version}")
    if output.chosen != "table" or output.to is not None:
        output.write(timeline.rows)
        return
    for line in timeline_lines(timeline, terminal_width(), output.limit):
        click.echo(line)
