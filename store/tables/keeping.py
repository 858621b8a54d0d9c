"""Tables of what was done to the lake itself, and of who may not lose what: upkeep, holds, approvals, erasures."""

from __future__ import annotations

import pyarrow as pa

from store import events
from store.tables.table import Table


def _text(*names: str) -> list[pa.Field]:
    return [pa.field(name, events.TEXT, nullable=False) for name in names]


UPKEEP = Table(
    name="upkeep",
    meaning="What was done to the lake itself: compactions, expiries, erasures, repairs, each with what it changed.",
    schema=pa.schema(
        [
            *_text("operation", "table_name"),
            pa.field("version", events.INT),
            *(pa.field(n, events.INT, nullable=False) for n in (
                "rows_before", "rows_after", "files_before", "files_after")),
            pa.field("done_by", events.TEXT),
            pa.field("reason", events.TEXT),
            pa.field("detail", events.TEXT),
            pa.field("done_time", events.TIME, nullable=False),
            pa.field("done_date", pa.date32(), nullable=False),
        ]
    ),
    partition="done_date",
    statistics=("done_time",),
)  # fmt: skip

HOLD_STATES = Table(
    name="hold_states",
    meaning="Legal holds as set and released. Ask the view holds for those in force.",
    schema=pa.schema(
        [
            *_text("hold_id", "state"),
            *(pa.field(n, events.TEXT) for n in ("case_id", "subject", "session")),
            pa.field("events", events.TEXTS),
            pa.field("since", events.TIME),
            pa.field("until", events.TIME),
            pa.field("conditions", events.TEXTS),
            *_text("reason", "said_by"),
            pa.field("hold_time", events.TIME, nullable=False),
            pa.field("hold_date", pa.date32(), nullable=False),
        ]
    ),
    partition="hold_date",
    statistics=("hold_time",),
)

APPROVALS = Table(
    name="approvals",
    meaning="What needs two people: proposed by one, approved or refused by another, and whether it was done.",
    schema=pa.schema(
        [
            *_text("request_id", "action", "state", "target", "reason", "said_by"),
            pa.field("said_time", events.TIME, nullable=False),
            pa.field("said_date", pa.date32(), nullable=False),
        ]
    ),
    partition="said_date",
    statistics=("said_time",),
)

ERASURES = Table(
    name="erasures",
    meaning="The ledger of erasures: whom, by keyed digests alone, why, and how far it got. Replayed after a restore.",
    schema=pa.schema(
        [
            *_text("erasure_id", "state"),
            pa.field("subjects", events.TEXTS, nullable=False),
            pa.field("fingerprints", events.TEXTS),
            *_text("reason", "proposed_by", "approved_by"),
            *(pa.field(n, events.INT, nullable=False) for n in ("rows", "files", "residue")),
            pa.field("state_time", events.TIME, nullable=False),
            pa.field("state_date", pa.date32(), nullable=False),
        ]
    ),
    partition="state_date",
    statistics=("state_time",),
)  # fmt: skip
