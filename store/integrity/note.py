"""Signed notes and checkpoints: c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature.

A checkpoint carries two signatures of the log's key: Ed25519 over the note's text (type 0x01), which every verifier
and the public witnesses read, and ML-DSA-44 over the tree head (type 0x06), which a quantum computer does not forge.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from store.integrity import merkle

ED25519, COSIGNATURE, ML_DSA_44 = 0x01, 0x04, 0x06
_DASH = "— "
_MAX_NOTE = 1 << 20


class BadNoteError(ValueError):
    """A note, a checkpoint or a key that is not what it must be; the text says which rule it breaks."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key by name, as it is written in one line: name+id+base64(type || key)."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a key; BadNoteError when its id is not that of its bytes."""
        try:
            name, identity, material = text.strip().split("+", 2)
            raw = b64decode(material, validate=True)
        except ValueError as error:
            raise BadNoteError("a key is name+id+base64") from error
        key = cls(name, raw[0] if raw else 0, raw[1:])
        if key.id.hex() != identity:
            raise BadNoteError("the key's id is not that of its bytes")
        return key


class Signer(Protocol):
    """Signs checkpoints with one key."""

    @property
    def key(self) -> VerifierKey:
        """Return the public key."""

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """Return the signature as it stands in a note, without the key's id."""


@dataclass(frozen=True)
class Checkpoint:
    """What a log was at one moment: its name, how many entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def signed(self, signers: Sequence[Signer]) -> str:
        """Return the note."""
        lines = [signature_line(signer.key, signer.sign(self)) for signer in signers]
        return self.text + "\n" + "".join(lines)


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """Return one line of a note's signatures."""
    return f"{_DASH}{key.name} {b64encode(key.id + signature).decode()}\n"


def cosigned_message(name: str, timestamp: int, checkpoint: Checkpoint) -> bytes:
    """Return what an ML-DSA-44 cosignature of a tree head signs."""
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    parts = [
        b"subtree/v1\n\0", bytes([len(cosigner)]), cosigner, timestamp.to_bytes(8, "big"), bytes([len(origin)]),
        origin, (0).to_bytes(8, "big"), checkpoint.size.to_bytes(8, "big"), checkpoint.root,
    ]  # fmt: skip
    return b"".join(parts)


@dataclass(frozen=True)
class Note:
    """A checkpoint with its signature lines: (key name, key id, signature)."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def parse(text: str) -> Note:
    """Read a signed checkpoint; BadNoteError says what is wrong. No signature is checked here."""
    if len(text) > _MAX_NOTE or any(c < " " and c != "\n" for c in text):
        raise BadNoteError("a note is at most 1 MiB, without control characters")
    body, blank, tail = text.rpartition("\n\n")
    lines = body.split("\n")
    if not blank or not tail.endswith("\n") or len(lines) < 3:
        raise BadNoteError("a checkpoint is three lines, an empty line, and signatures")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdecimal() or str(int(size)) != size:
        raise BadNoteError("the second line of a checkpoint is the size of the tree")
    checkpoint = Checkpoint(origin, int(size), _base64(root))
    if len(checkpoint.root) != merkle.SIZE or not origin:
        raise BadNoteError("a checkpoint names its log and a root of 32 bytes")
    return Note(checkpoint, body + "\n", tuple(_signature(line) for line in tail.splitlines()))


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, raw = line.removeprefix(_DASH).partition(" ")
    signed = _base64(raw)
    if not line.startswith(_DASH) or not space or len(signed) < 5:
        raise BadNoteError("a signature line is a dash, a key's name and base64")
    return name, signed[:4], signed[4:]


def _base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise BadNoteError("that is not base64") from error


def verified_by(note: Note, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Return the keys whose signature on the note holds; BadNoteError when a line of a known key does not."""
    known: Mapping[tuple[str, bytes], VerifierKey] = {(key.name, key.id): key for key in keys}
    found = []
    for name, identity, signature in note.signatures:
        key = known.get((name, identity))
        if key is None:
            continue
        if not _holds(note, key, signature):
            raise BadNoteError(f"the signature of {name}+{identity.hex()} does not hold")
        found.append(key)
    return found


def _holds(note: Note, key: VerifierKey, signature: bytes) -> bool:
    try:
        if key.kind == ED25519:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, note.text.encode())
            return True
        timestamp, raw = int.from_bytes(signature[:8], "big"), signature[8:]
        if key.kind == COSIGNATURE:
            message = f"cosignature/v1\ntime {timestamp}\n{note.text}".encode()
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
            return True
        if key.kind == ML_DSA_44:
            message = cosigned_message(key.name, timestamp, note.checkpoint)
            MLDSA44PublicKey.from_public_bytes(key.public).verify(raw, message)
            return True
    except (InvalidSignature, ValueError):
        return False
    return False
