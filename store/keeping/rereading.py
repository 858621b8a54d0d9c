"""Going back: when a file is lost, the streams whose rows it held are read again from before it.

A stream's position steps back in the commit that gives the file up, and beside it stands how far the stream had
been taken in: ingest drops what it reads again and still has, so that each event is there once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from store.commit import reread_of, seal_of
from store.entries import Entry, entries
from store.lake import Lake
from store.tables.events import EVENTS

_ONCE = ("otlp/", "stdin:")
"""Topics of streams that cannot be read a second time."""
_UNREAD = int.from_bytes(sha256().digest()[:8], "big") >> 1
"""The seal of a file of which nothing was read."""
_SESSIONS, _DETECTIONS = ("session_states", "job:sessions"), ("evaluations", "job:detections")
JOBS = {
    **dict.fromkeys(("session_links", "session_merges", "session_doubts", "session_states"), _SESSIONS),
    **dict.fromkeys(
        (
            "finding_states",
            "evaluations",
            "incident_links",
            "activity",
            "owners",
            "tool_habits",
            "tool_days",
            "user_hours",
            "credential_days",
        ),
        _DETECTIONS,
    ),
}
"""For tables that jobs make: the table and stream of the job's position. At 0 it does all of its work again."""


@dataclass(frozen=True)
class Lost:
    """A stretch of a stream that a lost file may have held rows of: positions after `before`, up to `until`."""

    stream: str
    before: int
    until: int
    again: bool

    def positions(self) -> dict[str, int]:
        """Return what the table is told so that the stretch is read again."""
        if self.stream.startswith("file:"):
            return {self.stream: -1, seal_of(self.stream): _UNREAD}
        return {self.stream: self.before}


def lost(root: Path, paths: Sequence[str]) -> list[Lost]:
    """Return the stretches that the commits which brought files' rows in had moved their streams over."""
    every = list(entries(root))
    sources = _sources(every, set(paths))
    now: dict[str, int] = {}
    found: dict[str, tuple[int, int]] = {}
    for entry in every:
        streams = {app: at for app, at in entry.positions.items() if "#" not in app}
        if not sources.isdisjoint(entry.added):
            for app, at in streams.items():
                before, until = found.get(app, (at, at))
                found[app] = (min(before, now.get(app, -1)), max(until, at))
        now |= streams
    known = set(now)
    return [Lost(app, before, until, _again(app, known)) for app, (before, until) in sorted(found.items())]


def _again(stream: str, known: set[str]) -> bool:
    """Say whether a stream can be read again: not if it is gone once read, nor if other files begin as this one."""
    topic, _, partition = stream.rpartition("-")
    return not stream.startswith(_ONCE) and "~" not in topic and f"{topic}~1-{partition}" not in known


def _sources(every: Sequence[Entry], wanted: set[str]) -> set[str]:
    """Return the files in which rows first came, of files that may hold them anew."""
    origins = {path: from_ for entry in every for path, from_ in entry.origins.items()}
    found: set[str] = set()
    while wanted:
        path = wanted.pop()
        wanted |= set(origins.get(path, ()))
        if path not in origins:
            found.add(path)
    return found


def step_back(lake: Lake, stretches: Sequence[Lost]) -> dict[str, int]:
    """Return the positions of events at which the stretches are read again."""
    told: dict[str, int] = {}
    for one in stretches:
        if not one.again:
            continue
        last, _ = lake.position(EVENTS.name, one.stream)
        beyond, _ = lake.position(EVENTS.name, reread_of(one.stream))
        if last is None:
            continue
        told |= one.positions() if one.before < last else {}
        told[reread_of(one.stream)] = max(last, -1 if beyond is None else beyond)
    return told


def jobs_ahead(lake: Lake) -> list[tuple[str, dict[str, int]]]:
    """Return the jobs' tables and positions to set where a job stands on a version of events that is gone."""
    newest = lake.snapshot(EVENTS.name).version
    found = []
    for holder, stream in (_SESSIONS, _DETECTIONS):
        done, _ = lake.position(holder, stream)
        if done is not None and done > newest:
            found.append((holder, {stream: newest}))
    return found
