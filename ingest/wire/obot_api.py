"""Obot's API audit entry as it is on the wire; fields that are not named here end in `unmapped`."""

from __future__ import annotations

import msgspec

from ingest.fields import ABSENT, Int

Raw = msgspec.Raw


class Entry(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """One request to Obot's HTTP API."""

    time: str
    response_code: Int
    user: str | None = msgspec.field(name="userID", default=None)
    user_agent: str | None = None
    address: str | None = msgspec.field(name="sourceIP", default=None)
    path: str | None = None
    method: Raw = ABSENT
    host: Raw = ABSENT
