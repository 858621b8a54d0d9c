"""What the lake says of a session beside its events: stitching, findings, losses, and other witnesses of a call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from analytics.steps import CALLS, Row

if TYPE_CHECKING:
    from analytics.timeline import Timeline
    from store.lake import AsOf, Lake

_MOST_IDS = 2000


def known_of(lake: Lake, session: str, as_of: AsOf) -> dict[str, Any]:
    """Return confidence, joined_by, anomaly and top_event as the last runs of the jobs left them."""
    question = "SELECT confidence, joined_by, anomaly, top_event FROM sessions WHERE session = $session"
    found = lake.sql(question, {"session": session}, as_of).arrow().to_pylist()
    known = found[0] if found else {"confidence": None, "joined_by": None, "anomaly": None, "top_event": None}
    return {**known, "joined_by": known["joined_by"] or []}


def findings_of(lake: Lake, told: Timeline, as_of: AsOf) -> list[Row]:
    """Return what detections found in this session, or on its events, the gravest first."""
    question = """
    SELECT finding_id, detection, title, severity, confidence, event_time, explanation, evidence, state FROM findings
    WHERE session = $session OR list_has_any(evidence, $events)
    ORDER BY list_position(['critical', 'high', 'medium', 'low', 'info'], severity), event_time, finding_id"""
    events = told.story["event_id"].to_pylist()
    asked = {"session": told.summary.session, "events": events if len(events) <= _MOST_IDS else []}
    rows: list[Row] = lake.sql(question, asked, as_of).arrow().to_pylist()
    return rows


def lost_records(lake: Lake, told: Timeline, as_of: AsOf) -> int:
    """Return how many records of these sources were gone before they could be read, among those of the session."""
    question = """
    SELECT coalesce(sum(last_offset - first_offset + 1), 0)::BIGINT AS lost FROM gaps
    WHERE source_topic IN (SELECT unnest($topics)) AND detected_time >= $first"""
    topics = told.story["source_topic"].unique().to_pylist()
    answer = lake.sql(question, {"topics": topics, "first": told.summary.first}, as_of)
    return int(answer.arrow()["lost"][0].as_py())


def exchanges_of(lake: Lake, rows: Sequence[Row], as_of: AsOf) -> dict[str, str]:
    """Return the call of each event that is one of several witnesses of it.

    Where every record is of one kind from one place, no two can be of one call, and the lake need not be asked.
    """
    kinds = {(r["source_system"], r["vantage"], r["evidence_kind"], r["event_kind"], r["outcome"] == "unknown")
             for r in rows if r["event_class"] in CALLS}  # fmt: skip
    if len(kinds) < 2:
        return {}
    question = "SELECT event_id, exchange_id FROM witnesses($first, $until) WHERE join_rule IS NOT NULL"
    until = rows[-1]["event_time"] + timedelta(microseconds=1)
    found = lake.sql(question, {"first": rows[0]["event_time"], "until": until}, as_of).arrow()
    return dict(zip(found["event_id"].to_pylist(), found["exchange_id"].to_pylist(), strict=True))
