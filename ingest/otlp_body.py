"""The body of an OTLP request: how much of it may come, what it unpacks to, and what it holds."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from ingest import otlp_proto
from ingest.otlp_export import JSON, Export, Signal


@dataclass
class Buffer:
    """What a receiver holds in all, and at most, in bytes."""

    limit: int
    held: int = 0

    def has_room(self, size: int) -> bool:
        """Say whether so many bytes may come. A request alone always may: it would never pass otherwise."""
        return not self.held or self.held + size <= self.limit


class Held:
    """The bytes one request holds of the receiver's bound, given back whatever becomes of it."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._bytes = 0

    def hold(self, size: int) -> bool:
        """Hold so many bytes from now on; False when that is too much. One request alone never is."""
        self._buffer.held += size - self._bytes
        self._bytes = size
        return self._buffer.held <= max(self._buffer.limit, self._bytes)

    def release(self) -> None:
        """Hold nothing any more."""
        self.hold(0)


class Body:
    """A body as it comes in, decompressed up to a bound."""

    def __init__(self, *, compressed: bool, limit: int) -> None:
        self.content = bytearray()
        self.fault: str | None = None
        self._limit = limit
        self._sent = 0
        self._gzip = zlib.decompressobj(wbits=31) if compressed else None

    def take(self, chunk: bytes) -> bool:
        """Take in a chunk; False when the bound is passed by it."""
        self._sent += len(chunk)
        if self._sent > self._limit:
            return False
        if self._gzip is None:
            self.content += chunk
            return True
        while chunk and self.fault is None:
            if self._gzip.eof:  # gzip may be several members in a row
                self._gzip = zlib.decompressobj(wbits=31)
            try:
                self.content += self._gzip.decompress(chunk, self._limit + 1 - len(self.content))
            except zlib.error as error:
                self.fault = f"not gzip: {error}"
            if len(self.content) > self._limit:
                return False
            chunk = self._gzip.unused_data
        return True

    def end(self) -> None:
        """Note that nothing more comes."""
        if self._gzip is not None and self._sent and not self._gzip.eof and self.fault is None:
            self.fault = "not gzip: it is cut short"


def read(body: Body, signal: Signal, kind: str) -> Export:
    """Read a whole body as an export request; one that cannot be read is an export too, which says why."""
    content = bytes(body.content)
    if body.fault is not None:
        return Export(unreadable=(_kept(content, kind), body.fault))
    try:
        return Export(signal.decoders[kind](content))
    except ValueError as error:
        return Export(unreadable=(_kept(content, kind), str(error)))


def _kept(content: bytes, kind: str) -> bytes:
    """Return what is kept of a body that cannot be read."""
    return content if kind == JSON else otlp_proto.stand_in(content)
