"""Witnesses: others who keep the log's newest checkpoint and sign that it goes on from the one before.

The protocol is c2sp.org/tlog-witness. What a witness has cosigned lies in `log/witnessed`, one checkpoint for each of
its keys. Whoever rebuilds the lake with the log's own key cannot make those cosignatures.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from store.durable import write_file
from store.errors import IntegrityError, UnreachableError, UsageError
from store.integrity import merkle
from store.integrity.asking import post
from store.integrity.log import CHECKPOINT, Log
from store.integrity.note import COSIGNATURE, ML_DSA_44, BadNoteError, Note, VerifierKey, parse, verified_by

FOLDER = "witnessed"
_CONFLICT = 409
_TIME = 8
"""Bytes of a cosignature that say when it was made."""
_REFUSALS = {
    403: "it does not know the log's key: give it what `tooltrail keys show` prints",
    404: "it does not know this log: give it the log's name and key",
    422: "it has seen another history of this log",
}


@dataclass(frozen=True)
class Cosigned:
    """A checkpoint that a witness has signed: how many entries, and when it did."""

    key: VerifierKey
    size: int
    time: datetime


def cosign(log: Log, url: str, keys: Sequence[VerifierKey]) -> list[Cosigned]:
    """Have a witness sign the log's checkpoint; returns what it signed, which is kept. `keys` are the witness's.

    Raises UsageError for keys that are no witness's, UnreachableError when it cannot be asked or refuses, and
    IntegrityError when it has seen another history, or when what it sends is not signed by its keys.
    """
    if not keys or any(key.kind not in (COSIGNATURE, ML_DSA_44) for key in keys):
        raise UsageError(
            "a witness's key is of type 4 (Ed25519) or 6 (ML-DSA-44)", hint="--key NAME+ID+BASE64"
        )
    text = (log.folder / CHECKPOINT).read_text("utf-8")
    note = parse(text)
    old = max((size for key in keys if (size := _seen(log, key)) is not None), default=0)
    lines = _ask(log, url, note, text, min(old, note.checkpoint.size))
    try:
        whole = parse(text + lines)
        signed = verified_by(whole, keys)
    except BadNoteError as error:
        raise IntegrityError(f"the witness answered what is no cosignature: {error}", where=url) from error
    if not signed:
        raise IntegrityError("the witness signed with none of the keys that were given", where=url)
    for key in signed:
        write_file(_file(log, key), (text + lines).encode())
    return [Cosigned(key, note.checkpoint.size, _time(whole, key)) for key in signed]


def cosigned(log: Log, key: VerifierKey) -> tuple[Note, Cosigned]:
    """Return the checkpoint that is kept with this witness's signature. BadNoteError when there is none that holds."""
    try:
        note = parse(_file(log, key).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadNoteError("there is no checkpoint that it signed") from error
    if key not in verified_by(note, [key]):
        raise BadNoteError("it has not signed the checkpoint that is kept")
    return note, Cosigned(key, note.checkpoint.size, _time(note, key))


@dataclass(frozen=True)
class Told:
    """What a kept cosignature says of itself: a witness's name, how many entries it saw, and when."""

    name: str
    size: int
    time: datetime


def newest(log: Log) -> list[Told]:
    """Return what the kept cosignatures say of themselves, the one over most entries first; `verify` checks them."""
    found = []
    for path in kept(log):
        with suppress(OSError, ValueError):  # what cannot be read is for `verify` to tell
            note = parse(path.read_text("utf-8"))
            signed = {identity.hex(): (name, signature) for name, identity, signature in note.signatures}
            name, signature = signed.get(path.name, ("", b""))
            if name and len(signature) > _TIME:
                seconds = int.from_bytes(signature[:_TIME], "big")
                found.append(Told(name, note.checkpoint.size, datetime.fromtimestamp(seconds, UTC)))
    return sorted(found, key=lambda told: told.size, reverse=True)


def kept(log: Log) -> list[Path]:
    """Return the files of all checkpoints that witnesses have signed."""
    return sorted((log.folder / FOLDER).glob("[0-9a-f]*"))


def _file(log: Log, key: VerifierKey) -> Path:
    return log.folder / FOLDER / key.id.hex()


def _seen(log: Log, key: VerifierKey) -> int | None:
    try:
        return cosigned(log, key)[1].size
    except BadNoteError:
        return None


def _time(note: Note, key: VerifierKey) -> datetime:
    signature = next(s for name, identity, s in note.signatures if (name, identity) == (key.name, key.id))
    return datetime.fromtimestamp(int.from_bytes(signature[:_TIME], "big"), UTC)


def _ask(log: Log, url: str, note: Note, text: str, old: int) -> str:
    """Send a checkpoint with the proof that it goes on from what the witness saw, which it says if it was another."""
    status, answer = _post(url, _body(log, note, text, old))
    if status == _CONFLICT and answer.strip().isdecimal():
        seen = int(answer)
        if seen > note.checkpoint.size:
            raise IntegrityError(
                f"the witness has seen {seen} entries and the log has {note.checkpoint.size}: its end was cut off, or "
                "this is an old copy", where=url,
            )  # fmt: skip
        status, answer = _post(url, _body(log, note, text, seen))
    if status in (_CONFLICT, 422):
        raise IntegrityError(
            _REFUSALS[422], where=url, hint="`tooltrail verify` with a checkpoint kept elsewhere"
        )
    if status != 200:
        raise UnreachableError(_REFUSALS.get(status, f"it answered {status}"), where=url)
    return answer


def _body(log: Log, note: Note, text: str, old: int) -> bytes:
    hashes = log.tiles.hashes(note.checkpoint.size)
    proof = merkle.consistency(hashes, old) if 0 < old < note.checkpoint.size else []
    lines = [f"old {old}", *(b64encode(step).decode() for step in proof)]
    return ("\n".join(lines) + "\n\n" + text).encode()


def _post(url: str, body: bytes) -> tuple[int, str]:
    status, answer = post(f"{url.rstrip('/')}/add-checkpoint", body, "text/plain", "the witness")
    return status, answer.decode("utf-8", "replace")
