"""Which rows are meant: by person, session, event, time, or columns' values, all of which must hold. No SQL in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, or_

import polars as pl
import pyarrow as pa

from store.errors import UsageError
from store.events import TEXT, TEXTS
from store.tables import TABLES
from store.tables.table import Table

_SESSIONS = ("session_key", "session")


@dataclass(frozen=True)
class Selector:
    """What rows must meet to be meant. `sessions` are the names one session goes by, `events` ids of events."""

    subject: str | None = None
    sessions: tuple[str, ...] = ()
    events: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    conditions: tuple[tuple[str, str], ...] = ()

    def within(self, table: Table) -> pl.Expr:
        """Return the condition a table's rows must meet; false where the table cannot be asked."""
        parts = list(self._parts(table))
        if not parts or any(part is None for part in parts):
            return pl.lit(value=False)
        return reduce(and_, (part.fill_null(value=False) for part in parts if part is not None))

    def _parts(self, table: Table) -> Iterator[pl.Expr | None]:
        if self.subject is not None:
            yield named(table, self.subject)
        if self.sessions or self.events is not None:
            yield _of(table, self.sessions, self.events or ())
        time = pl.col(table.statistics[0])
        if self.since is not None:
            yield time >= self.since
        if self.until is not None:
            yield time <= self.until
        for column, value in self.conditions:
            yield (pl.col(column).cast(pl.String) == value) if column in table.schema.names else None


def named(table: Table, subject: str) -> pl.Expr | None:
    """Return the condition that any text of a row is this name, in any case; None where a table has no texts."""
    name = subject.lower()
    texts = [pl.col(f.name).str.to_lowercase() == name for f in table.schema if f.type == TEXT]
    lists = [pl.col(f.name).list.contains(subject) for f in table.schema if f.type == TEXTS]
    return _any([*texts, *lists])


def _of(table: Table, sessions: tuple[str, ...], events: tuple[str, ...]) -> pl.Expr | None:
    """Return the condition that a row is of a session or an event, or rests on it as evidence."""
    columns = table.schema.names
    found = [pl.col(c).is_in(sessions) for c in _SESSIONS if c in columns]
    if "event_id" in columns:
        found.append(pl.col("event_id").is_in(events))
    if "evidence" in columns:
        found.append(pl.col("evidence").list.eval(pl.element().is_in(events)).list.any())
    return _any(found)


def _any(parts: list[pl.Expr]) -> pl.Expr | None:
    return reduce(or_, (part.fill_null(value=False) for part in parts)) if parts else None


def columns_of(table: Table, selectors: list[Selector]) -> set[str]:
    """Return the columns that are looked at to tell whether rows are meant by any of these."""
    return {name for s in selectors for name in s.within(table).meta.root_names()}


def parse_condition(text: str) -> tuple[str, str]:
    """Return column and value of `column=value`; UsageError unless some table has a column of plain values so named."""
    column, mark, value = text.partition("=")
    plain = {f.name for t in TABLES.values() for f in t.schema if not pa.types.is_nested(f.type)}
    if not mark or column not in plain:
        raise UsageError(
            f"not a condition: {text!r}", where="--where", hint="write column=value, as server_name=crm"
        )
    return column, value
