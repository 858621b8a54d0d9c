"""Evidence bundles at the console: what a session, a finding or a query names, and where its bundle goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from console.exits import say
from console.options import Place
from store.errors import UsageError

if TYPE_CHECKING:
    from store.integrity.evidence import Question
    from store.lake import Lake

KINDS = ("session", "finding", "query")


def write(place: Place, subject: str, kind: str | None, target: Path) -> None:
    """Write a bundle and say what it proves."""
    from store.integrity import evidence

    lake = place.open_to_ask()
    done = evidence.bundle(lake, question(lake, subject, kind), target)
    say(f"{done.events:,} events, {done.proven:,} proven by {done.entries:,} entries of the log, in {target}")
    if done.proven < done.events:
        say(f"{done.events - done.proven:,} events are from before the log and have no proof")
    if done.stamped:
        say("the checkpoint has a time stamp: the events were in the log before that time")
    where = (
        f"unzip {target} && python verify.py" if target.suffix == ".zip" else f"python {target / 'verify.py'}"
    )
    say(f"check       {where}  (needs Python and the package cryptography, nothing else)")


def question(lake: Lake, subject: str, kind: str | None) -> Question:
    """Return what a subject asks for; a SELECT is told by its spaces, a finding by trying."""
    if kind == "query" or (kind is None and len(subject.split()) > 1):
        return _query(subject)
    if kind != "session":
        try:
            return _finding(lake, subject)
        except UsageError:
            if kind is not None:
                raise
    return _session(lake, subject)


def _query(text: str) -> Question:
    from store.integrity.evidence import Question
    from store.sql import check_question

    check_question(text)
    return Question("query", text, f"SELECT asked.event_id FROM ({text}\n) AS asked", {})  # noqa: S608 - the user's own question, checked


def _finding(lake: Lake, name: str) -> Question:
    from analytics.detecting.triage import find
    from store.integrity.evidence import Question

    sql = "SELECT unnest(evidence) FROM findings WHERE finding_id = $finding"
    return Question("finding", name, sql, {"finding": find(lake, name)})


def _session(lake: Lake, name: str) -> Question:
    from analytics.timeline import timeline
    from store.integrity.evidence import Question

    told = timeline(lake, name)
    events = sorted(set(told.rows.table["event_id"].to_pylist()))
    return Question("session", told.summary.session, "SELECT unnest($events::VARCHAR[])", {"events": events})
