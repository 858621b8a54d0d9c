"""Proofs of single events: c2sp.org/tlog-proof, with the way through the tree of the event's stream as extra data."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from store.errors import UnreachableError
from store.integrity import merkle, retired, stamping, streams
from store.integrity.note import BadNoteError, parse
from store.integrity.streams import Key
from store.tables.integrity import RETIRED_LEAVES

if TYPE_CHECKING:
    from store.integrity.log import Log
    from store.lake import Lake

MAGIC = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Proof:
    """The way from an event's leaf to the root of its stream, and from the entry that states that to the log's root."""

    leaf: bytes
    entry: int
    index: int
    size: int
    path: Sequence[bytes]
    above: Sequence[bytes]

    def text(self, checkpoint: str) -> str:
        """Return the proof as the file of one event, under a signed checkpoint."""
        extra = {"index": self.index, "size": self.size, "path": [_base64(step) for step in self.path]}
        coded = _base64(json.dumps(extra, separators=(",", ":")).encode())
        lines = [MAGIC, f"extra {coded}", f"index {self.entry}", *map(_base64, self.above)]
        return "\n".join(lines) + "\n\n" + checkpoint


@dataclass(frozen=True)
class Proofs:
    """Proofs by leaf, the entries they go through by index, the signed checkpoint they end in, and its time stamp."""

    proofs: Mapping[bytes, Proof]
    entries: Mapping[int, bytes]
    checkpoint: str
    stamp: bytes | None = None


def prove(lake: Lake, rows: pa.Table) -> Proofs:
    """Prove events given as rows with `streams.COLUMNS`; rows without a leaf get no proof.

    The checkpoint is the first that was stamped with all of it in the log: that stamp says the most. Without one it is
    the newest.
    Raises IntegrityError for a log that cannot be read, UnreachableError when the rows of a stream are not all there.
    """
    log = lake.log
    head = log.head() if log is not None else None
    if log is None or head is None:
        return Proofs({}, {}, "")
    newest, size = (log.folder / "checkpoint").read_text("utf-8"), head.checkpoint.size
    sealed = rows.filter(rows["leaf_hash"].is_valid())
    batches = set(sealed["batch_id"].to_pylist())
    told, removals = _told(log, batches, size)
    known = retired.read(_table(lake, RETIRED_LEAVES.name), removals)
    wanted = set(sealed["leaf_hash"].to_pylist())
    ways = list(_ways(lake, batches, wanted, told, known))
    indexes = sorted({entry for _, entry, _, _, _ in ways})
    hashes = log.tiles.hashes(size)
    checkpoint, size, stamp = _first_stamped(log, hashes, indexes) or (newest, size, None)
    above = dict(zip(indexes, merkle.inclusions(hashes[: size * merkle.SIZE], indexes), strict=True))
    found = {
        leaf: Proof(leaf, entry, index, rows, path, above[entry]) for leaf, entry, index, rows, path in ways
    }
    raw = {index: next(iter(log.tiles.entries(index, size))) for index in indexes}
    return Proofs(found, raw, checkpoint, stamp)


def _first_stamped(log: Log, hashes: bytes, indexes: Sequence[int]) -> tuple[str, int, bytes] | None:
    """Return the first stamped checkpoint of this log over these entries, its size and its stamp."""
    for size in stamping.sizes(log):
        if not indexes or not indexes[-1] < size <= len(hashes) // merkle.SIZE:
            continue
        try:
            text = stamping.checkpoint_of(log, size).read_text("utf-8")
            seen = parse(text).checkpoint
            stamp = stamping.token_of(log, size).read_bytes()
        except (OSError, UnicodeDecodeError, BadNoteError):
            continue
        if (seen.size, seen.root) == (size, merkle.root(hashes[: size * merkle.SIZE])):
            return text, size, stamp
    return None


_Told = dict[Key, tuple[int, int]]
"""The entry that tells of a stream's rows of a batch, and how many they are."""


def _told(log: Log, batches: set[str], size: int) -> tuple[_Told, set[str]]:
    told: _Told = {}
    removals: set[str] = set()
    for index, body in log.entries(0, size):
        removals |= retired.removals([body])
        if body.get("batch") in batches:
            for stream in body.get("streams", ()):
                told[body["batch"], stream["topic"], stream["partition"]] = (index, stream["rows"])
    return told, removals


def _ways(
    lake: Lake, batches: Iterable[str], wanted: set[bytes], told: _Told, known: retired.Known
) -> Iterator[tuple[bytes, int, int, int, list[bytes]]]:
    """Yield each wanted leaf with the entry, its place, the size of its tree, and its path there."""
    held = _table(lake, "events", [("batch_id", "in", sorted(batches))]) if batches else None
    for key, _, hashes in streams.trees(held) if held is not None else ():
        if key not in told:
            continue
        entry, size = told[key]
        nodes = known.get(key, ())
        slots = retired.free(nodes, len(hashes) // merkle.SIZE).tolist()
        if len(slots) + sum(node.leaves for node in nodes) != size:
            raise UnreachableError(
                "rows of this commit are missing, so its events cannot be proven", where=f"{key[1]}[{key[2]}]",
                hint="`tooltrail verify` says which",
            )  # fmt: skip
        leaves = [hashes[at : at + merkle.SIZE] for at in range(0, len(hashes), merkle.SIZE)]
        chosen = [(leaf, slot) for leaf, slot in zip(leaves, slots, strict=True) if leaf in wanted]
        paths = retired.inclusions(hashes, nodes, [slot for _, slot in chosen])
        for (leaf, slot), path in zip(chosen, paths, strict=True):
            yield leaf, entry, slot, size, path


def _table(lake: Lake, table: str, filters: list[Any] | None = None) -> pa.Table:
    paths = lake.snapshot(table).paths()
    columns = list(streams.COLUMNS) if table == "events" else None
    if not paths:
        paths = [lake.template(table)]
    return pq.read_table(paths, columns=columns, filters=filters, partitioning=None)


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
