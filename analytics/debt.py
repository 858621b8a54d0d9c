"""Trust debt: how long credentials stood valid and unused where short-lived ones are proven to work.

In privileged idle key-days: days for which a standing credential was valid and not in use, times the weight of what it
reaches. docs/debt.md has the formula, what counts as what, and a worked example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from analytics import engine
from analytics.detecting.tool_classes import Overrides, classify, overrides
from analytics.timeline import text
from store.errors import UsageError

if TYPE_CHECKING:
    from store.lake import AsOf, Lake

BY = {"credential": "credential_id", "owner": "owner", "server": "server_name"}
"""What debt is summed by, and the column that names it."""
SENSITIVITY = {"private": 2.0, "write": 3.0, "sink": 4.0, "persistent": 4.0, "destructive": 5.0, "exec": 5.0}
"""What a tool of a class weighs; a tool of none of them, such as one that only reads, weighs 1."""
LONGEST = timedelta(hours=12, seconds=5)
"""A credential that lives no longer is short-lived."""
PROOF_DAYS = 90
PACE_DAYS = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class ShortLife:
    """How long a short-lived credential would live for one use: usually, and on single servers; a day at most."""

    usual: timedelta = timedelta(minutes=15)
    servers: Mapping[str, timedelta] | None = None

    def parameters(self) -> dict[str, Any]:
        """Return them for SQL, in seconds."""
        own = dict(self.servers or {})
        wrong = [str(life) for life in (self.usual, *own.values()) if not timedelta(0) < life <= _DAY]
        if wrong:
            raise UsageError(f"a short life is above zero and at most a day, not {wrong[0]}", where="[debt]")
        seconds = [life.total_seconds() for life in own.values()]
        return {"short_life": self.usual.total_seconds(), "servers": list(own), "seconds": seconds}


@dataclass(frozen=True)
class TrustDebt:
    """Debt of a period, from one version of the events. `keys` has a row for each standing credential.

    `unclassified` credentials could not be told long-lived from short-lived; `anonymous` calls named no credential.
    """

    version: int
    since: datetime
    until: datetime
    keys: pa.Table
    unclassified: int
    anonymous: int
    days: duckdb.DuckDBPyConnection

    def by(self, what: str) -> pa.Table:
        """Return debt, structural exposure, pace and days to zero, the greatest debt first.

        By credential also its dates, owner, weight, and the multipliers, which are not part of any number.
        """
        table = self.days.sql(_by(BY[what]), params=self._bounds).to_arrow_table()
        return self._with(table, text("debt_of_keys.sql")) if what == "credential" else table

    def weeks(self, what: str) -> pa.Table:
        """Return the burn-down: debt and structural exposure of each week, which begins on its Monday."""
        return self.days.sql(f"""
            SELECT date_trunc('week', day)::DATE AS week, {BY[what]}, sum(debt) AS debt, sum(structural) AS structural,
                   count(DISTINCT day) AS days, count(DISTINCT credential_id) AS credentials
            FROM days GROUP BY ALL ORDER BY ALL""").to_arrow_table()  # noqa: S608 - our own names

    def pay_first(self) -> pa.Table:
        """Return valid credentials by what a day's debt drops if they move to just-in-time, the most first.

        `left` is the pace of all debt, in key-days a day, once this one and those before it have moved.
        """
        return self._with(self.by("credential"), text("debt_pay_first.sql"))

    @cached_property
    def total(self) -> dict[str, Any]:
        """Return the sums of the whole: debt, structural, pace and days_to_zero."""
        rows = self.days.sql(_by("everything"), params=self._bounds).to_arrow_table().to_pylist()
        return rows[0] if rows else {"debt": 0.0, "structural": 0.0, "pace": 0.0, "days_to_zero": None}

    def _with(self, sums: pa.Table, question: str) -> pa.Table:
        with self.days.cursor() as cursor:
            cursor.register("sums", sums)
            return cursor.sql(question).to_arrow_table()

    @property
    def _bounds(self) -> dict[str, Any]:
        begins = max(self.since, _midnight(self.until - timedelta(microseconds=1)) - (PACE_DAYS - 1) * _DAY)
        whole = _midnight(self.since + _DAY - timedelta(microseconds=1))
        return {
            "pace_from": begins, "pace_days": max((self.until - begins) / _DAY, 1e-9),
            "whole_from": whole, "whole_to": _midnight(self.until),
        }  # fmt: skip


def debt(
    lake: Lake,
    since: datetime | None = None,
    until: datetime | None = None,
    short_life: ShortLife | None = None,
    as_of: AsOf = None,
) -> TrustDebt | None:
    """Return the trust debt between two times, or None if the lake holds no events then.

    The period is cut to the time of which the lake holds events: of any other nothing is known to be unused.
    """
    life = (short_life or ShortLife()).parameters()
    version = lake.snapshot("events", as_of).version
    seen = _ask(lake, version, _BOUNDS, {})
    [bounds] = seen.to_pylist()
    if bounds["first"] is None:
        return None
    begins = max(filter(None, (since, bounds["first"])))
    ends = min(filter(None, (until, bounds["last"] + timedelta(microseconds=1))))
    if begins >= ends:
        return None
    longest = {"until": ends, "longest": LONGEST.total_seconds()}
    known = _ask(lake, version, text("debt_credentials.sql"), longest)
    keys = _keys(known.filter(pc.equal(known["class"], "standing")).to_pylist(), begins, ends)
    unclassified = pc.sum(pc.equal(known["class"], "not said")).as_py() or 0
    anonymous = _ask(lake, version, _ANONYMOUS, {"since": begins, "until": ends})["calls"][0].as_py()
    connection = _days(lake, version, keys, (begins, ends), life, longest)
    return TrustDebt(version, begins, ends, keys, unclassified, anonymous, connection)


_BOUNDS = """
SELECT min(event_time) AS first, max(event_time) AS last FROM events WHERE event_date = event_time::DATE"""
_ANONYMOUS = """
SELECT count(*) AS calls FROM events WHERE event_time >= $since AND event_time < $until AND event_class = 'tool_call'
AND credential_id IS NULL"""
_KEYS = pa.schema([
    *((name, pa.string()) for name in ("credential_id", "owner", "kind", "issued", "ended")),
    *((name, pa.timestamp("us", tz="UTC")) for name in (
        "begins", "ends", "valid_from", "last_rotated", "expires_at", "revoked_at", "last_used")),
    *((name, pa.int64()) for name in ("uses", "users", "addresses", "cleartext")),
    ("sender_bound", pa.bool_()), ("live", pa.bool_()),
])  # fmt: skip


def _keys(rows: Sequence[dict[str, Any]], since: datetime, until: datetime) -> pa.Table:
    """Return standing credentials with the part of the period in which each was valid, and how that is known."""
    kept = []
    for row in rows:
        issued = row["issued_at"] is not None and row["issued_at"] <= row["first_seen"]
        begins = row["issued_at"] if issued else row["first_seen"]
        ends = min(filter(None, (row["expires_at"], row["revoked_at"])), default=None)
        how = "not known" if ends is None else "expires" if ends == row["expires_at"] else "revoked"
        kept.append(row | {
            "valid_from": begins, "begins": max(begins, since), "ends": min(filter(None, (ends, until))),
            "issued": "said" if issued else "first seen", "ended": how, "live": ends is None or ends > until,
        })  # fmt: skip
    return pa.Table.from_pylist([row for row in kept if row["ends"] > row["begins"]], _KEYS)


def _days(
    lake: Lake, version: int, keys: pa.Table, period: tuple[datetime, datetime], life: Mapping[str, Any],
    longest: Mapping[str, Any],
) -> duckdb.DuckDBPyConnection:  # fmt: skip
    """Return a DuckDB with what each credential owes each day for each server, in the table `days`."""
    ids = keys["credential_id"].to_pylist()
    bounds = {"since": period[0], "until": period[1]}
    covering = {"ids": ids, "begins": keys["begins"].to_pylist(), "ends": keys["ends"].to_pylist()}
    until = {"until": period[1]}
    given = {
        "keys": keys,
        "covered": _ask(lake, version, text("debt_covered.sql"), {**covering, **bounds, **life}),
        "proofs": _ask(lake, version, text("debt_proofs.sql"), {**bounds, **longest, "proof_days": PROOF_DAYS}),
        "tried": _ask(lake, version, text("debt_tried.sql"), {"ids": ids, **until}),
        "tools": _worth(_ask(lake, version, text("debt_tools.sql"), until), overrides(lake.path)),
    }  # fmt: skip
    connection = engine.connect()
    for name, table in given.items():
        connection.register(f"given_{name}", table)
        connection.execute(f"CREATE TABLE {name} AS FROM given_{name}")
        connection.unregister(f"given_{name}")
    connection.execute(text("debt_weights.sql"))
    connection.execute(text("debt_days.sql"), {"proof_days": PROOF_DAYS})
    return connection


_TOOLS = pa.schema([("server_name", pa.string()), ("tool_name", pa.string()), ("worth", pa.float64())])


def _worth(tools: pa.Table, told: Overrides) -> pa.Table:
    """Return what each tool weighs, by the gravest class it is of."""
    classes = classify(zip(*(column.to_pylist() for column in tools.columns), strict=True), told)
    rows = [
        row | {"worth": max((weight for name, weight in SENSITIVITY.items() if row[name]), default=1.0)}
        for row in classes.to_pylist()
    ]
    return pa.Table.from_pylist(rows, _TOOLS)


def _ask(lake: Lake, version: int, question: str, parameters: Mapping[str, Any]) -> pa.Table:
    return lake.sql(question, parameters or None, version).arrow()


def _by(column: str) -> str:
    return text("debt_by.sql").replace("{by}", column)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
