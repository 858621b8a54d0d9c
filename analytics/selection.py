"""Events chosen for handing on: of one version, in one order, in memory that does not grow with their number.

A large lake is gone through in slices of time that hold about as many rows each; each slice is put in order by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from store.errors import UsageError
from store.events import COLUMNS, Group
from store.lake import Lake
from store.snapshot import Snapshot, StoredFile
from store.sql import Answer

SLICE_ROWS = 100_000
CHUNK_IDS = 20_000
MOST_IDS = 5_000_000
"""Ids a SELECT may name: they are held in memory, some 50 bytes each."""

_ORDER = "event_time, event_id, source_topic, source_partition, source_offset, sub_index"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Selection:
    """Which events: a condition on `events`, or a SELECT that gives their event_id, or all; within a time."""

    where: str | None = None
    ids: str | None = None
    since: datetime | None = None
    until: datetime | None = None


FINGERPRINTS = (
    "args_leaves", "result_leaves", "args_shingles", "result_shingles",
    *(c.name for c in COLUMNS if c.group is Group.INTEGRITY),
)  # fmt: skip
"""Columns that say nothing to anyone without the site key or the log, and are most of a row."""


def chosen(lake: Lake, selection: Selection, version: int, *, whole: bool = True) -> Iterator[pa.RecordBatch]:
    """Yield the chosen events of a version in the order of event_time, then event_id; not `whole`: no fingerprints.

    Raises UsageError for a condition or SELECT that is none, and for more than MOST_IDS ids.
    """
    if selection.ids is not None:
        yield from _by_ids(lake, selection, version, _columns(whole))
        return
    condition = f"({selection.where}\n)" if selection.where else "true"
    query = f"""
    SELECT {_columns(whole)} FROM events WHERE event_time >= $since AND event_time < $until AND {condition}
    ORDER BY {_ORDER}"""  # noqa: S608 - the user's own condition, and only reading is possible
    snapshot = lake.snapshot("events", version)
    for since, until in slices(snapshot, selection.since, selection.until):
        yield from _ask(lake, query, {"since": since, "until": until}, version).batches(8192)


def _columns(whole: bool) -> str:
    return ", ".join(c.name for c in COLUMNS if whole or c.name not in FINGERPRINTS)


def _by_ids(lake: Lake, selection: Selection, version: int, columns: str) -> Iterator[pa.RecordBatch]:
    named = f"""
    SELECT DISTINCT event_time, event_id FROM events
    WHERE event_time >= $since AND event_time < $until AND event_id IN (SELECT event_id FROM ({selection.ids}
    )) ORDER BY ALL LIMIT {MOST_IDS + 1}"""  # noqa: S608 - the user's own question, and only reading is possible
    bounds = {"since": _bound(selection.since, "-infinity"), "until": _bound(selection.until, "infinity")}
    found = _ask(lake, named, bounds, version).arrow()
    if found.num_rows > MOST_IDS:
        raise UsageError(
            f"the SELECT names more than {MOST_IDS:,} events", hint="use --where, or --from and --to"
        )
    query = f"""
    SELECT {columns} FROM events WHERE event_time >= $since AND event_time <= $until
    AND event_id IN (SELECT unnest($ids)) ORDER BY {_ORDER}"""  # noqa: S608 - our own names
    for start in range(0, found.num_rows, CHUNK_IDS):
        part = found.slice(start, CHUNK_IDS)
        times, ids = part["event_time"], part["event_id"].to_pylist()
        within = {"since": times[0].as_py(), "until": times[-1].as_py(), "ids": ids}
        yield from _ask(lake, query, within, version).batches(8192)


def _ask(lake: Lake, query: str, parameters: Mapping[str, Any], version: int) -> Answer:
    """Ask the version: the newest one is at hand, an earlier one has to be opened."""
    answer = lake.sql(query, parameters)
    return answer if answer.version == version else lake.sql(query, parameters, as_of=version)


def _bound(moment: datetime | None, otherwise: str) -> datetime | str:
    return otherwise if moment is None else moment


# --- slices ---------------------------------------------------------------------------------------------------------


def slices(
    snapshot: Snapshot, since: datetime | None = None, until: datetime | None = None, rows: int = SLICE_ROWS
) -> list[tuple[datetime | str, datetime | str]]:
    """Cut time so that each slice holds about `rows` of a snapshot, by what the log says of its files.

    The slices cover all time between the bounds without overlap, and all time there is where a bound is None.
    """
    cuts = [
        c
        for c in _cuts(snapshot.files, rows)
        if (since is None or c > since) and (until is None or c < until)
    ]
    edges = [_bound(since, "-infinity"), *cuts, _bound(until, "infinity")]
    return list(pairwise(edges))


def _cuts(files: Sequence[StoredFile], rows: int) -> list[datetime]:
    """Return the times at which so many rows have gone by, taking each file's rows as evenly spread."""
    known = [(f.least, f.greatest, f.rows) for f in files if f.least is not None and f.greatest is not None]
    if not known:
        return []
    steps: dict[int, float] = {}
    for least, greatest, count in known:
        begin, end = _micros(least), _micros(greatest) + 1
        steps[begin] = steps.get(begin, 0.0) + count / (end - begin)
        steps[end] = steps.get(end, 0.0) - count / (end - begin)
    times = np.array(sorted(steps), np.float64)
    density = np.cumsum([steps[int(t)] for t in sorted(steps)])[:-1]
    gone = np.concatenate([[0.0], np.cumsum(density * np.diff(times))])
    wanted = np.arange(rows, gone[-1], rows)
    return [
        _EPOCH + timedelta(microseconds=int(t))
        for t in np.unique(np.interp(wanted, gone, times).astype(np.int64))
    ]


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
