"""Every page there is, made of a lake and an assessment in which every text is hostile."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from assessments import assessed
from lakes import NOON, record, take_in

from reports.catalog import Request, load
from reports.folder.context import Entry, folder_page
from reports.page import Page
from reports.review.context import review_page
from store.lake import Lake
from store.tables import TABLES

HOSTILE = (
    "</td></script></style><script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href=javascript:alert(3)>x"
    "{{7*7}}{%raw%}${7*7}]]>--><!--\x1b[31m\u202eevil\u2066\x00\x85\ufeff&lt;script&gt;="
)
ID = "cus_4711471147"


def hostile_lake(lake: Lake) -> Lake:
    """Fill a lake with a session, its findings and an incident, hostile text wherever a log can put some."""
    names = {
        "client_name": HOSTILE, "client_version": HOSTILE, "credential_id": HOSTILE, "server_name": HOSTILE,
        "user_id": HOSTILE, "user_email": HOSTILE, "source_system": HOSTILE, "credential_kind": "static_key",
    }  # fmt: skip
    refused = {"event_class": "denial", "decision": "deny", "outcome": "denied",
               "decision_reason": HOSTILE, "policy_id": HOSTILE}  # fmt: skip
    take_in(lake, [
        record(0, tool_name="search", outcome="success", result={"id": ID}, **names),
        record(1, **{**names, "tool_name": HOSTILE, "arguments": {"id": ID, "x": HOSTILE}, **refused}),
        record(2, tool_name="query", outcome="success", arguments={"id": ID}, **names),
        record(3, tool_name="send_email", outcome="success", arguments={"body": ID + HOSTILE}, **names),
    ])  # fmt: skip
    found_here(lake, [row["event_id"] for row in lake.sql("SELECT event_id FROM events").arrow().to_pylist()])
    return lake


def found_here(lake: Lake, events: list[str]) -> None:
    """Keep a finding of an incident, hostile in every text."""
    now = datetime.now(UTC)
    texts = dict.fromkeys(
        ("title", "explanation", "user_id", "client", "credential_id", "server_name", "tool_name"), HOSTILE
    )
    finding = {"finding_id": "f" * 32, "detection": HOSTILE, "severity": "high", "confidence": 0.9, "event_time": NOON,
               "evidence": events, "rollout": False, "tags": [HOSTILE], "revision": 1, "found_time": now,
               "found_date": now.date(), "session": None, **texts}  # fmt: skip
    link = {
        "finding_id": "f" * 32,
        "incident": "c" * 32,
        "revision": 1,
        "linked_time": now,
        "linked_date": now.date(),
    }
    lake.append("finding_states", pa.Table.from_pylist([finding], TABLES["finding_states"].schema))
    lake.append("incident_links", pa.Table.from_pylist([link], TABLES["incident_links"].schema))


def every_page(lake: Lake) -> dict[str, Page]:
    """Return every page of a lake filled by `hostile_lake`, and those of a hostile review."""
    found, campaign = assessed(30, HOSTILE)
    entry = Entry(
        "weekly", "2026-10-05T0700", HOSTILE, HOSTILE, 3, "weekly/2026-10-05T0700", "weekly.html", [HOSTILE]
    )
    return {
        "session": load("session").build(lake, Request("session-1")),
        "incident": load("incident").build(lake, Request()),
        "weekly": load("weekly").build(lake, Request()),
        "clients": load("clients").build(lake, Request()),
        "campaign": review_page(found, campaign),
        "draft": review_page(found),
        "folder": folder_page([entry], 3),
    }


def empty_pages(lake: Lake) -> dict[str, Page]:
    """Return the pages an empty lake has."""
    return {name: load(name).build(lake, Request()) for name in ("weekly", "clients")}
