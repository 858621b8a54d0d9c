"""The tables' commits against the log, both ways, and the files that are in force by it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from store import commit as delta
from store.errors import TooltrailError
from store.integrity import entries
from store.integrity.checks.report import Report
from store.integrity.checks.tree import Logged, Tree
from store.integrity.log import Log

_CLAIMS = ("added", "removed", "positions", "streams", "batch")
_PATIENCE = 2.0
"""Seconds a commit made meanwhile may take to be logged by its writer."""


@dataclass(frozen=True)
class Claim:
    """A data file as the log tells of it: the entry that added it, its digest and rows (None: it does not say)."""

    entry: int
    sha256: str | None
    rows: int | None


Live = dict[str, dict[str, Claim]]
"""The files in force, by table and path."""


def check_commits(log: Log, tables: Sequence[str], tree: Tree, report: Report) -> Live:
    """Compare each commit with its entry and each entry with its commit; returns the files in force by the log.

    With a log that cannot be read as a whole, what it does not tell of is no fault of the tables.
    """
    told: dict[tuple[str, int], list[tuple[int, dict[str, Any]]]] = {}
    live: Live = {table: {} for table in tables}
    for index, body in standing(tree.logged):
        told.setdefault((body["table"], body["version"]), []).append((index, body))
        _apply(live.setdefault(body["table"], {}), index, body)
    for (table, version), parts in told.items():
        if parts[-1][0] >= report.since:
            _check_entry(log.lake / table, table, version, parts, report)
    for table in tables if tree.whole else ():
        _check_unlogged(log, table, max((v for t, v in told if t == table), default=-1), report)
        _check_snapshot(
            log.lake / table, table, live[table], max((v for t, v in told if t == table), default=-1), report
        )
    return live


def standing(logged: Logged) -> Logged:
    """Return the entries of commits, without those that a repair has set aside."""
    found: Logged = []
    for index, body in logged:
        if "undone" in body:
            found = [
                (i, b)
                for i, b in found
                if (b["table"], b["version"] >= body["undone"]) != (body["table"], True)
            ]
        elif "version" in body:
            found.append((index, body))
    return found


def _apply(live: dict[str, Claim], index: int, body: Mapping[str, Any]) -> None:
    for path in body.get("removed", ()):
        live.pop(path, None)
    for path, digest, rows in body.get("added", ()):
        live[path] = Claim(index, digest, rows)


def _check_entry(
    path: Path, table: str, version: int, parts: Sequence[tuple[int, dict[str, Any]]], report: Report
) -> None:
    index, body = parts[0]
    file = delta.log_entry(path, version)
    try:
        content = file.read_bytes()
    except OSError:
        report.fault("commit", file, f"commit {version} of {table} is in the log and not on the disk", index)
        return
    report.covered["commits"] += 1
    if sha256(content).hexdigest() != body.get("commit"):
        report.fault("commit", file, f"commit {version} of {table} is not the one that was logged", index)
        return
    try:
        derived = list(entries.of_commit(table, path, version))
    except TooltrailError as error:
        report.fault("commit", file, error.message, index)
        return
    if _claims(derived) != _claims([body for _, body in parts]):
        report.fault("commit", file, "the log claims of it what it does not say", index)


def _claims(parts: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what parts of an entry claim together, in an order of its own."""
    found: dict[str, list[str]] = {}
    for name in _CLAIMS:
        values = [part[name] for part in parts if part.get(name)]
        every = values[:1] if name == "batch" else [value for share in values for value in share]
        found[name] = sorted(json.dumps(value, sort_keys=True) for value in every)
    return found


def _check_unlogged(log: Log, table: str, newest: int, report: Report) -> None:
    """Look for commits that the log does not tell of; one made this moment is given time to be logged."""
    waited = 0.0
    while (unlogged := list(_after(log.lake / table, newest))) and waited < _PATIENCE:
        if _logged_now(log, table) >= unlogged[-1]:
            return
        time.sleep(0.1)
        waited += 0.1
    for version in unlogged:
        file = delta.log_entry(log.lake / table, version)
        what = f"commit {version} of {table} is not in the log; if its writer died, the next writer logs it"
        report.fault("commit", file, what)


def _logged_now(log: Log, table: str) -> int:
    try:
        head = log.head()
    except TooltrailError:
        return -1
    return -1 if head is None else head.heads.get(table, -1)


def _after(path: Path, newest: int) -> Iterator[int]:
    version = newest + 1
    while delta.log_entry(path, version).exists():
        yield version
        version += 1


def _check_snapshot(path: Path, table: str, live: Mapping[str, Claim], version: int, report: Report) -> None:
    """Compare the files in force by the log with those that a reader of the table is given."""
    if version < 0:
        report.fault("commit", path, f"the log tells nothing of {table}")
        return
    try:
        handle = delta.open_table(path, version)
        read = {Path(uri).relative_to(path).as_posix() for uri in handle.file_uris()}
    except (TooltrailError, ValueError) as error:
        report.fault(
            "commit", path, f"version {version} of {table} cannot be read: {str(error).splitlines()[0]}"
        )
        return
    for name in sorted(read - live.keys()):
        report.fault("commit", path / name, "readers are given a file that is not in force by the log")
    for name in sorted(live.keys() - read):
        report.fault(
            "commit",
            path / name,
            "readers are not given a file that is in force by the log",
            live[name].entry,
        )
