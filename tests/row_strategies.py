"""Rows of any values, for properties that must hold whatever a row holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from store.events import ACTORS, COLUMNS, REDACTIONS, TEXTS, Group

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): TEXT,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=8),
    pa.timestamp("us", tz="UTC"): st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    TEXTS: st.lists(TEXT | st.none(), max_size=3),
    pa.list_(pa.int64()): st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    ACTORS: st.lists(st.fixed_dictionaries({"iss": TEXT | st.none(), "sub": TEXT | st.none()}), max_size=2),
    REDACTIONS: st.lists(st.fixed_dictionaries({"path": TEXT, "kind": TEXT, "digest": TEXT}), max_size=2),
}
OURS = Group.INTEGRITY
"""Columns the lake fills."""
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            c.name: VALUES[c.type] | st.none() for c in COLUMNS if not c.required and c.group is not OURS
        }
        | {"event_id": st.uuids().map(lambda u: u.hex)},
    ),
    min_size=1,
    max_size=6,
)
