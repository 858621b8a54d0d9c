"""Sigma correlations as SQL that costs n log n: windows over sorted events, and no event joined with the others.

A correlation is evaluated at each event, over the timespan that ends with it (both ends included). It fires at the
first event that meets its condition, and for the same group again only after a whole timespan in which none did: a
flood is one finding. Events without a value to group by belong to no group.

`lt`, `lte`, `eq` and `neq` cannot be asked of a window that grows event by event, where they are true before they are
false. They are asked of stretches of one timespan since the epoch that are over.
"""

# ruff: noqa: S608  # the texts put together here are our own: every value of a rule is bound, every field a known column

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError, SigmaValueError
from sigma.rule import SigmaRule

from analytics.sigma.backend import DuckdbBackend

_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "EQ": "=", "NEQ": "!="}
_GROWING = ("GT", "GTE")
_KINDS = SigmaCorrelationType
_METRICS = {
    _KINDS.VALUE_COUNT: "count(DISTINCT value)",
    _KINDS.VALUE_SUM: "sum(value)",
    _KINDS.VALUE_AVG: "avg(value)",
}
_TICK = "INTERVAL 1 MICROSECOND"
LONGEST = 32 * 86_400
"""A longer timespan would have every run read more than a month."""


class NotSupportedError(SigmaError):
    """A rule asks for what is not computed here."""


@dataclass(frozen=True)
class Correlation:
    """SQL with the columns event_id, event_time, evidence and seen; and how far it looks back, in seconds."""

    sql: str
    seconds: int


def correlation(
    rule: SigmaCorrelationRule,
    backend: DuckdbBackend,
    matches: Callable[[SigmaRule], str],
    above: Sequence[SigmaCorrelationRule] = (),
) -> Correlation:
    """Return a correlation over what `matches` says of single rules; SigmaError says what cannot be said."""
    if any(rule is other for other in above):
        raise NotSupportedError("the correlation refers to itself")
    if rule.timespan.seconds > LONGEST:
        raise NotSupportedError(f"a timespan is at most {LONGEST // 86_400} days, not {rule.timespan.spec}")
    inner = [_source(ref, backend, matches, (*above, rule)) for ref in _references(rule)]
    rows = [_rows(rule, i, ref, source.sql, backend) for i, (ref, source) in enumerate(inner)]
    back = max(source.seconds for _, source in inner)
    return Correlation(_FORMS[rule.type](rule, rows, backend), 2 * rule.timespan.seconds + back)


def _references(rule: SigmaCorrelationRule) -> list[SigmaRuleReference]:
    found = list(rule.rules or rule.referenced_rules)
    if not found:
        raise NotSupportedError("the correlation names no rules")
    return found


def _source(
    reference: SigmaRuleReference,
    backend: DuckdbBackend,
    matches: Callable[[SigmaRule], str],
    above: Sequence[SigmaCorrelationRule],
) -> tuple[SigmaRuleReference, Correlation]:
    rule = reference.rule
    if isinstance(rule, SigmaCorrelationRule):
        below = correlation(rule, backend, matches, above)
        sql = f"SELECT e.*, c.evidence FROM ({below.sql}) c JOIN events e USING (event_id)"
        return reference, Correlation(sql, below.seconds)
    return reference, Correlation(f"SELECT *, [event_id] AS evidence FROM events WHERE {matches(rule)}", 0)


def _rows(
    rule: SigmaCorrelationRule,
    number: int,
    reference: SigmaRuleReference,
    source: str,
    backend: DuckdbBackend,
) -> str:
    """Return one rule's matches with its number, the values it is grouped by as g0, g1, ... and the value counted."""
    groups = [_group(rule, name, reference) for name in rule.group_by or []]
    found = [backend.field(name).sql for name in groups]
    columns = "".join(f", CAST({sql} AS VARCHAR) AS g{i}" for i, sql in enumerate(found))
    known = " AND ".join(f"{sql} IS NOT NULL" for sql in found) or "true"
    return (
        f"SELECT event_id, event_time, evidence, {number} AS rule{columns}, {_value(rule, backend)} AS value "
        f"FROM ({source}) WHERE {known}"
    )


def _group(rule: SigmaCorrelationRule, name: str, reference: SigmaRuleReference) -> str:
    alias = rule.aliases.aliases.get(name)
    if alias is None:
        return name
    named = next((f for ref, f in alias.mapping.items() if ref.rule is reference.rule), None)
    if named is None:
        raise SigmaValueError(f"the alias {name!r} says nothing of rule {reference.reference!r}")
    return named


def _value(rule: SigmaCorrelationRule, backend: DuckdbBackend) -> str:
    asked = rule.condition.fieldref if isinstance(rule.condition, SigmaCorrelationCondition) else None
    if asked is None:
        return "NULL"
    names = [asked] if isinstance(asked, str) else list(asked)
    found = [backend.field(name) for name in names]
    if rule.type is not _KINDS.VALUE_COUNT:
        return f"try_cast({found[0].sql} AS DOUBLE)"
    if len(found) == 1:
        return f"CAST({found[0].sql} AS VARCHAR)"
    known = " AND ".join(f"{one.sql} IS NOT NULL" for one in found)
    return f"CASE WHEN {known} THEN CAST([{', '.join(f'CAST({f.sql} AS VARCHAR)' for f in found)}] AS VARCHAR) END"


# --- windows ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Frame:
    """Names the groups and the timespan of a rule in SQL."""

    groups: tuple[str, ...]
    seconds: int

    @property
    def listed(self) -> str:
        return "".join(f", {g}" for g in self.groups)

    @property
    def by(self) -> str:
        return f"PARTITION BY {', '.join(self.groups)} " if self.groups else ""

    @property
    def span(self) -> str:
        return f"to_seconds({self.seconds})"

    @property
    def until(self) -> str:
        return f"({self.by}ORDER BY event_time RANGE BETWEEN {self.span} PRECEDING AND CURRENT ROW)"

    @property
    def before(self) -> str:
        return f"({self.by}ORDER BY event_time RANGE BETWEEN {self.span} PRECEDING AND {_TICK} PRECEDING)"

    @property
    def ever_before(self) -> str:
        return f"({self.by}ORDER BY event_time RANGE BETWEEN UNBOUNDED PRECEDING AND {_TICK} PRECEDING)"


def _frame(rule: SigmaCorrelationRule) -> _Frame:
    return _Frame(tuple(f"g{i}" for i in range(len(rule.group_by or ()))), rule.timespan.seconds)


def _first_of_each(frame: _Frame, met: str, columns: str) -> str:
    """Return the rows where a condition begins to be met, one for each moment and group."""
    return f"""
SELECT {columns} FROM (
    SELECT *, coalesce(bool_or(met) OVER {frame.before}, false) AS met_before FROM (SELECT *, ({met}) AS met FROM seen)
) WHERE met AND NOT met_before
QUALIFY row_number() OVER ({frame.by + "," if frame.groups else "PARTITION BY "} event_time ORDER BY place DESC) = 1"""


def _counting(rule: SigmaCorrelationRule, rows: Sequence[str], backend: DuckdbBackend) -> str:
    condition = rule.condition
    assert isinstance(condition, SigmaCorrelationCondition)
    metric = _METRICS.get(rule.type, "count(*)")
    met = f"seen {_OPERATORS[condition.op.name]} {backend.bind(condition.count)}"
    frame = _frame(rule)
    once = "" if len(rows) == 1 else "DISTINCT "
    matched = (
        f"SELECT {once}event_id, event_time, evidence, value{frame.listed} FROM ({' UNION ALL '.join(rows)})"
    )
    if rule.type is not _KINDS.EVENT_COUNT:
        matched = f"FROM ({matched}) WHERE value IS NOT NULL"
    if condition.op.name not in _GROWING:
        return _stretches(frame, matched, metric, met)
    kept = "true"
    if rule.type is _KINDS.EVENT_COUNT:
        kept = f"s.place > f.place - {backend.bind(int(condition.count) + (condition.op.name == 'GT'))}"
    return _growing(rule, frame, matched, metric, met, kept)


def _growing(
    rule: SigmaCorrelationRule, frame: _Frame, matched: str, metric: str, met: str, kept: str
) -> str:
    """Return where a sliding count first meets its condition, with the events it needs to.

    Windows of one group's findings overlap at most once, so that to unfold them costs no more than the events.
    """
    same = "".join(f" AND s.{g} = f.{g}" for g in frame.groups)
    once = "QUALIFY row_number() OVER (PARTITION BY f.event_id, s.value ORDER BY s.place DESC) = 1"
    return f"""
WITH matched AS ({matched}), seen AS (
    SELECT *, {metric} OVER {frame.until} AS seen, count(*) OVER {frame.until} AS held,
           row_number() OVER ({frame.by}ORDER BY event_time, event_id) AS place FROM matched
), firsts AS ({_first_of_each(frame, met, f"event_id, event_time, seen, held, place{frame.listed}")}
), unfolded AS (
    SELECT event_id, event_time, seen, place{frame.listed}, unnest(range(place - held + 1, place + 1)) AS at FROM firsts
), needed AS (
    SELECT f.event_id, f.event_time, f.seen, s.evidence, s.place FROM unfolded f JOIN seen s ON s.place = f.at{same}
    WHERE {kept} {once if rule.type is _KINDS.VALUE_COUNT else ""}
)
SELECT event_id, event_time, flatten(list(evidence ORDER BY place)) AS evidence, any_value(seen) AS seen
FROM needed GROUP BY event_id, event_time"""


def _stretches(frame: _Frame, matched: str, metric: str, met: str) -> str:
    """Return the stretches that are over and meet a condition that a growing count cannot be asked."""
    return f"""
SELECT arg_max(event_id, (event_time, event_id)) AS event_id, max(event_time) AS event_time,
       flatten(list(evidence ORDER BY event_time, event_id)) AS evidence, {metric} AS seen
FROM (SELECT *, time_bucket({frame.span}, event_time, TIMESTAMPTZ 'epoch') AS stretch FROM ({matched}))
GROUP BY stretch{frame.listed}
HAVING {met} AND stretch + {frame.span} <= least(now(), $to + INTERVAL 1 MICROSECOND)"""


# --- several rules ------------------------------------------------------------------------------------------------


def _one_a_moment(frame: _Frame, rows: Sequence[str]) -> str:
    """Return of each rule, group and moment one match: which of several does not matter, but must not change."""
    return f"""
SELECT rule, event_time{frame.listed}, min(event_id) AS event_id, arg_min(evidence, event_id) AS evidence
FROM ({" UNION ALL ".join(rows)}) GROUP BY ALL"""


def _temporal(rule: SigmaCorrelationRule, rows: Sequence[str], backend: DuckdbBackend) -> str:
    frame = _frame(rule)
    match = "CASE WHEN rule = {0} THEN {{'t': event_time, 'e': evidence}} END"
    last = ", ".join(
        f"last_value({match.format(i)} IGNORE NULLS) OVER {frame.until} AS r{i}" for i in range(len(rows))
    )
    there = [f"r{i} IS NOT NULL" for i in range(len(rows))]
    parts = ", ".join(f"r{i}" for i in range(len(rows)))
    met = _present(rule, there, backend)
    return f"""
WITH matched AS ({_one_a_moment(frame, rows)}), seen AS (
    SELECT *, {last}, rule AS place FROM matched
), firsts AS ({_first_of_each(frame, met, f"event_id, event_time, [{parts}] AS parts")})
SELECT event_id, event_time, flatten(list_transform(list_sort(list_filter(parts, lambda p: p IS NOT NULL)),
       lambda p: p.e)) AS evidence, len(list_filter(parts, lambda p: p IS NOT NULL)) AS seen FROM firsts"""


def _present(rule: SigmaCorrelationRule, there: Sequence[str], backend: DuckdbBackend) -> str:
    condition = rule.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        places = {id(ref.rule): there[i] for i, ref in enumerate(_references(rule))}
        names = {ref.reference: there[i] for i, ref in enumerate(_references(rule))}
        return _said(condition.parsed, lambda ref: names.get(ref.reference) or places[id(ref.rule)])
    total = " + ".join(f"({one})::INT" for one in there)
    return f"{total} {_OPERATORS[condition.op.name]} {backend.bind(condition.count)}"


def _said(
    node: CorrelationConditionItem | SigmaRuleReference, there: Callable[[SigmaRuleReference], str]
) -> str:
    if isinstance(node, SigmaRuleReference):
        return f"({there(node)})"
    parts = [_said(arg, there) for arg in node.args]
    if isinstance(node, CorrelationConditionNOT):
        return f"(NOT {parts[0]})"
    return "(" + (" AND " if isinstance(node, CorrelationConditionAND) else " OR ").join(parts) + ")"


def _ordered(rule: SigmaCorrelationRule, rows: Sequence[str], _backend: DuckdbBackend) -> str:
    """Return where a chain of all rules, each strictly later than the one before, ends within the timespan.

    Of the chains that end at an event the one that began last is the shortest; a later end of the same rules never
    began earlier. So the newest chain of the rules before is the only one to go on from.
    """
    condition = rule.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition) or (
        condition.op.name not in ("GTE", "EQ") or condition.count != len(rows)
    ):
        raise NotSupportedError("temporal_ordered is of all its rules: it takes no condition of its own")
    frame = _frame(rule)
    steps = [
        "c0 AS (SELECT *, CASE WHEN rule = 0 THEN {'s': event_time, 'e': evidence} END AS chain0 FROM matched)"
    ]
    steps += [_step(i, frame) for i in range(1, len(rows))]
    last = len(rows) - 1
    met = f"chain{last} IS NOT NULL AND event_time - chain{last}.s <= {frame.span}"
    return f"""
WITH matched AS ({_one_a_moment(frame, rows)}), {", ".join(steps)}, seen AS (SELECT *, rule AS place FROM c{last}),
firsts AS ({_first_of_each(frame, met, f"event_id, event_time, chain{last}.e AS evidence")})
SELECT *, {len(rows)} AS seen FROM firsts"""


def _step(i: int, frame: _Frame) -> str:
    """Return the step of a chain that goes on with rule i from the newest chain of those before it."""
    before = f"last_value(chain{i - 1} IGNORE NULLS) OVER {frame.ever_before}"
    return f"""p{i} AS (SELECT *, {before} AS before{i} FROM c{i - 1}),
c{i} AS (SELECT *, CASE WHEN rule = {i} AND before{i} IS NOT NULL
         THEN {{'s': before{i}.s, 'e': before{i}.e || evidence}} END AS chain{i} FROM p{i})"""


def _refused(rule: SigmaCorrelationRule, _rows: Sequence[str], _backend: DuckdbBackend) -> str:
    raise NotSupportedError(f"{rule.type.name.lower()} is not computed here: event_count, value_count, value_sum, "
                            "value_avg, temporal and temporal_ordered are")  # fmt: skip


_FORMS = {
    _KINDS.EVENT_COUNT: _counting, _KINDS.VALUE_COUNT: _counting, _KINDS.VALUE_SUM: _counting,
    _KINDS.VALUE_AVG: _counting, _KINDS.TEMPORAL: _temporal, _KINDS.TEMPORAL_ORDERED: _ordered,
    _KINDS.VALUE_PERCENTILE: _refused, _KINDS.VALUE_MEDIAN: _refused,
}  # fmt: skip
