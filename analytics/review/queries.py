"""The questions behind the numbers, as anybody can ask them again with `tooltrail sql`, and what they answered."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import pyarrow.csv

from analytics.review.basis import Basis, Query
from analytics.review.world import World, text

_FEW = 5
_EVENTS = "events"
"""The column of an answer that has event ids: it is not in the digest, but beside it."""


def queries_of(world: World, basis: Basis) -> tuple[Query, ...]:
    """Return each question with its answer's rows, digest, and the first events it names."""
    return tuple(_asked(world, *told) for told in _questions(basis))


def _asked(world: World, name: str, meaning: str, sql: str) -> Query:
    table = world.lake.sql(sql, as_of=basis_version(world, sql)).arrow()
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table.select([n for n in table.column_names if n != _EVENTS]), sink)
    lists = table[_EVENTS].to_pylist() if _EVENTS in table.column_names else []
    ids = dict.fromkeys(i for row in lists for i in row or ())
    digest = hashlib.sha256(sink.getvalue()).hexdigest()
    return Query(name, meaning, sql, table.num_rows, digest, tuple(ids)[:_FEW])


def basis_version(world: World, sql: str) -> int | None:
    """Return the version to ask a question of: tables of imports and findings are not those of an events' version."""
    return world.events.version if "FROM events" in sql else None


def _questions(basis: Basis) -> Iterator[tuple[str, str, str]]:
    """Yield id, meaning and text; what is filled in are our own times and numbers."""
    between = f"event_time >= '{basis.since.isoformat()}' AND event_time < '{basis.until.isoformat()}'"
    filled = text("queries.sql").format(between=between, version=basis.entitlements_version or 0)
    for block in filled.strip().split("\n\n"):
        head, _, sql = block.partition("\n")
        name, _, meaning = head.removeprefix("-- ").partition(": ")
        yield name, meaning, sql
