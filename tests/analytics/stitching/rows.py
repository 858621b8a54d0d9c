"""Events as stitching takes them."""

from datetime import UTC, datetime, timedelta

import polars as pl

BEGIN = datetime(2026, 10, 1, 9, tzinfo=UTC)
SCHEMA = {
    "event_id": pl.String, "event_time": pl.Datetime("us", "UTC"), "person": pl.String, "person_kind": pl.String,
    "client": pl.String, "product": pl.String, "credential_id": pl.String, "client_address": pl.String,
    "source_system": pl.String, "source_instance": pl.String, "event_kind": pl.String, "tool": pl.String,
    "session_key": pl.String, "conversation_id": pl.String, "trace_id": pl.String, "tool_call_id": pl.String,
    "args_leaves": pl.List(pl.Int64), "result_leaves": pl.List(pl.Int64), "known": pl.String, "root": pl.String,
}  # fmt: skip


def event(number, seconds, **fields):
    """Return one event, `seconds` after the beginning."""
    usual = {
        "event_id": f"{number:032x}", "event_time": BEGIN + timedelta(seconds=seconds), "person": "|ana",
        "person_kind": "idp_sub", "client": "cursor", "source_system": "test", "event_kind": "tool_call",
        "tool": "files/read",
    }  # fmt: skip
    given = dict.fromkeys(SCHEMA) | usual | fields
    return given | {"product": fields.get("product", given["client"])}


def frame(events):
    """Return events as a frame."""
    return pl.DataFrame(events, schema=SCHEMA)


def work(pieces=40, calls=5, pause=3, between=3600):
    """Return id-less events in pieces of work: calls a pause apart, pieces an hour apart."""
    return [
        event(p * calls + c, p * (between + calls * pause) + c * pause)
        for p in range(pieces)
        for c in range(calls)
    ]


def sessions_of(stitched):
    """Return the session of each event by its number."""
    return {int(row["event_id"], 16): row["session"] for row in stitched.links.iter_rows(named=True)}


def groups(stitched):
    """Return the sets of event numbers that share a session, smallest number first."""
    found: dict[str, list[int]] = {}
    for number, session in sorted(sessions_of(stitched).items()):
        found.setdefault(session, []).append(number)
    return sorted(found.values())
