"""AWS Bedrock AgentCore Gateway: CloudTrail events and vended log lines as structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.decode import Decoded, decode, parse_object
from ingest.fields import ABSENT, Int
from ingest.parsed import Reject

Raw = msgspec.Raw


class Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A part of a record."""


class Identity(msgspec.Struct, gc=False):
    """Who signed the request; `anonymous` where a JWT did instead."""

    type: str | None = None
    arn: str | None = None
    principal: str | None = msgspec.field(name="principalId", default=None)
    account: str | None = msgspec.field(name="accountId", default=None)
    name: str | None = msgspec.field(name="userName", default=None)
    key: str | None = msgspec.field(name="accessKeyId", default=None)


class Body(msgspec.Struct, gc=False):
    """Where the parameters and the response of a data event are."""

    body: Raw = ABSENT
    status: Int | None = msgspec.field(name="statusCode", default=None)


class Message(msgspec.Struct, gc=False):
    """A JSON-RPC message, as far as it must be told apart."""

    method: str | None = None


class Claims(msgspec.Struct, gc=False):
    """The claims of the caller's token that have columns."""

    sub: str | None = None
    iss: str | None = None
    jti: str | None = None
    scope: str | None = None
    client: str | None = msgspec.field(name="client_id", default=None)
    azp: str | None = None
    email: str | None = None
    name: str | None = None
    issued: float | None = msgspec.field(name="iat", default=None)
    expires: float | None = msgspec.field(name="exp", default=None)


class Token(msgspec.Struct, gc=False):
    """The caller's token."""

    claims: Claims | None = None


class Additional(Part):
    """Where the request went, and by which token."""

    target: str | None = msgspec.field(name="targetId", default=None)
    jwt: Token | None = None
    downstream: Raw = msgspec.field(name="downstreamRequestIds", default=ABSENT)


class Resource(msgspec.Struct, gc=False):
    """What was acted on."""

    type: str | None = None
    arn: str | None = msgspec.field(name="ARN", default=None)


class Event(Part, rename="camel"):
    """A CloudTrail event."""

    event_name: str
    event_source: str | None = None
    event_time: str | None = None
    event_id: str | None = msgspec.field(name="eventID", default=None)
    request_id: str | None = msgspec.field(name="requestID", default=None)
    user_identity: Identity | None = None
    address: str | None = msgspec.field(name="sourceIPAddress", default=None)
    user_agent: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    request_parameters: Raw = ABSENT
    response_elements: Raw = ABSENT
    additional_event_data: Additional | None = None
    resources: list[Resource] | None = None
    account: str | None = msgspec.field(name="recipientAccountId", default=None)
    event_version: Raw = ABSENT
    event_type: Raw = ABSENT
    event_category: Raw = ABSENT
    management_event: Raw = ABSENT
    read_only: Raw = ABSENT
    aws_region: Raw = ABSENT
    tls_details: Raw = ABSENT
    shared_event: Raw = msgspec.field(name="sharedEventID", default=ABSENT)
    vpc_endpoint: Raw = msgspec.field(name="vpcEndpointId", default=ABSENT)


class LogBody(Part, rename="camel"):
    """What a vended log line says; the bodies are Java's text of a map, or JSON."""

    is_error: bool | None = None
    log: str | None = None
    request_body: Raw = ABSENT
    response_body: Raw = ABSENT
    id: Raw = ABSENT


class Log(Part):
    """A vended log line."""

    resource_arn: str
    event_timestamp: Int | None = None
    body: LogBody | None = None
    account_id: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None


NO_IDENTITY = Identity()
NO_BODY = Body()
NO_CLAIMS = Claims()
NO_ADDITIONAL = Additional()
NO_LOG_BODY = LogBody()
OURS = "bedrock-agentcore.amazonaws.com"
_body = msgspec.json.Decoder(Body)
_message = msgspec.json.Decoder(Message)
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_MOST = 100_000


def body_of(raw: Raw) -> Body:
    """Return the body of a data event's parameters or response."""
    try:
        return NO_BODY if raw is ABSENT else _body.decode(raw)
    except _BAD:
        return NO_BODY


def method_of(raw: Raw) -> str | None:
    """Return the method of a JSON-RPC request."""
    try:
        return None if raw is ABSENT else _message.decode(raw).method
    except _BAD:
        return None


def events(records: Sequence[bytes]) -> tuple[Decoded[Event], list[int], list[Reject]]:
    """Decode CloudTrail events, those in a `{"Records": [...]}` file too; tells which record each came from.

    A file is rejected whole, with the place of its first event that does not fit.
    """
    flat: list[bytes] = []
    places: list[int] = []
    rejects: dict[int, Reject] = {}
    for index, record in enumerate(records):
        try:
            found = _records(record)
        except ValueError as error:
            rejects[index] = Reject(index, str(error))
            continue
        flat += found
        places += [index] * len(found)
    decoded = decode(flat, Event)
    kept = range(len(flat)) if decoded.record is None else decoded.record
    for reject in decoded.rejects:
        index = places[reject.record]
        if index in rejects:
            continue
        place = reject.record - places.index(index)
        of_file = flat[reject.record] is not records[index]
        rejects[index] = Reject(index, reject.reason + f" (in `$.Records[{place}]`)" * of_file)
    rows = [row for row, place in enumerate(kept) if places[place] not in rejects]
    out: Decoded[Event] = Decoded([decoded.events[row] for row in rows])
    if decoded.unmapped is not None:
        out.unmapped = [decoded.unmapped[row] for row in rows]
    return out, [places[kept[row]] for row in rows], [rejects[index] for index in sorted(rejects)]


def _records(record: bytes) -> list[bytes]:
    if b'"Records"' not in record[:256]:
        return [record]
    value = parse_object(record)
    if "Records" not in value:
        return [record]
    try:
        inner: list[Any] = msgspec.json.decode(value["Records"], type=list[Raw])
    except msgspec.MsgspecError as error:
        raise ValueError(f"wrong type: {error} - at `$.Records`") from error
    if not 0 < len(inner) <= _MOST:
        raise ValueError(f"{len(inner)} events - at `$.Records`")
    return [bytes(item) for item in inner]
