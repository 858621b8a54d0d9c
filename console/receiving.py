"""Settings and moments of `tooltrail ingest otlp`."""

from __future__ import annotations

from pathlib import Path

from console.ingesting import Moment
from ingest.otlp_commit import CommitOptions
from ingest.otlp_http import HttpOptions
from ingest.otlp_server import OtlpOptions, Progress
from store.errors import UnreachableError, UsageError
from store.settings import OtlpSettings


def otlp_options(otlp: OtlpSettings) -> OtlpOptions:
    """Return [otlp] as the receiver takes it; tokens are read from their file."""
    return OtlpOptions(
        listen=otlp.listen, tls_cert=otlp.tls_cert, tls_key=otlp.tls_key, client_ca=otlp.client_ca,
        anonymous=otlp.anonymous, max_connections=otlp.max_connections,
        http=HttpOptions(
            tokens=_tokens(otlp), max_body_bytes=otlp.max_body_bytes, max_held_bytes=otlp.max_held_bytes,
            body_timeout=otlp.body_timeout,
        ),
        commit=CommitOptions(listener=otlp.listener, interval=otlp.commit_interval),
    )  # fmt: skip


def moment_of(progress: Progress) -> Moment:
    """Return the receiver's state as it is shown."""
    age = progress.commit_age
    note = progress.trouble or (None if age is None else f"last commit {age:.0f} s ago")
    return Moment(
        progress.counts,
        progress.events_per_second,
        progress.version,
        note=note,
        answered=progress.answered,
        held=progress.held,
    )


def _tokens(otlp: OtlpSettings) -> tuple[bytes, ...]:
    """Return the tokens that are right. An empty file is refused: it would let everyone in, or no one."""
    tokens = [otlp.token.strip().encode()] if otlp.token else []
    if otlp.token_file is None:
        return tuple(tokens)
    lines = _lines(otlp.token_file)
    if not lines:
        raise UsageError("there is no token in the file", where=str(otlp.token_file), hint="one token a line")
    return (*tokens, *lines)


def _lines(file: Path) -> list[bytes]:
    try:
        return [line.strip() for line in file.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise UnreachableError(f"the tokens cannot be read: {error.strerror}", where=str(file)) from error
