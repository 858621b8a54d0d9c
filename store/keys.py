"""The site key and the keys derived from it: one secret per lake, one purpose per derived key."""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from store.errors import UnreachableError, UsageError

FILE_NAME = "site.key"
SIZE = 32
_BLOCK = 64


def new_site_key() -> bytes:
    """Return a fresh random site key."""
    return secrets.token_bytes(SIZE)


def derive(site_key: bytes, purpose: str, length: int = SIZE) -> bytes:
    """Return the key for one purpose (HKDF-Expand with SHA-256, RFC 5869); purposes never share a key."""
    return HKDFExpand(SHA256(), length, f"tooltrail/{purpose}".encode()).derive(site_key)


class Hmac:
    """HMAC-SHA256 (RFC 2104) under the key of one purpose, truncated to 128 bits, in hex.

    The padded key is hashed once: with many short messages that is most of the work.
    """

    def __init__(self, site_key: bytes, purpose: str) -> None:
        key = derive(site_key, purpose).ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in key))

    def digest(self, message: bytes) -> str:
        """Return the digest of a message as 32 hex digits."""
        return self.raw(message).hex()

    def raw(self, message: bytes) -> bytes:
        """Return the digest of a message as 16 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()[:16]


def parse_site_key(text: str, where: str) -> bytes:
    """Return the site key written as 64 hex digits; UsageError without repeating the text otherwise."""
    return parse_key(text, where, "site key")


def parse_key(text: str, where: str, name: str) -> bytes:
    """Return a secret key written as 64 hex digits; UsageError without repeating the text otherwise."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != SIZE:
        raise UsageError(
            f"a {name} is {2 * SIZE} hex digits", where=where, hint="make one: openssl rand -hex 32"
        )
    return key


def write_site_key(folder: Path, key: bytes) -> None:
    """Write the key for its owner only (mode 0600); an existing key is never replaced."""
    handle = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_site_key(folder: Path, variable: str | None) -> bytes:
    """Return the lake's key from its file, or from the environment variable the lake was made with."""
    if variable is not None:
        text = os.environ.get(variable)
        if not text:
            raise UsageError(
                f"the site key is expected in {variable}", where=str(folder), hint=f"set {variable}"
            )
        return parse_site_key(text, variable)
    file = folder / FILE_NAME
    try:
        return parse_site_key(file.read_text(), str(file))
    except OSError as error:
        raise UnreachableError(f"the site key cannot be read: {error.strerror}", where=str(file)) from error
