"""The key that signs the log: 32 secret bytes, from which an Ed25519 and an ML-DSA-44 key are derived.

It lies in `log.key` (0600) in the lake's folder, or comes from TOOLTRAIL_LOG_KEY, so that whoever can read and write
the lake need not be able to sign. Public keys are in the log itself, in its first entry and those of rotations.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from store import keys
from store.durable import write_file
from store.errors import UnreachableError, UsageError
from store.integrity.note import ED25519, ML_DSA_44, Checkpoint, Signer, VerifierKey, cosigned_message

FILE_NAME = "log.key"
VARIABLE = "TOOLTRAIL_LOG_KEY"


@dataclass(frozen=True)
class Ed25519Signer:
    """Signs the text of a note."""

    key: VerifierKey
    private: Ed25519PrivateKey

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """Return the signature of a checkpoint's text."""
        return self.private.sign(checkpoint.text.encode())

    def sign_text(self, text: bytes) -> bytes:
        """Return the signature of any text: that of a new key by the old one."""
        return self.private.sign(text)


@dataclass(frozen=True)
class MLDSA44Signer:
    """Signs a tree head, with the time it did."""

    key: VerifierKey
    private: MLDSA44PrivateKey

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """Return time and signature."""
        now = int(time.time())
        message = cosigned_message(self.key.name, now, checkpoint)
        return now.to_bytes(8, "big") + self.private.sign(message)


@dataclass(frozen=True)
class LogKey:
    """Both signers of one secret, under the log's name."""

    ed25519: Ed25519Signer
    ml_dsa_44: MLDSA44Signer

    @classmethod
    def of(cls, secret: bytes, origin: str) -> LogKey:
        """Derive both keys."""
        first = Ed25519PrivateKey.from_private_bytes(keys.derive(secret, "log-ed25519"))
        second = MLDSA44PrivateKey.from_seed_bytes(keys.derive(secret, "log-ml-dsa-44"))
        return cls(
            Ed25519Signer(VerifierKey(origin, ED25519, first.public_key().public_bytes_raw()), first),
            MLDSA44Signer(VerifierKey(origin, ML_DSA_44, second.public_key().public_bytes_raw()), second),
        )

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Those who sign a checkpoint, in the order of the lines."""
        return (self.ed25519, self.ml_dsa_44)

    @property
    def public(self) -> list[str]:
        """The public keys as lines."""
        return [str(signer.key) for signer in self.signers]


def read_secret(lake: Path) -> bytes:
    """Return the log's secret; UnreachableError says where it was looked for."""
    if text := os.environ.get(VARIABLE):
        return keys.parse_key(text, VARIABLE, "log key")
    file = lake / FILE_NAME
    try:
        return keys.parse_key(file.read_text(), str(file), "log key")
    except OSError as error:
        raise UnreachableError(
            f"the log's key cannot be read: {error.strerror}",
            where=str(file),
            hint=f"put it back, or set {VARIABLE}",
        ) from error


def make_secret(lake: Path) -> None:
    """Make a secret for a new log, unless there is one or it comes from the environment."""
    if not os.environ.get(VARIABLE) and not (lake / FILE_NAME).exists():
        write_file(lake / FILE_NAME, secrets.token_bytes(keys.SIZE).hex().encode() + b"\n")


def check_replaceable() -> None:
    """Raise UsageError when the secret comes from the environment, where it cannot be replaced."""
    if os.environ.get(VARIABLE):
        raise UsageError(
            f"the log's key comes from {VARIABLE}",
            hint="unset it, rotate with the key in its file, then move the key",
        )


def replace_secret(lake: Path, secret: bytes) -> None:
    """Keep a new secret in the place of the old; see `check_replaceable`."""
    write_file(lake / FILE_NAME, secret.hex().encode() + b"\n")
