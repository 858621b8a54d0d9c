"""The JSON lines of FastMCP's StructuredLoggingMiddleware; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One line: a request began, ended, or failed."""

    event: str
    method: str | None = None
    source: Raw = ABSENT
    type: Raw = ABSENT
    timestamp: str | None = None
    duration_ms: float | None = None
    error: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    payload: Raw = ABSENT
    payload_type: Raw = ABSENT
    payload_length: Raw = ABSENT
    payload_tokens: Raw = ABSENT
    result_type: Raw = ABSENT
    response_size: Int | str | None = None
    estimated_tokens: Raw = ABSENT


EVENTS = ("request_start", "request_success", "request_error")
