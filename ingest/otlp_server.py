"""`tooltrail ingest otlp`: the listening socket, TLS, and the order in which things begin and end.

HTTP runs in a thread, commits in another; the caller's tells the state, however long a commit takes. On `stop` no
new connection is taken, requests that have been sent are made durable and answered, and only then does it end.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from ingest.loop import Pipeline
from ingest.otlp_commit import CommitOptions, Committer
from ingest.otlp_http import HttpOptions, Receiver
from ingest.pending import Counts
from store.errors import UnreachableError, UsageError
from store.lake import Lake

DRAIN_SECONDS = 30
"""How long requests under way are waited for on `stop`."""

_CONNECTIONS = 1024
_BACKLOG = 1024
_REPORT_SECONDS = 1.0
_TICK = 0.1


@dataclass(frozen=True)
class OtlpOptions:
    """Where to listen and as whom: `listen` is host:port, port 0 any free one."""

    listen: str = "127.0.0.1:4318"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    anonymous: bool = False
    max_connections: int = _CONNECTIONS
    http: HttpOptions = field(default_factory=HttpOptions)
    commit: CommitOptions = field(default_factory=CommitOptions)


@dataclass(frozen=True)
class Progress:
    """The state of the receiver at one moment: `answered` counts requests by status, `held` is in bytes."""

    events_per_second: float
    version: int | None
    commit_age: float | None
    answered: Mapping[int, int]
    held: int
    trouble: str | None
    counts: Counts


def receive(
    lake: Lake,
    pipeline: Callable[[], Pipeline],
    options: OtlpOptions,
    *,
    stop: threading.Event,
    say: Callable[[str], None],
    on_progress: Callable[[Progress], None],
) -> Counts:
    """Take in what is sent until `stop` is set; what was answered with success is durable.

    `pipeline` makes a pipeline of the lake. Raises UsageError for settings that cannot be, UnreachableError when the
    address or the lake cannot be used.
    """
    context = _check(options)
    listening = _listen(options.listen)
    try:
        committer = Committer(lake, pipeline, options.commit, say)
        receiver = Receiver(committer, options.http, say)
    except BaseException:
        listening.close()
        raise
    server = _server(receiver, options, context)
    over = threading.Event()
    scheme = "http" if context is None else "https"
    host, port = listening.getsockname()[:2]
    reporter = _Reporter(committer, receiver, on_progress)
    with ThreadPoolExecutor(2, thread_name_prefix="otlp") as threads:
        serving = threads.submit(_serve, server, listening, over)
        committing = threads.submit(committer.run, over)
        say(
            f"listening on {scheme}://{f'[{host}]' if ':' in host else host}:{port} for /v1/logs and /v1/traces"
        )
        if options.http.tokens and context is None and not _is_local(options.listen):
            say("tokens travel readable without TLS: set otlp.tls_cert, or have a proxy that ends TLS")
        try:
            while not wait([committing], timeout=_TICK).done:
                if stop.is_set() and not receiver.stopping:
                    receiver.stopping = True
                    committer.hurry()
                    server.should_exit = True
                reporter.report()
        finally:
            receiver.stopping = server.should_exit = True
            server.force_exit = not committing.done()  # interrupted a second time: nobody is waited for
    receiver.close()
    reporter.report(last=True)
    committing.result()
    serving.result()
    if not stop.is_set():
        raise UnreachableError("the HTTP server has ended by itself", where=options.listen)
    return committer.pipeline.counts


def _check(options: OtlpOptions) -> ssl.SSLContext | None:
    known = bool(options.http.tokens) or options.client_ca is not None
    if not known and not options.anonymous and not _is_local(options.listen):
        raise UsageError(
            f"anyone who reaches {options.listen} could write to the lake",
            hint="set otlp.token_file or TOOLTRAIL_OTLP_TOKEN, or otlp.client_ca; or otlp.anonymous = true",
        )
    return _tls(options)


def _is_local(address: str) -> bool:
    return address.rpartition(":")[0].strip("[]") in ("127.0.0.1", "localhost", "::1")


def _tls(options: OtlpOptions) -> ssl.SSLContext | None:
    if options.tls_cert is None:
        if options.tls_key is not None or options.client_ca is not None:
            raise UsageError("TLS needs a certificate", hint="set otlp.tls_cert, and otlp.tls_key")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificate or its key cannot be used: {error.strerror or error}",
            where=str(options.tls_cert), hint="PEM files; the key has no password and belongs to it",
        ) from error  # fmt: skip
    if options.client_ca is not None:
        try:
            context.load_verify_locations(options.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"the client CA cannot be used: {error.strerror or error}", where=str(options.client_ca)
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UnreachableError(
            f"cannot listen: {error.strerror}", where=address, hint="choose another --listen"
        ) from error


def _server(receiver: Receiver, options: OtlpOptions, context: ssl.SSLContext | None) -> uvicorn.Server:
    quiet = logging.getLogger("uvicorn")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    config = uvicorn.Config(
        receiver.application(), http="httptools", loop="asyncio", ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, proxy_headers=False, limit_concurrency=options.max_connections,
        timeout_keep_alive=75, timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_context_factory=None if context is None else lambda *_: context,
    )  # fmt: skip
    return uvicorn.Server(config)


def _serve(server: uvicorn.Server, listening: socket.socket, over: threading.Event) -> None:
    try:
        server.run([listening])
    finally:
        over.set()


class _Reporter:
    """Tells the state about once a second."""

    def __init__(
        self, committer: Committer, receiver: Receiver, on_progress: Callable[[Progress], None]
    ) -> None:
        self._committer = committer
        self._receiver = receiver
        self._on_progress = on_progress
        self._at = time.monotonic()
        self._events = 0

    def report(self, *, last: bool = False) -> None:
        """Tell the state if it is time to."""
        now = time.monotonic()
        seconds = now - self._at
        if seconds < _REPORT_SECONDS and not last:
            return
        committer, counts = self._committer, self._committer.pipeline.counts
        self._on_progress(
            Progress(
                events_per_second=(counts.records - self._events) / seconds if seconds else 0.0,
                version=committer.version,
                commit_age=None if committer.committed is None else now - committer.committed,
                answered=dict(self._receiver.answered),
                held=self._receiver.buffer.held,
                trouble=None if committer.trouble is None else str(committer.trouble),
                counts=counts,
            )
        )
        self._at, self._events = now, counts.records
