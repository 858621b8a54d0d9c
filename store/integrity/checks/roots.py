"""The rows of each batch against the roots that were logged when it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from store.integrity import retired, streams
from store.integrity.checks.files import FileResult
from store.integrity.checks.report import Report
from store.integrity.checks.tree import Logged
from store.integrity.retired import Node
from store.integrity.streams import Key

REPAIR = "repair"
"""The operation that takes lost files out of a table, so that its streams can be read again."""


@dataclass
class Batch:
    """A batch as the log tells of it, and its rows as they were found so far; `lost` is the entry that gave some up."""

    entry: int
    rows: int = 0
    claims: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    found: list[pa.Table] = field(default_factory=list)
    seen: int = 0
    lost: int | None = None


def _given_up(logged: Logged) -> dict[str, int]:
    """Return the batches of which rows were in files that a repair gave up, and the entry that did.

    A file that was put in the place of others may hold rows of any batch of theirs.
    """
    batches: dict[str, set[str]] = {}
    found: dict[str, int] = {}
    for index, body in logged:
        if "undone" in body:
            gone = [b for i, b in logged if i < index and b.get("table") == body["table"] and "streams" in b]
            found |= {b["batch"]: index for b in gone if b["version"] >= body["undone"]}
            continue
        before: set[str] = set().union(*(batches.get(path, ()) for path in body.get("removed", ())))
        own = {body["batch"]} if "streams" in body else before
        for path, _, _ in body.get("added", ()):
            batches[path] = own
        if body["type"] == REPAIR:
            found |= dict.fromkeys(before, index)
    return found


class Batches:
    """Gathers the rows of batches out of files; a batch that is whole is checked and forgotten."""

    def __init__(self, logged: Logged, known: Mapping[Key, list[Node]], report: Report) -> None:
        self._report = report
        self._known = known
        self._batches: dict[str, Batch] = {}
        self._strangers: dict[str, str] = {}
        for index, body in logged:
            for claim in body.get("streams", ()):
                batch = self._batches.setdefault(body["batch"], Batch(index))
                batch.claims[body["batch"], claim["topic"], claim["partition"]] = claim
                batch.rows += claim["rows"]
        for (name, _, _), nodes in known.items():
            if name in self._batches:
                self._batches[name].seen += sum(node.leaves for node in nodes)
        for name, entry in _given_up(logged).items():
            if name in self._batches:
                self._batches[name].lost = entry

    def add(self, result: FileResult) -> None:
        """Take in the rows of a file."""
        if result.rows is None or not result.rows.num_rows:
            return
        names = pc.unique(result.rows["batch_id"])
        for name in names.to_pylist():
            rows = (
                result.rows
                if len(names) == 1
                else result.rows.filter(pc.equal(result.rows["batch_id"], name))
            )
            batch = self._batches.get(name)
            if batch is None:
                self._strangers.setdefault(str(name), result.path)
                continue
            batch.found.append(rows)
            batch.seen += rows.num_rows
            if batch.seen == batch.rows:
                self._check(self._batches.pop(name))

    def finish(self, since: int) -> None:
        """Check what is left: batches of which rows are missing, or that have too many."""
        for name, path in self._strangers.items():
            self._report.fault("root", path, f"rows of a batch that no entry of the log tells of: {name}")
        for batch in self._batches.values():
            if batch.entry >= since:
                self._check(batch)

    def _check(self, batch: Batch) -> None:
        rows = pa.concat_tables(batch.found, promote_options="permissive") if batch.found else None
        trees = {key: hashes for key, _, hashes in streams.trees(rows)} if rows is not None else {}
        for key, hashes in trees.items():
            if key not in batch.claims:
                self._fault(batch, key, f"{len(hashes) // 32} rows of a stream that the batch had none of")
        for key, claim in batch.claims.items():
            self._check_stream(batch, key, claim, trees.get(key, b""))

    def _check_stream(self, batch: Batch, key: Key, claim: Mapping[str, Any], hashes: bytes) -> None:
        nodes = self._known.get(key, [])
        count = len(hashes) // 32 + sum(node.leaves for node in nodes)
        self._report.covered["streams"] += 1
        self._report.covered["retired rows"] += sum(node.leaves for node in nodes)
        if count < claim["rows"] and batch.lost is not None:
            self._report.covered["rows given up"] += claim["rows"] - count
            self._report.uncovered.append(
                f"{claim['rows'] - count} of {claim['rows']} rows of entry {batch.entry} were in a file that was lost, "
                f"which entry {batch.lost} gave up; the others are held to their leaves alone"
            )
            return
        if count != claim["rows"]:
            what = "missing" if count < claim["rows"] else "too many"
            self._fault(batch, key, f"{abs(count - claim['rows'])} of {claim['rows']} rows are {what}")
            return
        try:
            root = retired.root(hashes, nodes).hex()
        except ValueError as error:
            self._fault(batch, key, str(error))
            return
        if root != claim["root"]:
            self._fault(batch, key, "the root over its rows is not the one that was logged")

    def _fault(self, batch: Batch, key: Key, what: str) -> None:
        _, topic, partition = key
        claim = batch.claims.get(key, {})
        where = f"{topic}[{partition}]@{claim.get('first', '?')}..{claim.get('last', '?')}"
        self._report.fault("root", where, what, batch.entry)
