"""Notes of erasures that are not done yet: the only place that names whom, and destroyed when it is."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from store.durable import sync_folder, write_file
from store.errors import UsageError
from store.keeping import approving
from store.keeping.subjects import Subject
from store.keys import Hmac
from store.lake import Lake

FOLDER = "erasing"


@dataclass(frozen=True)
class Note:
    """What an erasure needs to know until it is done."""

    erasure_id: str
    names: list[str]
    leaves: list[int]
    reason: str
    proposed_by: str
    approved_by: str = ""

    @property
    def subject(self) -> Subject:
        """Who is erased."""
        return Subject(tuple(self.names), tuple(self.leaves))


_RANDOM = 12
"""Hex digits of an id that are drawn; those after them stand for whom the erasure is of."""


def fresh_id(lake: Lake, names: Sequence[str], leaves: Sequence[int]) -> str:
    """Return an id for an erasure of somebody, and of nobody else: what two people approve is under this id."""
    drawn = secrets.token_hex(_RANDOM // 2)
    return drawn + _bound(lake, drawn, names, leaves)


def is_as_proposed(lake: Lake, note: Note) -> bool:
    """Say whether a note is of whom it was when it was proposed; one of an earlier version does not say."""
    drawn, bound = note.erasure_id[:_RANDOM], note.erasure_id[_RANDOM:]
    return not bound or bound == _bound(lake, drawn, note.names, note.leaves)


def _bound(lake: Lake, drawn: str, names: Sequence[str], leaves: Sequence[int]) -> str:
    text = json.dumps([drawn, list(names), list(leaves)])
    return Hmac(lake.site_key, "erasure-note").digest(text.encode())[:16]


def _file(lake: Lake, erasure_id: str) -> Path:
    return lake.path / FOLDER / f"{erasure_id}.json"


def keep(lake: Lake, note: Note) -> None:
    """Make a note durable."""
    write_file(_file(lake, note.erasure_id), json.dumps(asdict(note)).encode())


def _read(file: Path) -> Note:
    return Note(**json.loads(file.read_text("utf-8")))


def read(lake: Lake, erasure_id: str) -> Note:
    """Return a note; UsageError when the erasure was done, or withdrawn."""
    try:
        return _read(_file(lake, erasure_id))
    except FileNotFoundError as error:
        raise UsageError(f"erasure {erasure_id} was done, or withdrawn") from error


def forget(lake: Lake, erasure_id: str) -> None:
    """Destroy the note, and what a write of it that was killed left behind."""
    folder = lake.path / FOLDER
    if folder.is_dir():
        for file in [*folder.glob(f"*{erasure_id}*"), *folder.glob(f".*{erasure_id}*")]:
            file.unlink(missing_ok=True)
        sync_folder(folder)


def unfinished(lake: Lake) -> list[Note]:
    """Return the approved erasures that were interrupted, or that a hold keeps from being done."""
    folder = lake.path / FOLDER
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    said = {request.target: request.approved_by or "" for request in approving.requests(lake)}
    notes = [_read(file) for file in files]
    known = [replace(note, approved_by=note.approved_by or said.get(note.erasure_id, "")) for note in notes]
    return [note for note in known if note.approved_by]
