"""Evidence bundles: events with their proofs, and a program that checks them without Tooltrail."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store.durable import make_folders, sync_folder, write_file
from store.errors import UsageError
from store.events import BY_NAME, COLUMNS, PARTITION
from store.integrity import leaves, verifier
from store.integrity.entries import stamp
from store.integrity.proof import Proofs, prove

if TYPE_CHECKING:
    from store.lake import Lake

_LEFT_OUT = {PARTITION}


@dataclass(frozen=True)
class Question:
    """What was asked: its kind (session, finding, query), its text, and the SQL that names the events."""

    kind: str
    text: str
    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Bundled:
    """What a bundle holds: events, how many have a proof, entries these go through; if the checkpoint is stamped."""

    events: int
    proven: int
    entries: int
    stamped: bool


def bundle(lake: Lake, question: Question, target: Path) -> Bundled:
    """Write a bundle to a new folder, or to a new file that ends in .zip; whole and durable, or not there.

    Raises UsageError when there is something at the target or the question names no event.
    """
    if target.exists():
        raise UsageError("there is something there already", where=str(target), hint="choose another place")
    rows = lake.sql(
        f"SELECT * FROM events WHERE event_id IN ({question.sql}) ORDER BY event_time, event_id",  # noqa: S608 - a checked SELECT
        question.parameters,
    )
    versions = dict(rows.versions)
    table = rows.arrow()
    if not table.num_rows:
        raise UsageError("that names no event", where=question.text)
    proofs = prove(lake, table)
    make_folders(target.absolute().parent)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as work:
        folder = Path(work) / "bundle"
        _fill(folder, lake, question, versions, table, proofs)
        _settle(folder, target)
    return Bundled(table.num_rows, len(proofs.proofs), len(proofs.entries), proofs.stamp is not None)


def _fill(
    folder: Path, lake: Lake, question: Question, versions: Mapping[str, int], table: pa.Table, proofs: Proofs
) -> None:
    write_file(folder / "events.ndjson", _events(table))
    write_file(folder / "columns.json", _json(columns()))
    write_file(folder / "question.sql", question.sql.encode() + b"\n")
    write_file(folder / "verify.py", Path(verifier.__file__).read_bytes())
    write_file(folder / "checkpoint", proofs.checkpoint.encode())
    if proofs.stamp is not None:
        write_file(folder / "checkpoint.tsr", proofs.stamp)
    keys = [
        key
        for _, body in (lake.log.entries() if lake.log else ())
        if body["type"] == "key"
        for key in body["keys"]
    ]
    write_file(folder / "keys.txt", "".join(f"{key}\n" for key in keys).encode())
    for index, entry in proofs.entries.items():
        write_file(folder / "entries" / f"{index}.json", entry)
    for leaf, proof in proofs.proofs.items():
        write_file(folder / "proofs" / f"{leaf.hex()}.tlog-proof", proof.text(proofs.checkpoint).encode())
    manifest = {
        "created": stamp(datetime.now(UTC)),
        "question": {"kind": question.kind, "text": question.text, "parameters": dict(question.parameters)},
        "events": table.num_rows,
        "proven": len(proofs.proofs),
        "versions": dict(versions),
        "files": [_listed(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()],
    }
    write_file(folder / "manifest.json", _json(manifest))


def _settle(folder: Path, target: Path) -> None:
    if target.suffix == ".zip":
        packed = folder.with_suffix(".zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
        write_file(target.absolute(), packed.read_bytes())
        return
    shutil.move(folder, target)
    sync_folder(target.absolute().parent)


def columns() -> dict[str, Any]:
    """Return what kind of value each column holds, as verify.py takes them: those of the leaf, and of each class."""
    classes = {
        name: {member: _kind(member) for member in members} for name, members in leaves.CLASSES.items()
    }
    return {"plain": {name: _kind(name) for name in leaves.PLAIN}, "classes": classes}


def _kind(name: str) -> str:
    kind = BY_NAME[name].type
    if pa.types.is_list(kind):
        inner = kind.value_type
        if pa.types.is_struct(inner):
            return "structures:" + ",".join(field.name for field in inner)
        return "integers" if pa.types.is_integer(inner) else "texts"
    tests = (("text", pa.types.is_string), ("time", pa.types.is_timestamp), ("number", pa.types.is_floating),
             ("bytes", pa.types.is_binary))  # fmt: skip
    return next((word for word, test in tests if test(kind)), "integer")


def _events(table: pa.Table) -> bytes:
    names = [column.name for column in COLUMNS if column.name not in _LEFT_OUT]
    lines = [
        json.dumps({name: _plain(row[name]) for name in names}) for row in table.select(names).to_pylist()
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.hex() if isinstance(value, bytes) else value


def _listed(folder: Path, path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "path": path.relative_to(folder).as_posix(),
        "sha256": sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _json(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"
