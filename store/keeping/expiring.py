"""Retention: rows whose time is over are removed, by event class and tenant, unless a hold covers them.

A row is over when both its event and its arrival are older than its period: a wrong clock alone expires nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from store.drafts import discard
from store.entries import digests
from store.keeping import holding
from store.keeping.compacting import written
from store.keeping.holding import Hold
from store.keeping.records import Done
from store.keeping.replacing import MOST, Change, replace_files
from store.keeping.retiring import retire
from store.keeping.rows import check_digest, plain, read_rows
from store.lake import Lake
from store.snapshot import StoredFile
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table


@dataclass(frozen=True)
class Periods:
    """How long rows are kept, in seconds; 0 or nothing said: for ever.

    Of events the most particular counts: tenant and class ("acme/denial"), tenant, class, then `events`. `tables`
    are the periods of other tables by name.
    """

    events: float = 0.0
    classes: dict[str, float] = field(default_factory=dict)
    tenants: dict[str, float] = field(default_factory=dict)
    tables: dict[str, float] = field(default_factory=dict)

    def seconds(self, table: Table) -> pl.Expr:
        """Return the period of each row of a table, 0 for ever."""
        if table is not EVENTS:
            return pl.lit(self.tables.get(table.name, 0.0))
        both = pl.concat_str("org_id", "event_class", separator="/")
        return pl.coalesce(_by(both, self.tenants), _by(pl.col("org_id"), self.tenants),
                           _by(pl.col("event_class"), self.classes), pl.lit(self.events))  # fmt: skip

    def shortest(self, table: Table) -> float | None:
        """Return the shortest period of a table's rows, None when all are kept for ever."""
        said = (
            [self.tables.get(table.name, 0.0)]
            if table is not EVENTS
            else [self.events, *self.classes.values(), *self.tenants.values()]
        )
        return min((s for s in said if s > 0), default=None)


def _by(key: pl.Expr, known: dict[str, float]) -> pl.Expr:
    if not known:
        return pl.lit(None, pl.Float64)
    names = list(known)
    return key.cast(pl.String).replace_strict(
        names, [known[n] for n in names], default=None, return_dtype=pl.Float64
    )


@dataclass(frozen=True)
class Over:
    """A file with rows whose time is over: how many there are, and how many of those a hold keeps."""

    table: str
    file: StoredFile
    over: int
    held: int

    @property
    def leaves(self) -> int:
        """How many rows stay."""
        return self.file.rows - self.over + self.held


def find_over(lake: Lake, periods: Periods, now: datetime | None = None) -> Iterator[Over]:
    """Yield the files that hold rows whose time is over, table by table, the oldest first."""
    moment = now or datetime.now(UTC)
    holds = holding.in_force(lake)
    for table in TABLES.values():
        shortest = periods.shortest(table)
        if shortest is None:
            continue
        newest = moment - timedelta(seconds=shortest)
        for file in lake.snapshot(table.name).files:
            if file.least is None or file.least < newest:
                found = _look(lake, table, file, over(table, periods, moment), holding.covered(table, holds))
                if found.over:
                    yield found


def over(table: Table, periods: Periods, moment: datetime) -> pl.Expr:
    """Return the condition that a row's time is over."""
    seconds = periods.seconds(table)
    limit = pl.lit(moment) - pl.duration(seconds=seconds)
    times = ["event_time", "ingest_time"] if table is EVENTS else [table.statistics[0]]
    past = pl.all_horizontal([pl.col(t) < limit for t in times])
    return ((seconds > 0) & past).fill_null(value=False)


def _look(lake: Lake, table: Table, file: StoredFile, gone: pl.Expr, held: pl.Expr) -> Over:
    needed = sorted({*gone.meta.root_names(), *held.meta.root_names()} - {table.partition})
    path = str(lake.path / table.name / file.path)
    frame = pl.scan_parquet(
        [lake.template(table.name), path], hive_partitioning=False, missing_columns="insert"
    )
    dated = frame.select(needed).with_columns(pl.lit(file.day).alias(table.partition))
    counts = dated.select(gone.sum().alias("over"), (gone & held).sum().alias("held")).collect().row(0)
    return Over(table.name, file, int(counts[0]), int(counts[1]))


def expire_held(lake: Lake, periods: Periods, now: datetime | None = None) -> list[Done]:
    """Remove what is over, a commit for each table, for a caller that holds the lock: whole files where it can be.

    Where a hold is set or released meanwhile, what was not removed yet is left to the next round.
    """
    moment = now or datetime.now(UTC)
    holds = holding.in_force(lake)
    found = [o for o in find_over(lake, periods, moment) if o.over > o.held]
    done: list[Done] = []
    for name in dict.fromkeys(o.table for o in found):
        table, theirs = TABLES[name], [o for o in found if o.table == name]
        going = over(table, periods, moment) & ~holding.covered(table, holds)
        for start in range(0, len(theirs), MOST):
            one = _remove(lake, table, theirs[start : start + MOST], going, holds)
            if one is None:
                return done
            done.append(one)
    return done


def _remove(
    lake: Lake, table: Table, found: Sequence[Over], going: pl.Expr, holds: Sequence[Hold]
) -> Done | None:
    """Remove rows from files in one commit; what leaves an event's batch leaves the hashes that proofs need.

    None, and nothing is removed, when the holds in force are not those any more by which `going` was made.
    """
    root, files = lake.path / table.name, [one.file for one in found]
    noted = digests(root)
    new, gone = [], []
    for one in found:
        check_digest(root, one.file, noted.get(one.file.path))
        rows = read_rows(root, table, one.file)
        stays = _staying(rows, going)
        gone.append(pc.invert(stays))
        if one.leaves:
            new += written(lake, table, rows.filter(stays), [one.file])
    if holding.in_force(lake) != holds:
        discard(root, table, [one.action for one in new])
        return None
    before, after = sum(one.file.rows for one in found), sum(one.leaves for one in found)
    note = {"expired": before - after, **(retire(lake, files, gone, "expired") if table is EVENTS else {})}
    version = replace_files(lake, table, Change("expire", files, new, note=note))
    return Done("expire", table.name, version, before, after, len(files), len(new))


def _staying(rows: pa.Table, going: pl.Expr) -> pa.Array:
    frame = pl.from_arrow(plain(rows.select(sorted(set(going.meta.root_names())))))
    assert isinstance(frame, pl.DataFrame)
    return pa.array(frame.select(~going).to_series().to_arrow())
