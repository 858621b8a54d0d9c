"""Entitlements at the console: files in, and what follows from them as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from analytics.entitlements import catalog, explain, importing
from analytics.entitlements.places import place_at
from analytics.entitlements.reading import File
from console.exits import say
from console.options import Place
from console.output import Output, rows_of
from ingest import secrets
from store.errors import UnreachableError, UsageError

_SHOW = """
SELECT {} FROM entitlements e
WHERE ($kind IS NULL OR kind = $kind) AND (NOT $orphans OR orphan) AND (
    $principal IS NULL OR principal = $principal
    OR EXISTS (FROM principals p WHERE (p.principal = $principal OR list_contains(p.aliases, $principal))
               AND (e.principal = p.principal OR list_contains(p.aliases, e.principal)
                    OR (e.principal_kind IN ('group', 'role') AND list_contains(p.member_of, e.principal)))))
ORDER BY kind, principal, server_name, tool_name, entitlement_id"""
_SHORT = """left(entitlement_id, 8) AS entitlement, principal_kind || ' ' || principal AS principal, effect,
server_name AS server, tool_name AS tool, conditions, concat_ws(' ', source, via) AS source,
strftime(expires_at, '%Y-%m-%d') AS expires, orphan, import_source AS "from" """
_DIFF = """
SELECT change, principal_kind, principal, server_name, tool_name, import_source, to_json(before)::VARCHAR AS before,
       to_json(after)::VARCHAR AS after, entitlement_id
FROM entitlements_between($earlier, $later) ORDER BY ALL"""
_SHORT_DIFF = """
WITH sides AS (SELECT *, to_json(before) AS b, to_json(after) AS a FROM entitlements_between($earlier, $later))
SELECT change, principal_kind || ' ' || principal AS principal, server_name AS server, tool_name AS tool,
       CASE change WHEN 'changed' THEN array_to_string(
            [k || ': ' || coalesce(b ->> k, '-') || ' -> ' || coalesce(a ->> k, '-')
             FOR k IN json_keys(a) IF (b ->> k) IS DISTINCT FROM (a ->> k)], ', ') END AS what
FROM sides ORDER BY ALL"""


def import_files(
    place: Place, output: Output, format_id: str, files: Sequence[Path], source: str | None, server: str
) -> None:
    """Take the files in as one snapshot and print its version and what it changed."""
    formats = catalog.load()
    if format_id not in formats:
        near = get_close_matches(format_id, formats, n=1)
        hint = f"did you mean {near[0]}?" if near else f"formats: {', '.join(formats)}"
        raise UsageError(f"there is no format of entitlements {format_id!r}", hint=hint)
    lake = place.open_to_ask()
    given = [_file(path, server) for path in files]
    named = source or (format_id if server == "*" else f"{format_id}:{server}")
    taken = importing.take_in(lake, formats[format_id], given, named)
    orphans = (
        lake.sql("SELECT count(DISTINCT principal) AS n FROM entitlements WHERE orphan")
        .arrow()["n"][0]
        .as_py()
    )
    if orphans:
        say(f"{orphans:,} principals are in no inventory: `tooltrail entitlements show --orphans`")
    output.write(rows_of([asdict(taken)], [f.name for f in fields(taken)]))


def _file(path: Path, server: str) -> File:
    """Read one file; one that holds a secret is refused before anything of it is kept."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreachableError(f"cannot be read: {error.strerror}", where=str(path)) from error
    text = content.decode("utf-8-sig", "replace")
    shaped = [pattern for pattern in secrets.candidates(text) if pattern.shaped]
    for start, _, kind in secrets.find(text, shaped)[:1]:
        where = str(place_at(str(path), text, start))
        raise UsageError(
            f"this is a secret ({kind}); nothing was imported",
            where=where,
            hint="name credentials by their ids",
        )
    return File(str(path), content, server)


def show_granted(
    place: Place, output: Output, *, principal: str | None, kind: str | None, orphans: bool
) -> None:
    """Print what is granted; of an unknown principal, say that there is nothing."""
    columns = _SHORT if output.chosen == "table" else "e.*"
    asked = {"principal": principal, "kind": kind, "orphans": orphans}
    if not output.write(place.open_to_ask().sql(_SHOW.format(columns), asked)) and principal is not None:
        say(f"nothing is granted to {principal!r} by what was imported")


def show_diff(place: Place, output: Output, earlier: int | None, later: int | None) -> None:
    """Print what differs between two versions."""
    lake = place.open_to_ask()
    newest, _ = lake.position("entitlement_imports", importing.STREAM)
    if newest is None:
        raise UsageError("nothing was imported yet", hint="`tooltrail entitlements import` does")
    until = newest if later is None else later
    since = until - 1 if earlier is None else earlier
    if max(since, until) > newest:
        raise UsageError(f"there is no version {max(since, until)}: the newest is {newest}")
    question = _SHORT_DIFF if output.chosen == "table" else _DIFF
    say(f"version {since} -> {until}")
    output.write(lake.sql(question, {"earlier": since, "later": until}))


def explain_call(
    place: Place, output: Output, principal: str, server: str, tool: str, client: str | None, credential: str | None,
    claims: Sequence[str], arguments: Sequence[str], resource: str | None, moment: datetime | None,
) -> None:  # fmt: skip
    """Print a row for each side of the call, and last the effective access."""
    question = explain.Question(
        principal, server, tool, client, credential, _pairs(claims, "claim"), _pairs(arguments, "argument"),
        moment.replace(tzinfo=UTC) if moment else None, resource,
    )  # fmt: skip
    legs = explain.explain(place.open_to_ask(), question)
    names = ["leg", "verdict", "because", "without"]
    if output.chosen == "table":
        _say_legs(legs)
        names = names[:2]
    else:
        names += ["entitlements", "orphan"]
    output.write(rows_of([asdict(leg) for leg in legs], names))


def _pairs(texts: Sequence[str], what: str) -> dict[str, Any]:
    """Return NAME=VALUE options; a value that is JSON is taken as such."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--{what} takes NAME=VALUE, not {text!r}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _say_legs(legs: Sequence[explain.Leg]) -> None:
    for leg in legs[-1:]:
        say(f"{leg.verdict} because {leg.because}")
        if leg.without:
            say(leg.without)
