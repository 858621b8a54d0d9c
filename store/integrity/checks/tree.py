"""The log by itself: entries against tiles, these against the root, it against its signatures, keys in a chain."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from store.errors import IntegrityError
from store.integrity import entries, merkle
from store.integrity.checks.report import Report
from store.integrity.log import CHECKPOINT, Log
from store.integrity.note import ED25519, BadNoteError, Note, VerifierKey, parse, verified_by
from store.integrity.tiles import WIDTH, tile_path

Logged = list[tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Tree:
    """What can be read of a log: its entries and their hashes, the keys that were ever its own; `whole`, if all can."""

    logged: Logged
    hashes: bytes
    keys: list[VerifierKey]
    whole: bool


def check_tree(log: Log, report: Report) -> Tree:
    """Check the log against itself."""
    note = _checkpoint(log, report)
    if note is None:
        return Tree([], b"", [], whole=False)
    size = note.checkpoint.size
    raw = list(_entries(log, size, report))
    hashes = b"".join(merkle.leaf(entry) for _, entry in raw)
    if len(raw) == size and merkle.root(hashes) != note.checkpoint.root:
        report.fault("log", log.folder / CHECKPOINT, "the root is not the one over the log's entries")
    _tiles(log, size, hashes, report)
    logged = _decoded(log, raw, report)
    report.covered["entries"] = len(logged)
    keys, current = _keys(logged, report)
    _signatures(log, note, keys, current, report)
    _order(logged, report)
    return Tree(logged, hashes, keys, whole=len(logged) == size)


def check_older(tree: Tree, file: Path, report: Report) -> None:
    """Check that the log still begins as a checkpoint says that was kept elsewhere, and that one of its keys signed."""
    try:
        note = parse(file.read_text("utf-8"))
        signers = verified_by(note, tree.keys)
    except (OSError, UnicodeDecodeError, BadNoteError) as error:
        report.fault("checkpoint", file, f"it cannot be believed: {error}")
        return
    old = note.checkpoint
    if report.checkpoint is None:
        report.fault("checkpoint", file, "the log has none to compare it with")
        return
    if not signers:
        report.fault("checkpoint", file, "no key of this log has signed it: the log's keys were replaced")
    if old.origin != report.checkpoint.origin:
        report.fault(
            "checkpoint", file, f"it is of another log: {old.origin}, this one is {report.checkpoint.origin}"
        )
    elif old.size > report.checkpoint.size:
        what = f"the log had {old.size} entries and has {report.checkpoint.size}: its end was cut off, or it is a copy"
        report.fault("checkpoint", file, what, report.checkpoint.size)
    elif tree.whole and merkle.root(tree.hashes[: old.size * merkle.SIZE]) != old.root:
        report.fault("checkpoint", file, f"the first {old.size} entries are not those it was signed over")
    report.covered["older checkpoints"] += 1


def _checkpoint(log: Log, report: Report) -> Note | None:
    file = log.folder / CHECKPOINT
    try:
        note = parse(file.read_text("utf-8"))
    except FileNotFoundError:
        report.fault("log", file, "there is no checkpoint: nothing of this lake is proven")
        return None
    except (OSError, UnicodeDecodeError, BadNoteError) as error:
        report.fault("log", file, f"the checkpoint cannot be read: {error}")
        return None
    report.checkpoint = note.checkpoint
    return note


def _entries(log: Log, size: int, report: Report) -> Iterator[tuple[int, bytes]]:
    """Yield the entries that can be read; a file that cannot be is a fault and the others go on."""
    for index in range(-(-size // WIDTH)):
        width = min(WIDTH, size - index * WIDTH)
        try:
            found = log.tiles.bundle(index, width)
        except IntegrityError as error:
            report.fault("log", error.where or log.folder, error.message, index * WIDTH)
            continue
        yield from enumerate(found[:width], index * WIDTH)


def _tiles(log: Log, size: int, hashes: bytes, report: Report) -> None:
    """Compare each tile with what the entries make it."""
    level, here = 0, hashes
    if len(hashes) != size * merkle.SIZE:
        return
    while size:
        above = b""
        for number in range(-(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            wanted = here[number * WIDTH * merkle.SIZE :][: width * merkle.SIZE]
            _tile(log, level, number, wanted, report)
            above += merkle.root(wanted) if width == WIDTH else b""
        level, size, here = level + 1, size // WIDTH, above


def _tile(log: Log, level: int, number: int, wanted: bytes, report: Report) -> None:
    width = len(wanted) // merkle.SIZE
    path = log.folder / tile_path(level, number, width)
    first = number * WIDTH ** (level + 1)
    if not path.exists() and width < WIDTH:
        path = log.folder / tile_path(level, number)
    try:
        found = path.read_bytes()
    except OSError:
        report.fault("log", path, "a tile of hashes is missing", first)
        return
    report.covered["tiles"] += 1
    if found[: len(wanted)] != wanted or len(found) % merkle.SIZE:
        wrong = next(
            (i for i in range(width) if found[i * 32 : i * 32 + 32] != wanted[i * 32 : i * 32 + 32]), width
        )
        report.fault(
            "log", path, "a tile does not hold the hashes of what is below it", first + wrong * WIDTH**level
        )


def _decoded(log: Log, raw: Sequence[tuple[int, bytes]], report: Report) -> Logged:
    found = []
    for index, entry in raw:
        try:
            found.append((index, entries.decode(entry)))
        except ValueError:
            report.fault("log", log.folder, "an entry is no JSON of ours", index)
    return found


def _keys(logged: Logged, report: Report) -> tuple[list[VerifierKey], list[VerifierKey]]:
    """Return the keys that were ever the log's, and the current ones: each named by an entry the one before signed."""
    every: list[VerifierKey] = []
    current: list[VerifierKey] = []
    for index, body in logged:
        if body["type"] != "key":
            continue
        try:
            named = [VerifierKey.parse(text) for text in body["keys"]]
            if every:
                _check_rotation(body, current)
        except (BadNoteError, InvalidSignature, KeyError, StopIteration, ValueError, TypeError):
            report.fault(
                "key", f"entry {index}", "a change of the log's key that the key before did not sign", index
            )
            continue
        every, current = [*every, *named], named
    if logged and not every:
        report.fault("key", "entry 0", "the log does not begin with its key", 0)
    return every, current


def _check_rotation(body: Mapping[str, Any], current: Sequence[VerifierKey]) -> None:
    signed = {key: value for key, value in body.items() if key != "signature"}
    key = next(key for key in current if key.kind == ED25519)
    public = Ed25519PublicKey.from_public_bytes(key.public)
    public.verify(b64decode(body["signature"], validate=True), entries.encode(signed))


def _signatures(
    log: Log, note: Note, keys: Sequence[VerifierKey], current: Sequence[VerifierKey], report: Report
) -> None:
    file = log.folder / CHECKPOINT
    try:
        signers = set(map(str, verified_by(note, keys)))
    except BadNoteError as error:
        report.fault("signature", file, str(error))
        return
    missing = [key for key in current if str(key) not in signers]
    if missing or not current:
        report.fault("signature", file, f"{len(missing)} of the log's {len(current)} keys have not signed it")
    report.covered["signatures"] = len(signers)


def _order(logged: Logged, report: Report) -> None:
    """Check that no table ever goes back and that time does not, beyond what clocks are corrected by."""
    heads: dict[str, int] = {}
    for index, body in logged:
        for table, version in body["heads"].items():
            if version < heads.get(table, -1) and not (body.get("table") == table and "undone" in body):
                report.fault(
                    "log", f"entry {index}", f"{table} went back from {heads[table]} to {version}", index
                )
        heads = body["heads"]
