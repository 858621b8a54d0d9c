"""What the log says: one JSON object an entry, keys sorted, no spaces, so that its bytes follow from its facts.

Every entry has `type`, `time` and `heads`: the version each table had reached, this entry included. That of a Delta
commit is made of the commit's file alone, so that anyone can make it again:

    table, version, commit   which commit, and the SHA-256 of its file in _delta_log
    added, removed           data files: [path, SHA-256, rows] and path
    positions                how far each stream was taken in: [stream, position]
    batch, streams           the rows it brought in: topic, partition, first, last, rows, root (hex) of each stream
    note                     what the writer noted besides: in, rows, dead, replayed, ...; only what is short
    part                     [number, of how many] where one entry of 64 KiB would not hold it
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from store.commit import NOTE, log_entry
from store.errors import UnreachableError

LIMIT = 60_000
"""Bytes of an entry beyond which it is parted."""
_FACT = 1000
"""Bytes of a note's fact beyond which it is left out: the commit's file has it, and the entry that file's digest."""
_LISTS = ("added", "removed", "positions", "streams")
_OWN = ("sha256", "streams", "batch", "operation")


def encode(body: Mapping[str, Any]) -> bytes:
    """Return the bytes of an entry."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode(entry: bytes) -> dict[str, Any]:
    """Return what an entry says; ValueError when it is none of ours."""
    body = json.loads(entry)
    if not isinstance(body, dict) or not isinstance(body.get("heads"), dict) or not _dated(body):
        raise ValueError("not an entry of this log")
    return body


def _dated(body: Mapping[str, Any]) -> bool:
    times = ("type", "time", "since") if body.get("type") == "idle" else ("type", "time")
    return all(isinstance(body.get(name), str) for name in times)


def stamp(moment: datetime) -> str:
    """Return a time as it stands in an entry."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_commit(table: str, path: Path, version: int) -> Iterator[dict[str, Any]]:
    """Yield the entry of a commit, in parts where it is long. `heads` is for the log to add."""
    file = log_entry(path, version)
    try:
        content = file.read_bytes()
        actions = [json.loads(line) for line in content.splitlines() if line.strip()]
        body = _body(actions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreachableError(
            f"the commit cannot be read: {error}",
            where=str(file),
            hint="`tooltrail doctor` says what is left",
        ) from error
    body |= {"table": table, "version": version, "commit": sha256(content).hexdigest()}
    yield from _parted(body)


def _body(actions: list[dict[str, Any]]) -> dict[str, Any]:
    info = _only(actions, "commitInfo")
    note = info.get(NOTE) or {}
    digests = note.get("sha256") or {}
    body: dict[str, Any] = {
        "type": note.get("operation") or _operation(actions),
        "time": stamp(datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC)),
        "added": [
            [add["path"], digests.get(add["path"]), _rows(add)] for add in _all(actions, "add")
        ],
        "removed": [remove["path"] for remove in _all(actions, "remove")],
        "positions": [[t["appId"], t["version"]] for t in _all(actions, "txn")],
        "streams": note.get("streams") or [],
        "batch": note.get("batch"),
        "note": {key: value for key, value in note.items() if key not in _OWN and _is_short(value)},
    }  # fmt: skip
    return {key: value for key, value in body.items() if value or key in ("type", "time")}


def _is_short(value: object) -> bool:
    return len(json.dumps(value)) <= _FACT


def _operation(actions: list[dict[str, Any]]) -> str:
    if _all(actions, "protocol"):
        return "create"
    if _all(actions, "add"):
        return "rewrite" if _all(actions, "remove") else "append"
    return "remove" if _all(actions, "remove") else "metadata" if _all(actions, "metaData") else "advance"


def _all(actions: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [action[kind] for action in actions if kind in action]


def _only(actions: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = _all(actions, kind)
    return found[0] if found else {}


def _rows(add: Mapping[str, Any]) -> int | None:
    count: int | None = json.loads(add.get("stats") or "{}").get("numRecords")
    return count


def _parted(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a body that fits into one entry as it is, a longer one in parts that share out its lists."""
    count = -(-len(encode(body)) // LIMIT)
    if count == 1:
        yield body
        return
    plain = {key: value for key, value in body.items() if key not in _LISTS}
    count = -(-(len(encode(body)) + count * len(encode(plain))) // LIMIT) + 1
    for number in range(count):
        shares = {name: body.get(name, [])[number::count] for name in _LISTS}
        yield plain | {name: share for name, share in shares.items() if share} | {"part": [number + 1, count]}
