"""What the log says of what came in: streams without holes, counts that add up, hours in which nothing came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from store.commit import seal_of
from store.integrity.checks.report import Report
from store.integrity.checks.tree import Logged

SILENCE = timedelta(hours=1)
"""A pause in the log longer than this, without an entry that says nothing came, is an hour nobody vouches for."""
_MENDED = ("restore", "repair")
"""Operations that may set a stream back: it is read again from there."""


def check_completeness(logged: Logged, report: Report) -> None:
    """Check positions, counts and pauses of the log's entries."""
    reached: dict[tuple[str, str], int] = {}
    for index, body in logged:
        if "undone" in body:
            reached = {key: at for key, at in reached.items() if key[0] != body["table"]}
        if "version" in body:
            _positions(index, body, reached, report)
            _counts(index, body, report)
    _silences(logged, report)
    report.covered["streams followed"] = len({stream for _, stream in reached})


def _positions(
    index: int, body: Mapping[str, Any], reached: dict[tuple[str, str], int], report: Report
) -> None:
    table = body["table"]
    rows = {(s["topic"], s["partition"]): s for s in body.get("streams", ())}
    named = {f"{topic}-{partition}": claim for (topic, partition), claim in rows.items()}
    for stream, position in body.get("positions", ()):
        if stream.endswith(seal_of("")):
            continue
        before = reached.get((table, stream), -1)
        where = f"{stream}@{position}"
        if position < before and body["type"] not in _MENDED:
            report.fault("completeness", where, f"the stream of {table} went back from {before}", index)
        claim = named.get(stream)
        if (
            table == "events"
            and claim is not None
            and not before < claim["first"] <= claim["last"] <= position
        ):
            what = f"rows at {claim['first']}..{claim['last']} are not those after {before}, up to {position}"
            report.fault("completeness", where, what, index)
        reached[table, stream] = position


def _counts(index: int, body: Mapping[str, Any], report: Report) -> None:
    note = body.get("note", {})
    if {"in", "rows", "dead", "replayed"} <= note.keys() and note["in"] != note["rows"] + note["dead"] + note[
        "replayed"
    ]:
        report.fault("completeness", f"entry {index}", "in is not rows + dead + replayed", index)
    if body["type"] != "append" or "part" in body or not body.get("streams"):
        return
    added = sum(rows or 0 for _, _, rows in body.get("added", ()))
    sealed = sum(stream["rows"] for stream in body["streams"])
    if added != sealed:
        report.fault(
            "completeness", f"entry {index}", f"{added} rows were added, {sealed} have a root", index
        )


def _silences(logged: Logged, report: Report) -> None:
    """Add up the pauses in which nobody said that nothing came: they are not covered, and no fault."""
    before: datetime | None = None
    total, count = timedelta(), 0
    for _, body in logged:
        now = datetime.fromisoformat(body["time"])
        watched = datetime.fromisoformat(body["since"]) if body["type"] == "idle" else now
        if before is not None and watched - before > SILENCE:
            total, count = total + (watched - before), count + 1
        before = now if before is None else max(before, now)
    if count:
        hours = total.total_seconds() / 3600
        report.uncovered.append(
            f"{hours:.1f} hours in {count} pauses of the log: no process said that nothing came in them"
        )
