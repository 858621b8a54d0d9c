"""What was done to the lake, as rows of the table upkeep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pyarrow as pa

from store.lake import Lake
from store.tables.keeping import UPKEEP


@dataclass(frozen=True)
class Done:
    """One thing done to one table: what it held of it before and after, and the version that made it so."""

    operation: str
    table_name: str
    version: int | None
    rows_before: int
    rows_after: int
    files_before: int
    files_after: int
    done_by: str | None = None
    reason: str | None = None
    detail: str | None = None


def record(lake: Lake, done: Sequence[Done]) -> None:
    """Keep what was done; nothing is written when it is nothing."""
    if not done:
        return
    now = datetime.now(UTC)
    rows = [{**asdict(one), "done_time": now, "done_date": now.date()} for one in done]
    lake.append(UPKEEP.name, pa.Table.from_pylist(rows, UPKEEP.schema))
