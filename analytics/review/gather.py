"""The sections of a review beside its items: each a question over the world, each row of it a row of the section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import polars as pl

from analytics.review.model import Cell, Item, State
from analytics.review.sections import Attempt, Dormant, FindingNote, Inherited, LateUse, Standing, Toxic
from analytics.review.world import World, text

T = TypeVar("T")


@dataclass(frozen=True)
class Sections:
    """What is told beside the items; the fields are those of Assessment."""

    cells: tuple[Cell, ...]
    standing: tuple[Standing, ...]
    late_uses: tuple[LateUse, ...]
    dormant: tuple[Dormant, ...]
    inherited: tuple[Inherited, ...]
    toxic: tuple[Toxic, ...]
    attempts: tuple[Attempt, ...]
    findings: tuple[FindingNote, ...]


def sections_of(world: World, items: Sequence[Item]) -> Sections:
    """Return all sections; those that only regroup the items are made from them."""
    return Sections(
        cells=_cells(items), standing=_standing(world, items),
        late_uses=_asked(world, "late_uses.sql", LateUse), dormant=_asked(world, "dormant.sql", Dormant),
        inherited=_asked(world, "inherited.sql", Inherited), toxic=_asked(world, "toxic.sql", Toxic),
        attempts=_asked(world, "attempts.sql", Attempt), findings=_findings(world),
    )  # fmt: skip


def _asked(world: World, name: str, kind: type[T]) -> tuple[T, ...]:
    return tuple(made(kind, row) for row in world.ask(text(name)))


def made(kind: type[T], row: dict[str, Any]) -> T:
    """Return a row as one of a class with the same names; lists become tuples, and what is not there an empty one."""
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]
        value = row[field.name]
        listed = str(field.type).startswith("tuple")
        values[field.name] = tuple(value or ()) if listed else value
    return kind(**values)


# --- findings ---------------------------------------------------------------------------------------------------

_FINDINGS = """
WITH newest AS (
    SELECT * EXCLUDE (found_date) FROM finding_states WHERE found_time <= $moment
    QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY revision DESC, found_time DESC) = 1
), judged AS (
    SELECT finding_id, arg_max(state, triage_time) AS state, arg_max(reason, triage_time) AS reason
    FROM triage WHERE triage_time <= $moment GROUP BY finding_id
)
SELECT f.*, coalesce(j.state, 'open') AS state, j.reason FROM newest f LEFT JOIN judged j USING (finding_id)
WHERE NOT rollout AND event_time >= $since AND event_time < $until"""
_TOUCHING = """
SELECT f.*, coalesce(u.who, c.who, k.who, f.user_id, f.client, f.credential_id) AS principal
FROM findings f LEFT JOIN names u ON u.kind = 'human' AND u.name = f.user_id
LEFT JOIN names c ON c.kind = 'client' AND c.name = f.client
LEFT JOIN names k ON k.kind = 'credential' AND k.name = f.credential_id
WHERE coalesce(f.user_id, f.client, f.credential_id) IS NOT NULL
ORDER BY list_position(['critical', 'high', 'medium', 'low', 'info'], severity), p_value NULLS LAST, event_time,
         finding_id"""


def give_findings(world: World) -> None:
    """Make the table of the period's findings, as they were known and judged at the moment of the review."""
    asked = {"since": world.since, "until": world.until, "moment": world.moment}
    world.database.register("given_findings", world.lake.sql(_FINDINGS, asked).arrow())
    world.database.execute("CREATE TABLE findings AS FROM given_findings")
    world.database.unregister("given_findings")


def _findings(world: World) -> tuple[FindingNote, ...]:
    return tuple(made(FindingNote, row) for row in world.ask(_TOUCHING))


# --- regrouped items --------------------------------------------------------------------------------------------


def _cells(items: Sequence[Item]) -> tuple[Cell, ...]:
    """Return the matrix of principals and servers as granted."""
    found: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        if item.kind != "tool":
            found.setdefault((item.kind, item.principal, item.server_name), []).append(item)
    return tuple(_cell(key, held) for key, held in sorted(found.items()))


def _cell(key: tuple[str, str, str], held: Sequence[Item]) -> Cell:
    states = {state: sum(item.state is state for item in held) for state in State}
    return Cell(
        *key, states={state: n for state, n in states.items() if n}, grants=len(held),
        tools_granted=sum(item.reach for item in held),
        tools_used=sum(item.used_tools for item in held), calls=sum(item.calls for item in held),
        denied=sum(item.denied for item in held),
    )  # fmt: skip


_JIT_HOURS = 24.0


def _standing(world: World, items: Sequence[Item]) -> tuple[Standing, ...]:
    """Return how long grants stand, server by server."""
    if not items:
        return ()
    hours = [
        (i.expires_at - i.granted_at).total_seconds() / 3600 if i.expires_at and i.granted_at else None
        for i in items
    ]
    frame = pl.DataFrame({
        "server_name": [i.server_name for i in items], "stands": [i.standing for i in items], "hours": hours,
        "age": [float(i.age_days) if i.age_days is not None else None for i in items],
        "convertible": [i.convertible for i in items],
        "used_hours": [(i.windows or 0) * float(world.scope.window_hours) for i in items],
    }, schema_overrides={"hours": pl.Float64, "age": pl.Float64})  # fmt: skip
    jit = pl.col("hours").is_not_null() & (pl.col("hours") <= _JIT_HOURS)
    grouped = frame.group_by("server_name").agg(
        standing=pl.col("stands").sum(), jit=jit.sum(), bounded=(~pl.col("stands") & ~jit.fill_null(value=False)).sum(),
        convertible=pl.col("convertible").sum(), median_age_days=pl.col("age").filter("stands").median(),
        median_jit_hours=pl.col("hours").filter(jit).median(),
        median_jit_used_share=(pl.min_horizontal("used_hours", "hours") / pl.col("hours")).filter(jit).median(),
    )  # fmt: skip
    return tuple(made(Standing, row) for row in grouped.sort("server_name").iter_rows(named=True))
