"""RFC 3161 time stamps: an authority signs that it saw the log's checkpoint at a time.

    lake/log/timestamps/<size>.checkpoint   the signed checkpoint that was stamped
    lake/log/timestamps/<size>.tsr          the authority's answer over the SHA-256 of that file
    lake/log/timestamps/failed.json         when the authority was last asked in vain, and why; gone with the next stamp

Whoever rebuilds the lake with the log's own key cannot make a stamp of last year. Both files are the standard's, so
`openssl ts -verify -data N.checkpoint -in N.tsr -CAfile CA` checks them too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from store.durable import write_file
from store.errors import IntegrityError, TooltrailError, UnreachableError, UsageError
from store.integrity.asking import post
from store.integrity.entries import stamp as written
from store.integrity.log import CHECKPOINT, Log
from store.integrity.note import parse

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

FOLDER = "timestamps"
FAILED = "failed.json"
PAUSE = timedelta(minutes=5)
"""How long an authority that failed is left alone by those who ask by themselves."""
_QUERY = "application/timestamp-query"
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")


@dataclass(frozen=True)
class Authority:
    """Whom to ask: an address, and the certificates (PEM) its stamps must lead to."""

    url: str
    ca: Path

    def __post_init__(self) -> None:
        if "@" in self.url.split("//", 1)[-1].split("/", 1)[0]:
            raise UsageError(
                "the address of a time stamp authority has no password in it", where="integrity.tsa"
            )


@dataclass(frozen=True)
class Stamped:
    """What a stamp proves: the log had so many entries at a time (UTC; the latest the authority's clock allows)."""

    size: int
    time: datetime


@dataclass(frozen=True)
class Failure:
    """That an authority was asked in vain."""

    time: datetime
    why: str


def stamp(log: Log, authority: Authority) -> Stamped:
    """Have the log's checkpoint stamped; durable when this returns.

    Raises UsageError for certificates that cannot be read, UnreachableError when the authority cannot be asked or
    refuses, IntegrityError when what it answers is no stamp of this checkpoint by it.
    """
    roots = certificates(authority.ca)
    if log.head() is None:
        raise UsageError("the log has no entry yet", where=str(log.folder))
    note = (log.folder / CHECKPOINT).read_bytes()
    size = parse(note.decode()).checkpoint.size
    request = _request(note, with_certificates=not any(map(_stamps, roots)))
    status, answer = post(authority.url, request.as_bytes(), _QUERY, "the time stamp authority")
    if status != 200:
        raise UnreachableError(f"the time stamp authority answered {status}", where=authority.url)
    time = check(answer, note, roots, where=authority.url, nonce=request.nonce)
    write_file(checkpoint_of(log, size), note)
    write_file(token_of(log, size), answer)
    (log.folder / FOLDER / FAILED).unlink(missing_ok=True)
    return Stamped(size, time)


def stamp_due(log: Log, authority: Authority, every: timedelta, now: datetime) -> Stamped | Failure | None:
    """Have the checkpoint stamped if it is new and the last stamp is older than `every`; a failure is written down.

    None when there was nothing to do, also within five minutes of a failure.
    """
    try:
        if not _is_due(log, every, now):
            return None
        return stamp(log, authority)
    except (TooltrailError, OSError) as error:
        failure = Failure(now, str(error))
        told = {"time": written(now), "why": failure.why}
        write_file(log.folder / FOLDER / FAILED, json.dumps(told).encode() + b"\n")
        return failure


def _is_due(log: Log, every: timedelta, now: datetime) -> bool:
    head = log.head()
    failed = failure_of(log)
    if head is None or (failed is not None and now - failed.time < PAUSE):
        return False
    kept = sizes(log)
    if not kept:
        return True
    last = datetime.fromtimestamp(token_of(log, kept[-1]).stat().st_mtime, UTC)
    return head.checkpoint.size > kept[-1] and now - last >= every


def check(
    answer: bytes, note: bytes, roots: Sequence[x509.Certificate], *, where: str, nonce: int | None = None
) -> datetime:
    """Return by when the authority saw a checkpoint; IntegrityError says what is wrong with its answer.

    `roots` are what the authority's certificate must lead to; its own may be among them, where answers do not carry it.
    """
    from rfc3161_client import VerificationError, VerifierBuilder

    response = _decoded(answer, where)
    imprint = response.tst_info.message_imprint
    if (imprint.hash_algorithm, imprint.message) != (_SHA256, sha256(note).digest()):
        raise IntegrityError("the time stamp is of something else than this checkpoint", where=where)
    try:
        own = next((c for c in roots if _stamps(c) and _signed(c, response)), None)
        above = [certificate for certificate in roots if not _stamps(certificate)]
        VerifierBuilder(roots=above, nonce=nonce, tsa_certificate=own).build().verify_message(response, note)
    except (VerificationError, ValueError) as error:
        raise IntegrityError(
            f"the time stamp is not by an authority of these certificates: {error}", where=where
        ) from error
    return _latest(response)


def _latest(response: TimeStampResponse) -> datetime:
    """Return the latest time that an authority's clock allows for its stamp."""
    accuracy = response.tst_info.accuracy  # None where the authority states none, whatever its type says
    parts = {"seconds": "seconds", "milliseconds": "millis", "microseconds": "micros"}
    late = timedelta(**{unit: getattr(accuracy, part, None) or 0 for unit, part in parts.items()})
    return response.tst_info.gen_time + late


def _decoded(answer: bytes, where: str) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        response = decode_timestamp_response(answer)
        if response.status not in (0, 1):
            said = "; ".join(response.status_string) or f"status {response.status}"
            raise UnreachableError(f"the time stamp authority refuses: {said}", where=where)
        response.tst_info  # noqa: B018 - it is parsed only now
    except ValueError as error:
        raise IntegrityError(f"this is no time stamp in DER: {error}", where=where) from error
    return response


def _stamps(certificate: x509.Certificate) -> bool:
    """Say whether a certificate is a time stamp authority's own."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage and not _vouches(certificate)


def _vouches(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _signed(certificate: x509.Certificate, response: TimeStampResponse) -> bool:
    signers = response.signed_data.signer_infos
    return (certificate.issuer, certificate.serial_number) in {(s.issuer, s.serial_number) for s in signers}


def _request(note: bytes, *, with_certificates: bool) -> TimeStampRequest:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    asked = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256)
    return asked.nonce(nonce=True).cert_request(cert_request=with_certificates).build()


def certificates(file: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file; UsageError when there is none."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"no certificates can be read: {error}", where=str(file)) from error


def sizes(log: Log) -> list[int]:
    """Return how many entries each stamp covers, the fewest first."""
    return sorted(int(p.stem) for p in (log.folder / FOLDER).glob("*.tsr") if p.stem.isdecimal())


def checkpoint_of(log: Log, size: int) -> Path:
    """Return where the checkpoint lies that a stamp is of."""
    return log.folder / FOLDER / f"{size}.checkpoint"


def token_of(log: Log, size: int) -> Path:
    """Return where a stamp lies."""
    return log.folder / FOLDER / f"{size}.tsr"


def newest(log: Log) -> Stamped | None:
    """Return what the newest stamp says of itself, None without one that can be read; `verify` checks it."""
    for size in reversed(sizes(log)):
        try:
            return Stamped(size, _latest(_decoded(token_of(log, size).read_bytes(), "")))
        except (TooltrailError, OSError):
            continue
    return None


def failure_of(log: Log) -> Failure | None:
    """Return that the authority was asked in vain since the last stamp."""
    try:
        told = json.loads((log.folder / FOLDER / FAILED).read_bytes())
        return Failure(datetime.fromisoformat(told["time"]), str(told["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
