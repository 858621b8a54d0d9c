"""What is known of an entity, for a person; and the client inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from analytics.who import FACETS, Profile, clients
from analytics.wording import many
from console.exits import say
from console.exporting import moment
from console.options import Place
from console.output import Output, rows_of
from console.table import fit, terminal_width
from console.terminal import visible

_SHOWN = 10
_LABEL_WIDTH = 18
_HIDDEN = {
    "user": ("people",), "client": ("clients",), "credential": ("credentials",), "server": ("servers",),
    "tool": ("servers",),
}  # fmt: skip
_SHORT = ("client", "identity", "versions", "users", "first", "last", "calls", "denied", "findings")


def print_profile(profile: Profile, output: Output) -> None:
    """Print a profile: for a person as a page, otherwise as one row with lists."""
    say(f"answered from events version {profile.version}")
    if output.chosen != "table" or output.to is not None:
        row = {"id": profile.id, "kind": profile.kind, "kinds": list(profile.kinds), **profile.facts}
        output.write(rows_of([row], list(row)))
        return
    for line in _page(profile, output.limit or _SHOWN, terminal_width()):
        click.echo(line)


def _page(profile: Profile, limit: int, width: int) -> Iterator[str]:
    facts = profile.facts
    yield click.style(f"{profile.kind} {visible(profile.id)}", bold=True)
    if others := [kind for kind in profile.kinds if kind != profile.kind]:
        yield f"also a {', a '.join(others)}: see --kind"
    seen = f"{_stamp(facts['first'])} to {_stamp(facts['last'])} UTC, {many(facts['events'], 'event')}"
    yield f"{'seen':{_LABEL_WIDTH}}{seen}"
    ended = f"{facts['succeeded']:,} succeeded, {facts['failed']:,} failed, {facts['denied']:,} denied"
    unknown = facts["calls"] - facts["succeeded"] - facts["failed"] - facts["denied"]
    yield f"{'calls':{_LABEL_WIDTH}}{facts['calls']:,}: {ended}{f', {unknown:,} not said' if unknown > 0 else ''}"
    for name in FACETS:
        if name not in _HIDDEN[profile.kind]:
            yield from _facet(name.replace("_", " "), facts[name] or [], limit, width)
    yield from _list("tools", facts["tools"], limit, width, _tool)
    yield from _list("denials", facts["denials"], limit, width, _denial)
    yield from _list("sessions", facts["sessions"], limit, width, _session)
    yield from _list("findings", facts["findings"], limit, width, _finding)


def _facet(label: str, values: Sequence[Mapping[str, Any]], limit: int, width: int) -> Iterator[str]:
    for number, value in enumerate(values[:limit]):
        when = f"{many(value['events'], 'event'):>14}  {_stamp(value['first'])} to {_stamp(value['last'])}"
        room = max(20, width - _LABEL_WIDTH - len(when) - 2)
        yield f"{'' if number else label:{_LABEL_WIDTH}}{fit(visible(value['value']), room)}  {when}"
    yield from _more(values, limit)


def _list(
    label: str, rows: Sequence[Mapping[str, Any]] | None, limit: int, width: int, line: Any
) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield click.style(label, bold=True)
    for row in rows[:limit]:
        yield fit("  " + visible(line(row)), width).rstrip()
    yield from _more(rows, limit)


def _more(rows: Sequence[Any], limit: int) -> Iterator[str]:
    if len(rows) > limit:
        yield f"{'':{_LABEL_WIDTH}}and {len(rows) - limit:,} more (--limit)"


def _tool(row: Mapping[str, Any]) -> str:
    name = f"{row['server'] or '?'}.{row['tool']}"
    ended = f"{row['succeeded']:>7,} succeeded {row['failed']:>5,} failed {row['denied']:>5,} denied"
    return f"{many(row['calls'], 'call'):>13}  {ended}  {name}"


def _denial(row: Mapping[str, Any]) -> str:
    name = f"{row['server'] or '?'}.{row['tool'] or '?'}"
    return f"{many(row['times'], 'time'):>13}  {_stamp(row['last'])}  {name}: {row['reason'] or 'no reason given'}"


def _session(row: Mapping[str, Any]) -> str:
    around = f", {row['sidestepped']} got around" if row["sidestepped"] else ""
    anomaly = f", anomaly {row['anomaly']:.2f}" if row["anomaly"] is not None else ""
    counts = f"{many(row['calls'], 'call')}, {row['denied']:,} denied{around}{anomaly}"
    return f"{row['session'][:8]}  {_stamp(row['first'])} to {_stamp(row['last'])}  {counts}"


def _finding(row: Mapping[str, Any]) -> str:
    return f"{row['finding'][:8]}  {_stamp(row['event_time'])}  {row['severity']:8}  {row['title']} ({row['state']})"


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def list_clients(place: Place, output: Output, since: str | None, as_of: str | None) -> None:
    """Print the client inventory; for a person the columns that fit a line."""
    answer = clients(place.open_to_ask(), moment(since, "--new-since"), as_of)
    say(f"answered from events version {answer.version}")
    if output.chosen != "table":
        output.write(answer)
        return
    rows = answer.arrow().to_pylist()
    for row in rows:
        row["versions"] = ", ".join(row["versions"] or ())
        row["first"], row["last"] = _stamp(row["first"]), _stamp(row["last"])
    output.write(rows_of(rows, _SHORT))
