"""Tables of entitlement reviews: when they began and were closed, what was frozen, and what was decided."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table

REVIEWS = Table(
    name="reviews",
    meaning="Reviews as they began and were closed. A review, and what was frozen for it, counts once its row is here.",
    schema=pa.schema(
        [
            *(pa.field(n, events.TEXT, nullable=False) for n in ("review", "change", "made_by")),
            pa.field("review_time", events.TIME, nullable=False),
            pa.field("review_date", pa.date32(), nullable=False),
            *(pa.field(n, events.TIME, nullable=False) for n in ("since", "until", "moment", "due_at")),
            pa.field("overdue", events.TEXT, nullable=False),
            pa.field("reviewers", events.TEXTS, nullable=False),
            pa.field("previous", events.TEXT),
            pa.field("scope", events.TEXT, nullable=False),
            pa.field("events_version", events.INT, nullable=False),
            pa.field("entitlements_version", events.INT),
            *(pa.field(n, events.INT, nullable=False) for n in ("items", "excluded", "orphans", "strays")),
            pa.field("frozen_sha256", events.TEXT, nullable=False),
            pa.field("seal", events.TEXT),
        ]
    ),
    partition="review_date",
    statistics=("review_time",),
)

REVIEW_ITEMS = Table(
    name="review_items",
    meaning="What each review was about, with the recommendations, as it was frozen when the review began.",
    schema=pa.schema(
        [
            *(pa.field(n, events.TEXT, nullable=False) for n in (
                "review", "item_id", "what", "kind", "principal_kind", "principal", "server_name", "tool_name")),
            *(pa.field(n, events.TEXT) for n in ("owner", "ticket", "granted_by", "state", "advice", "reason", "risk")),
            *(pa.field(n, pa.bool_()) for n in ("orphan", "privileged", "break_glass")),
            *(pa.field(n, events.INT) for n in ("calls", "denied")),
            pa.field("last_use", events.TIME),
            pa.field("people", events.TEXTS),
            pa.field("item_time", events.TIME, nullable=False),
            pa.field("item_date", pa.date32(), nullable=False),
        ]
    ),
    partition="item_date",
    statistics=("item_time",),
    order=("review", "principal", "server_name"),
)  # fmt: skip

REVIEW_DECISIONS = Table(
    name="review_decisions",
    meaning="What reviewers decided, one row a decision; of the same stage the latest counts.",
    schema=pa.schema(
        [
            *(pa.field(n, events.TEXT, nullable=False) for n in ("review", "item_id")),
            pa.field("stage", events.INT, nullable=False),
            *(pa.field(n, events.TEXT, nullable=False) for n in ("decision", "reason", "reviewer")),
            pa.field("decided_at", events.TIME, nullable=False),
            pa.field("decided_date", pa.date32(), nullable=False),
            pa.field("batch", events.TEXT, nullable=False),
            pa.field("batch_number", events.INT, nullable=False),
            pa.field("batch_size", events.INT, nullable=False),
            pa.field("seconds", pa.float64(), nullable=False),
            *(pa.field(n, events.TEXT) for n in ("overrides", "owner")),
            pa.field("due", events.TIME),
            *(pa.field(n, events.TEXT) for n in ("ticket", "place")),
        ]
    ),
    partition="decided_date",
    statistics=("decided_at",),
)
