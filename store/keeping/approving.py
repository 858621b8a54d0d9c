"""Four eyes: what one person proposes, another must approve before it is done. Both are recorded."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from store.errors import UsageError
from store.lake import Lake
from store.tables.keeping import APPROVALS


@dataclass(frozen=True)
class Request:
    """What was proposed, on what, why and by whom, and what became of it: proposed, approved, refused or done."""

    request_id: str
    action: str
    target: str
    reason: str
    by: str
    state: str = "proposed"
    approved_by: str | None = None


def propose(
    lake: Lake, action: str, target: str, reason: str, by: str, request_id: str | None = None
) -> Request:
    """Record what someone wants done; it waits for another person. UsageError without a name or a reason."""
    if not by.strip() or not reason.strip():
        raise UsageError("who asks, and why, must be said", hint="--by NAME --reason TEXT")
    request = Request(request_id or secrets.token_hex(6), action, target, reason, by.strip())
    _say(lake, request, "proposed", by.strip())
    return request


def requests(lake: Lake) -> list[Request]:
    """Return every request with what became of it, the oldest first."""
    rows = lake.scan(APPROVALS.name, APPROVALS.stored.names).collect().sort("said_time")
    found: dict[str, Request] = {}
    for row in rows.iter_rows(named=True):
        known = found.get(row["request_id"])
        if known is None:
            found[row["request_id"]] = Request(
                *(row[n] for n in ("request_id", "action", "target", "reason", "said_by"))
            )
            continue
        approved = row["said_by"] if row["state"] == "approved" else known.approved_by
        found[row["request_id"]] = Request(
            known.request_id, known.action, known.target, known.reason, known.by, row["state"], approved
        )
    return list(found.values())


def find(lake: Lake, request_id: str) -> Request:
    """Return the request whose id begins so; UsageError when that is none or several."""
    found = [r for r in requests(lake) if request_id and r.request_id.startswith(request_id)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} requests have an id that begins with {request_id!r}",
            hint="`tooltrail lake requests`",
        )
    return found[0]


def decide(lake: Lake, request_id: str, by: str, *, approve: bool) -> Request:
    """Record a second person's word on a request and return it. UsageError for the first person, or a second word."""
    request, judge = find(lake, request_id), by.strip()
    if request.state != "proposed":
        raise UsageError(f"request {request.request_id} is {request.state} already")
    if not judge:
        raise UsageError("who decides must be said", hint="--by NAME")
    if approve and same_person(judge, request.by):
        raise UsageError(
            f"{request.by} proposed this: another person must approve it",
            hint="this is what four eyes are for",
        )
    state = "approved" if approve else "refused"
    _say(lake, request, state, judge)
    return find(lake, request.request_id)


def finish(lake: Lake, request: Request) -> None:
    """Record that an approved request was carried out."""
    _say(lake, request, "done", request.approved_by or request.by)


def same_person(one: str, other: str) -> bool:
    """Say whether two names may be one person's: no other person is made by case, spaces, marks or signs.

    Compared are the letters and digits, in Unicode's compatibility form: full width, accents and what cannot be seen
    make no difference. Letters of another script that only look alike do.
    """
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    return "".join(char for char in plain if char.isalnum()) or name


def _say(lake: Lake, request: Request, state: str, by: str) -> None:
    now = datetime.now(UTC)
    row = {"request_id": request.request_id, "action": request.action, "state": state, "target": request.target,
           "reason": request.reason, "said_by": by, "said_time": now, "said_date": now.date()}  # fmt: skip
    lake.append(APPROVALS.name, pa.Table.from_pylist([row], APPROVALS.schema), note={"operation": "approval"})
