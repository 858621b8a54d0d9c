"""OTLP/HTTP as an ASGI application: who may send, how much, and what each request is answered.

Authentication comes before a byte of the body is read, so what a stranger sends is never stored. A body that cannot
be read is answered 400 and kept as a dead letter, so far as secrets can be found in it. Every answer follows the OTLP
specification: the content type of the request, an Export*ServiceResponse, or a google.rpc.Status for an error.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.otlp_body import Body, Buffer, Held, read
from ingest.otlp_commit import Committer
from ingest.otlp_export import JSON, LOGS, PROTOBUF, SPANS, Answer, Export, NotDurableError, Signal

BUSY_SECONDS = 1
"""Retry-After of a request that found the buffer full."""
TROUBLE_SECONDS = 5
"""Retry-After while the lake cannot be written, and of a receiver that is stopping."""

_DISCARDED = 4
_DISCARD_SECONDS = 5.0

STATUS_CODES = {
    400: code_pb2.INVALID_ARGUMENT, 401: code_pb2.UNAUTHENTICATED, 404: code_pb2.UNIMPLEMENTED,
    405: code_pb2.UNIMPLEMENTED, 413: code_pb2.RESOURCE_EXHAUSTED,
    415: code_pb2.INVALID_ARGUMENT, 503: code_pb2.UNAVAILABLE,
}  # fmt: skip
"""Every status of an error, and its code in the Status."""


@dataclass(frozen=True)
class HttpOptions:
    """The bounds of what is taken. Sizes are in bytes, and hold for a body as sent and after decompression."""

    tokens: tuple[bytes, ...] = ()
    max_body_bytes: int = 20 << 20
    max_held_bytes: int = 256 << 20
    body_timeout: float = 30.0


class RefusedError(Exception):
    """A request that is answered with an error; `headers` may say when to come again."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


class Receiver:
    """Answers export requests once what they hold is durable. `answered` counts its answers by status."""

    def __init__(self, committer: Committer, options: HttpOptions, say: Callable[[str], None]) -> None:
        self.answered: Counter[int] = Counter()
        self.buffer = Buffer(options.max_held_bytes)
        self.stopping = False
        self._committer = committer
        self._options = options
        self._say = say
        self._tokens = [sha256(token).digest() for token in options.tokens]
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="otlp-read")
        self._said: set[int] = set()

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route(signal.path, partial(self._answer, signal=signal), methods=["POST"])
            for signal in (LOGS, SPANS)
        ]
        application = Starlette(
            routes=routes,
            exception_handlers={
                HTTPException: self._no_such,
                RefusedError: self._refused,
                Exception: self._failed,
            },
        )
        application.router.redirect_slashes = False  # a redirect would come before anyone is asked who it is
        return application

    def close(self) -> None:
        """End the threads."""
        self._readers.shutdown()

    async def _answer(self, request: Request, signal: Signal) -> Response:
        try:
            return await self._take_in(request, signal)
        except RefusedError:
            await self._discard(request)
            raise

    async def _discard(self, request: Request) -> None:
        """Let the rest of a body come, within bounds: a sender that is cut off while it sends hears no answer."""
        left = _DISCARDED * self._options.max_body_bytes
        with suppress(
            RuntimeError, TimeoutError, ClientDisconnect
        ):  # RuntimeError: all of it has come already
            async with asyncio.timeout(_DISCARD_SECONDS):
                async for chunk in request.stream():
                    left -= len(chunk)
                    if left < 0:
                        break

    async def _take_in(self, request: Request, signal: Signal) -> Response:
        self._authenticate(request)
        kind = _content_type(request)
        compressed = _is_compressed(request)
        self._admit(request)
        held = Held(self.buffer)
        try:
            export = await asyncio.get_running_loop().run_in_executor(
                self._readers,
                partial(read, await self._body(request, held, compressed=compressed), signal, kind),
            )
            if not held.hold(export.size):
                raise self._busy()
            answer = await self._durable(export)
        finally:
            held.release()
        if export.unreadable is not None:
            raise RefusedError(400, f"{export.unreadable[1]}; kept as a dead letter")
        return self._reply(200, kind, _success(signal, answer, kind))

    def _authenticate(self, request: Request) -> None:
        """Compare with every token, in time that tells nothing of how much of one was right."""
        if not self._tokens:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        digest = sha256(given.strip().encode("latin-1")).digest()
        right = [hmac.compare_digest(digest, token) for token in self._tokens]
        if scheme.lower() != "bearer" or not any(right):
            raise RefusedError(
                401,
                "a bearer token is needed, or the one given is wrong: Authorization: Bearer TOKEN",
                {"www-authenticate": "Bearer"},
            )

    def _admit(self, request: Request) -> None:
        if self.stopping:
            raise RefusedError(503, "the receiver is stopping", _after(TROUBLE_SECONDS))
        if self._committer.trouble is not None:
            raise RefusedError(503, "the lake cannot be written", _after(TROUBLE_SECONDS))
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._options.max_body_bytes:
            raise self._too_large()
        if not self.buffer.has_room(int(length) if length.isdecimal() else 0):
            raise self._busy()

    def _too_large(self) -> RefusedError:
        limit = self._options.max_body_bytes
        return RefusedError(
            413, f"the body is larger than {limit} bytes (otlp.max_body_bytes); send smaller batches"
        )

    def _busy(self) -> RefusedError:
        """Say 503 and not 429: both mean to come again, but some SDKs drop what was answered 429."""
        return RefusedError(503, "too much is waiting to become durable", _after(BUSY_SECONDS))

    async def _body(self, request: Request, held: Held, *, compressed: bool) -> Body:
        """Read a body, decompressing as it comes: neither form is ever held beyond its bound."""
        body = Body(compressed=compressed, limit=self._options.max_body_bytes)
        try:
            async with asyncio.timeout(self._options.body_timeout):
                async for chunk in request.stream():
                    if not body.take(chunk):
                        raise self._too_large()
                    if not held.hold(len(body.content)):
                        raise self._busy()
        except TimeoutError as error:
            raise RefusedError(503, "the body did not come in time", _after(BUSY_SECONDS)) from error
        body.end()
        return body

    async def _durable(self, export: Export) -> Answer:
        if not export.records and export.unreadable is None:
            return Answer()
        self._committer.offer(export)
        try:
            return await asyncio.wrap_future(export.answer)
        except NotDurableError as error:
            raise RefusedError(503, str(error), _after(TROUBLE_SECONDS)) from error

    # --- answers ---

    def _reply(
        self, status: int, kind: str, content: bytes, headers: Mapping[str, str] | None = None
    ) -> Response:
        self.answered[status] += 1
        return Response(content, status, headers=headers, media_type=kind)

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return self._error(request, error.status, error.message, error.headers)

    async def _no_such(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            message = (
                "only /v1/logs and /v1/traces are here: metrics hold no events, switch their exporter off"
            )
            return self._error(request, 404, message)
        return self._error(request, error.status_code, "export requests are sent with POST", error.headers)

    async def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            return Response(status_code=400)
        self._say(f"a request failed: {type(error).__name__}")  # its text may quote what was sent
        return self._error(request, 503, "the receiver failed", _after(TROUBLE_SECONDS))

    def _error(
        self, request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with a Status, and say once for each kind of refusal that a sender may lose data by it."""
        if status in (400, 401, 404, 413, 415) and status not in self._said:
            self._said.add(status)
            self._say(f"answered {status} to {_sender(request)}: {message}; further ones are only counted")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        kind = kind if kind in (PROTOBUF, JSON) else JSON
        code = STATUS_CODES.get(status, code_pb2.UNKNOWN)
        if kind == JSON:
            content = msgspec.json.encode({"code": code, "message": message})
        else:
            content = Status(code=code, message=message).SerializeToString()
        return self._reply(status, kind, content, headers)


def _content_type(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (PROTOBUF, JSON):
        raise RefusedError(
            415, f"the content type must be {PROTOBUF} or {JSON}", {"accept": f"{PROTOBUF}, {JSON}"}
        )
    return kind


def _is_compressed(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity", ""):
        raise RefusedError(415, "the content encoding must be gzip or none", {"accept-encoding": "gzip"})
    return encoding == "gzip"


def _success(signal: Signal, answer: Answer, kind: str) -> bytes:
    message = f"kept as dead letters, not as events: {answer.reason or 'as when they were first sent'}"
    if kind == JSON:
        rejected = "rejectedLogRecords" if signal is LOGS else "rejectedSpans"
        partial_success = {rejected: str(answer.rejected), "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": partial_success} if answer.rejected else {})
    response: Any = ExportLogsServiceResponse() if signal is LOGS else ExportTraceServiceResponse()
    if answer.rejected:
        response.partial_success.error_message = message
        if signal is LOGS:
            response.partial_success.rejected_log_records = answer.rejected
        else:
            response.partial_success.rejected_spans = answer.rejected
    return bytes(response.SerializeToString())


def _after(seconds: int) -> dict[str, str]:
    return {"retry-after": str(seconds)}


def _sender(request: Request) -> str:
    return request.client.host if request.client is not None else "a sender"
