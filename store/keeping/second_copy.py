"""The ledger's second copy: what a restore of an older backup must not undo, in a file that is no part of the lake.

One JSON object a line. Of an erasure it is the row of the table, which knows persons by keyed digests alone. A hold
names people, so its row is sealed (AES-GCM) under a key derived from the site key, and sealed anew without a person
who is erased.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.durable import make_folders, write_file
from store.errors import UsageError
from store.keys import derive
from store.lake import Lake
from store.locks import in_turn

Line = dict[str, Any]
_NONCE = 12


def enter(copy: Path, line: Mapping[str, Any]) -> None:
    """Add a line; durable when this returns."""
    with _locked(copy):
        before = copy.read_bytes() if copy.exists() else b""
        write_file(copy, before + _text(line))


def enter_hold(lake: Lake, copy: Path, row: Mapping[str, Any]) -> None:
    """Add a hold that is set or released, its row sealed."""
    enter(copy, _sealed(lake, row))


def replace_in_holds(lake: Lake, copy: Path, replace: Callable[[str], str]) -> None:
    """Replace names in the texts of all holds; durable when this returns, and the old lines are gone from the file."""
    if not copy.exists():
        return
    with _locked(copy):
        lines = read(copy)
        new = [_replaced(lake, line, replace) if "sealed" in line else line for line in lines]
        if new != lines:
            write_file(copy, b"".join(map(_text, new)))


def read(source: Path) -> list[Line]:
    """Return the lines of a second copy; UsageError, with the line's number, when it is none."""
    found = []
    try:
        lines = source.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"this is no ledger: {error}", where=str(source)) from error
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise UsageError(f"this is no ledger: {error}", where=f"{source}, line {number}") from error
        if not isinstance(line, dict) or not (_NEEDED.keys() & line.keys()):
            raise UsageError("this line is of no ledger", where=f"{source}, line {number}")
        for name, needed in _NEEDED.items():
            if name in line and (lacking := [n for n in needed if n not in line]):
                raise UsageError(f"the line has no {lacking[0]}", where=f"{source}, line {number}")
        found.append(line)
    return found


_NEEDED = {
    "erasure_id": ("state", "state_time", "subjects", "reason", "proposed_by", "approved_by"),
    "hold_id": ("state", "hold_time"),
}
"""What a line must say, by the id that tells of what it is."""


def hold_of(lake: Lake, line: Line) -> Line:
    """Return the row of a hold; UsageError when it was sealed under another lake's key, or changed since."""
    if "sealed" not in line:
        return line
    try:
        raw = b64decode(line["sealed"])
        text = AESGCM(_key(lake)).decrypt(raw[:_NONCE], raw[_NONCE:], _bound(line))
    except (InvalidTag, ValueError, TypeError) as error:
        raise UsageError(
            f"hold {line['hold_id']} is sealed under the key of another lake, or was changed",
            where="the ledger", hint="--keys DIR: the keys of the lake that wrote it",
        ) from error  # fmt: skip
    row: Line = json.loads(text)
    times = {n: datetime.fromisoformat(row[n]) for n in ("since", "until", "hold_time") if row[n] is not None}
    return {**row, **times}


def _sealed(lake: Lake, row: Mapping[str, Any]) -> Line:
    said = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in row.items()}
    line: Line = {name: said[name] for name in ("hold_id", "state", "hold_time")}
    nonce = secrets.token_bytes(_NONCE)
    held = AESGCM(_key(lake)).encrypt(nonce, json.dumps(said).encode(), _bound(line))
    return {**line, "sealed": b64encode(nonce + held).decode()}


def _replaced(lake: Lake, line: Line, replace: Callable[[str], str]) -> Line:
    row = hold_of(lake, line)
    new = {n: replace(v) if isinstance(v, str) else v for n, v in row.items()}
    new |= {n: [replace(text) for text in v] for n, v in row.items() if isinstance(v, list)}
    return line if new == row else _sealed(lake, new)


def _bound(line: Line) -> bytes:
    return f"{line['hold_id']} {line['state']} {line['hold_time']}".encode()


def _key(lake: Lake) -> bytes:
    return derive(lake.site_key, "ledger-holds")


def _text(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line).encode() + b"\n"


@contextmanager
def _locked(copy: Path) -> Iterator[None]:
    """Hold the file alone: a hold may be set while an erasure is at work."""
    make_folders(copy.parent)
    with in_turn(copy.with_name(f".{copy.name}.lock")):
        yield
