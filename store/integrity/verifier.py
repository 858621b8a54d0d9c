"""Check a Tooltrail evidence bundle: needs Python 3.11 and the package cryptography, nothing of Tooltrail.

    python -m venv check && check/bin/pip install cryptography
    check/bin/python verify.py [FOLDER] [--keys FILE] [--checkpoint FILE]

Each event is encoded and hashed again; its hash is followed up the tree of its stream to the root that an entry of the
lake's transparency log states, and that entry up the log's tree to the root that the log's key signed. --keys FILE
are public keys of the log that you got another way than with the bundle; --checkpoint FILE is a checkpoint of the log
that you kept, to be compared when it is of the same size. Exit code 0: all holds. 4: something does not.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAGIC = "c2sp.org/tlog-proof@v1"
FAULT = 4


class WrongError(Exception):
    """Something does not hold; the text says what."""


# --- the encoding of a row, docs/integrity.md ---


def tag(name: str) -> bytes:
    """Return the tag of a column."""
    return sha256(name.encode()).digest()[:3]


def text(value: str | None) -> bytes:
    """Return a text inside a list."""
    return b"\xff\xff\xff\xff" if value is None else len(value.encode()).to_bytes(4, "big") + value.encode()


def value_bytes(kind: str, value: Any) -> bytes:
    """Return a value as it stands in the encoding."""
    if kind == "text":
        return str(value).encode()
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "number":
        return struct.pack(">d", value)
    if kind == "integers":
        return b"".join(int(item).to_bytes(8, "big", signed=True) for item in value)
    if kind == "texts":
        return b"".join(map(text, value))
    if kind.startswith("structures:"):
        names = kind.partition(":")[2].split(",")
        return b"".join(text(item[name]) for item in value for name in names)
    if kind == "time":
        passed = datetime.fromisoformat(value) - EPOCH
        value = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return int(value).to_bytes(8, "big", signed=True)


def encode(row: dict[str, Any], kinds: dict[str, str]) -> bytes:
    """Return the fields of a row that are not null, in order of their names."""
    out = b""
    for name in sorted(kinds):
        if row.get(name) is not None:
            found = value_bytes(kinds[name], row[name])
            out += tag(name) + len(found).to_bytes(4, "big") + found
    return out


def hashed(columns: dict[str, Any]) -> set[str]:
    """Return the names of columns that a leaf stands on; WrongError when two of them could be taken for each other."""
    classes = columns["classes"]
    names = [
        *columns["plain"],
        *(f"{name}_commitment" for name in classes),
        *(n for c in classes.values() for n in c),
    ]
    if len({tag(name) for name in names}) != len(names):
        raise WrongError("columns.json has columns that are hashed alike")
    return {*names, "leaf_hash", *(f"{name}_salt" for name in classes)}


def leaf_of(row: dict[str, Any], columns: dict[str, Any]) -> tuple[bytes, list[str]]:
    """Return a row's leaf hash, and the classes of columns that were erased from it."""
    if strange := [name for name in row.keys() - hashed(columns) if row[name] is not None]:
        raise WrongError(f"{strange[0]} is in the event and in no hash")
    row, erased, committed = dict(row), [], {}
    for name, kinds in columns["classes"].items():
        body, stored = encode(row, kinds), row.get(f"{name}_commitment")
        if stored is not None:
            erased.append(name)
            if body:
                raise WrongError(f"there are values of {name}, which was erased")
        elif body:
            salt = row.get(f"{name}_salt")
            if salt is None:
                raise WrongError(f"the values of {name} have no salt")
            row[f"{name}_commitment"] = sha256(bytes.fromhex(salt) + body).hexdigest()
        committed[f"{name}_commitment"] = "bytes"
    return sha256(b"\0\1" + encode(row, columns["plain"] | committed)).digest(), erased


# --- the tree, RFC 6962 and RFC 9162 ---


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that an audit path leads to."""
    if not 0 <= index < size:
        raise WrongError(f"there is no leaf {index} in a tree of {size}")
    last, found = size - 1, leaf
    for step in path:
        if last == 0:
            raise WrongError("a path is too long")
        if index & 1 or index == last:
            found = sha256(b"\1" + step + found).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + step).digest()
        index, last = index >> 1, last >> 1
    if last:
        raise WrongError("a path is too short")
    return found


# --- signed notes, c2sp.org/signed-note ---


def keys_of(lines: str) -> dict[tuple[str, bytes], tuple[int, bytes]]:
    """Return public keys by name and id."""
    found = {}
    for line in lines.split():
        name, identity, material = line.split("+", 2)
        raw = b64decode(material, validate=True)
        if sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != identity:
            raise WrongError(f"the id of the key {name}+{identity} is not that of its bytes")
        found[name, bytes.fromhex(identity)] = (raw[0], raw[1:])
    return found


def checkpoint_of(
    note: str, keys: dict[tuple[str, bytes], tuple[int, bytes]]
) -> tuple[str, int, bytes, list[str]]:
    """Return origin, size and root of a checkpoint, and who signed it; WrongError when none of the keys did."""
    body, _, tail = note.rpartition("\n\n")
    origin, size, root = body.split("\n")[:3]
    signed = []
    for line in tail.splitlines():
        _, name, material = line.split(" ")
        raw = b64decode(material, validate=True)
        key = keys.get((name, raw[:4]))
        if key is not None:
            check_signature(key, name, raw[4:], body + "\n", (origin, int(size), b64decode(root)))
            signed.append(f"{name}+{raw[:4].hex()} ({'Ed25519' if key[0] == 1 else 'ML-DSA-44'})")
    if not signed:
        raise WrongError("the checkpoint is signed by none of the keys")
    return origin, int(size), b64decode(root), signed


def check_signature(
    key: tuple[int, bytes], name: str, signature: bytes, body: str, tree: tuple[str, int, bytes]
) -> None:
    """Raise WrongError unless a signature holds."""
    kind, public = key
    try:
        if kind == 1:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, body.encode())
            return
        origin, size, root = tree
        parts = [
            b"subtree/v1\n\0", bytes([len(name.encode())]), name.encode(), signature[:8],
            bytes([len(origin.encode())]), origin.encode(), bytes(8), size.to_bytes(8, "big"), root,
        ]  # fmt: skip
        if kind == 6:
            MLDSA44PublicKey.from_public_bytes(public).verify(signature[8:], b"".join(parts))
            return
    except InvalidSignature:
        pass
    raise WrongError(f"the signature of {name} does not hold")


# --- the bundle ---


def check_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest; WrongError for a file that is not what it says."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    for file in manifest["files"]:
        path = folder / file["path"]
        if not path.resolve().is_relative_to(folder.resolve()):
            raise WrongError(f"{file['path']} lies outside the bundle")
        if sha256(path.read_bytes()).hexdigest() != file["sha256"]:
            raise WrongError(f"{file['path']} is not the file that the manifest lists")
    return manifest


def check_event(
    row: dict[str, Any], folder: Path, columns: dict[str, Any], tree: tuple[str, int, bytes]
) -> list[str]:
    """Follow an event to the log's root; returns the classes of columns that were erased from it."""
    leaf, erased = leaf_of(row, columns)
    if row.get("leaf_hash") != leaf.hex():
        raise WrongError("the event is not what its leaf says")
    lines = (folder / "proofs" / f"{leaf.hex()}.tlog-proof").read_text("utf-8").split("\n")
    blank = lines.index("")
    if lines[0] != MAGIC or "\n".join(lines[blank + 1 :]) != (folder / "checkpoint").read_text("utf-8"):
        raise WrongError("its proof is not one, or of another checkpoint")
    extra = json.loads(b64decode(lines[1].removeprefix("extra ")))
    index = int(lines[2].removeprefix("index "))
    entry = (folder / "entries" / f"{index}.json").read_bytes()
    path = [b64decode(line, validate=True) for line in lines[3:blank]]
    if root_of(sha256(b"\0" + entry).digest(), index, tree[1], path) != tree[2]:
        raise WrongError(f"entry {index} is not in the log")
    body = json.loads(entry)
    stream = next(
        (s for s in body.get("streams", ())
         if (s["topic"], s["partition"]) == (row["source_topic"], row["source_partition"])), None,
    )  # fmt: skip
    if (
        stream is None
        or body.get("batch") != row["batch_id"]
        or not stream["first"] <= row["source_offset"] <= stream["last"]
    ):
        raise WrongError(f"entry {index} tells of other rows")
    steps = [b64decode(step, validate=True) for step in extra["path"]]
    if root_of(leaf, extra["index"], stream["rows"], steps).hex() != stream["root"]:
        raise WrongError(f"the event is not under the root of entry {index}")
    return erased


def faults(folder: Path, keys: str | None, kept: str | None) -> Iterator[str]:
    """Yield what does not hold; prints what does."""
    try:
        manifest = check_manifest(folder)
        known = keys_of(keys if keys is not None else (folder / "keys.txt").read_text("utf-8"))
        note = (folder / "checkpoint").read_text("utf-8")
        origin, size, root, signed = checkpoint_of(note, known)
        if kept is not None:
            compare(kept, known, (origin, size, root))
    except (WrongError, OSError, ValueError, KeyError) as error:
        yield f"{error}"
        return
    print(shown(f"log         {origin}, {size} entries, root {root.hex()}"))
    print("\n".join(shown(f"signed by   {who}") for who in signed))
    if (folder / "checkpoint.tsr").exists():
        print("not covered its time: openssl ts -verify -data checkpoint -in checkpoint.tsr -CAfile CA.pem")
    columns = json.loads((folder / "columns.json").read_text("utf-8"))
    proven = erased = bare = 0
    seen: set[str] = set()
    for line in (folder / "events.ndjson").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row.get("leaf_hash") is None:
            bare += 1
            continue
        try:
            erased += bool(check_event(row, folder, columns, (origin, size, root)))
            proven += 1
        except Exception as error:  # noqa: BLE001 - whoever made the bundle chose what fails
            yield f"event {row.get('event_id')}: {error}"
        if row["leaf_hash"] in seen:
            yield f"event {row.get('event_id')}: it is there twice"
        seen.add(row["leaf_hash"])
    if proven != manifest["proven"] or proven + bare != manifest["events"]:
        yield f"{manifest['proven']} of {manifest['events']} events had a proof, {proven} are proven"
    print(f"proven      {proven} events, {erased} of them with values erased")
    print(f"question    {json.dumps(manifest['question']['text'])}")
    if bare:
        print(f"not covered {bare} events from before the log: they have no proof")


def shown(line: str) -> str:
    """Return a line without what would act on a terminal."""
    return "".join(char if char.isprintable() else "?" for char in line)


def compare(
    kept: str, keys: dict[tuple[str, bytes], tuple[int, bytes]], tree: tuple[str, int, bytes]
) -> None:
    """Compare with a checkpoint that was kept; only one of the same size can be compared without the log."""
    origin, size, root, _ = checkpoint_of(kept, keys)
    if origin != tree[0] or (size == tree[1] and root != tree[2]):
        raise WrongError("the checkpoint that was kept is of another log")
    if size != tree[1]:
        print(
            f"not covered the checkpoint that was kept is of {size} entries: `tooltrail verify` compares it"
        )


def main() -> int:
    """Check a bundle."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument(
        "--keys", type=Path, help="public keys of the log, got another way than with the bundle"
    )
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint of the log that you kept")
    given = parser.parse_args()
    keys = given.keys.read_text("utf-8") if given.keys else None
    kept = given.checkpoint.read_text("utf-8") if given.checkpoint else None
    found: list[str] = []
    try:
        found += faults(given.folder, keys, kept)
    except Exception as error:  # noqa: BLE001 - whoever made the bundle chose what fails
        found.append(f"the bundle is none: {type(error).__name__}: {error}")
    for fault in found:
        print(shown(f"FAULT       {fault}"))
    if keys is None:
        print(
            "not covered whether the keys are the log's: compare keys.txt with what you were given (--keys)"
        )
    print("all holds" if not found else f"{len(found)} fault{'' if len(found) == 1 else 's'}")
    return FAULT if found else 0


if __name__ == "__main__":
    sys.exit(main())
