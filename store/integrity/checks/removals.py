"""Rows that left a table: each operation of the log may take only so many, and what was taken is told.

Rows of events are held by their roots, whatever is done to them. Those of other tables have none: whoever can write to
the lake could take some away, and the next writer would log it as it logs every commit. So what no operation of ours
takes is a fault, and what expiry, erasure and repair took is told, for people to compare with what they ordered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from store.integrity.checks.report import Report
from store.integrity.checks.tree import Logged
from store.tables.events import EVENTS
from store.tables.history import OWNERS

_KEEP = {"compact": (), "erase": (OWNERS.name,)}
"""Operations that put as many rows in the place of those they take, but in the tables named."""
_TAKE = ("expire", "repair")


def check_removals(logged: Logged, report: Report) -> None:
    """Check how many rows each commit took out of its table; `logged` are the entries of commits that stand."""
    rows: dict[tuple[str, str], int | None] = {}
    taken: dict[tuple[str, str], list[tuple[int, int]]] = {}
    parts: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for _, body in logged:
        parts.setdefault((body["table"], body["version"]), []).append(body)
    ends = {(body["table"], body["version"]): index for index, body in logged}
    for (table, version), bodies in parts.items():
        index = ends[table, version]
        came = {path: count for body in bodies for path, _, count in body.get("added", ())}
        went = [rows.pop((table, path), None) for body in bodies for path in body.get("removed", ())]
        rows |= {(table, path): count for path, count in came.items()}
        if went and table != EVENTS.name and None not in (*went, *came.values()):
            gone = sum(count or 0 for count in went) - sum(count or 0 for count in came.values())
            _judge(report, index, table, str(bodies[0]["type"]), gone, taken)
    _tell(taken, report)


def _judge(
    report: Report, index: int, table: str, operation: str, gone: int, taken: dict[Any, list[tuple[int, int]]]
) -> None:
    keeps = operation in _KEEP and table not in _KEEP[operation]
    if operation not in _KEEP and operation not in _TAKE:
        what = f"rows of {table} were replaced by {operation!r}, which is no operation of tooltrail"
        report.fault("commit", f"entry {index}", what, index)
    elif (keeps and gone) or gone < 0:
        change = f"{gone:,} fewer" if gone > 0 else f"{-gone:,} more"
        report.fault("commit", f"entry {index}", f"{table} has {change} rows after {operation}", index)
    elif gone:
        taken.setdefault((table, operation), []).append((index, gone))


def _tell(taken: Mapping[tuple[str, str], list[tuple[int, int]]], report: Report) -> None:
    total: Counter[str] = Counter()
    for (table, operation), found in taken.items():
        count, last = sum(gone for _, gone in found), found[-1][0]
        total[table] += count
        report.uncovered.append(
            f"whether {count:,} rows of {table} had to go: {operation} took them, by entry "
            f"{found[0][0]}{'' if len(found) == 1 else f' to {last}'} of the log"
        )
    report.covered["rows taken out of other tables"] = total.total()
