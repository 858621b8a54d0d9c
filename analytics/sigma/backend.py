"""Sigma conditions as DuckDB conditions, every value bound.

A condition is true or false for every event, never null: in Sigma a field that is not there does not match, and so
its negation does. Text is compared without regard to case unless the rule says `cased` or `re`.
"""

# ruff: noqa: ARG002, D401  # pySigma calls these by kind of condition: each docstring says what the condition means

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, cast

import duckdb
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.conversion.base import Backend
from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaValueError
from sigma.rule import SigmaRule
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaFieldReference,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from analytics.sigma.fields import Field, field, text_fields

_Equals = ConditionFieldEqualsValueExpression
_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "NEQ": "!="}
_MANY = SpecialChars.WILDCARD_MULTI
_BETWEEN = "\x1f"
"""Stands between the fields a keyword is looked for in: a wildcard does not reach across it."""


class DuckdbBackend(Backend):
    """Converts conditions; `parameters` are the values to bind, `columns` the columns named so far."""

    name: ClassVar[str] = "Tooltrail DuckDB"

    def __init__(self) -> None:
        super().__init__()
        self.parameters: dict[str, Any] = {}
        self.columns: set[str] = set()

    def where(self, rule: SigmaRule) -> str:
        """Return the condition of a rule's detection; SigmaError says what cannot be said."""
        found = [self.convert_condition(c.parsed, ConversionState()) for c in rule.detection.parsed_condition]
        return " OR ".join(f"({sql})" for sql in found if sql)

    def bind(self, value: Any) -> str:
        """Keep a value to be bound and return its place in the SQL."""
        name = f"s{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def field(self, name: str) -> Field:
        """Return a field by the name a rule has for it."""
        found = field(name)
        self.columns.add(found.column)
        if found.path is None:
            return found
        return Field(
            f"json_extract_string({found.sql}, {self.bind(found.path)})", "text", found.column, found.path
        )

    # --- and, or, not ---------------------------------------------------------------------------------------------

    def convert_condition_or(self, cond: ConditionOR, state: ConversionState) -> Any:
        """Any of them."""
        return self._joined(" OR ", cond, state)

    def convert_condition_and(self, cond: ConditionAND, state: ConversionState) -> Any:
        """All of them."""
        return self._joined(" AND ", cond, state)

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> Any:
        """Not it; what is not known did not match."""
        return f"(NOT {self.convert_condition(cast('ConditionItem', cond.args[0]), state)})"

    def _joined(self, word: str, cond: ConditionItem, state: ConversionState) -> str:
        parts = [self.convert_condition(cast("ConditionItem", arg), state) for arg in cond.args]
        return "(" + word.join(part for part in parts if part) + ")"

    def convert_condition_as_in_expression(
        self, cond: ConditionOR | ConditionAND, state: ConversionState
    ) -> Any:
        """Never asked for: a list is an OR here."""
        return self._joined(" OR " if isinstance(cond, ConditionOR) else " AND ", cond, state)

    # --- a field and a value --------------------------------------------------------------------------------------

    def convert_condition_field_eq_val_str(self, cond: _Equals, state: ConversionState) -> Any:
        """Text, with wildcards, whatever its case."""
        return self._text(
            cond.field, lambda sql: self._like(sql, cast("SigmaString", cond.value), cased=False)
        )

    def convert_condition_field_eq_val_str_case_sensitive(self, cond: _Equals, state: ConversionState) -> Any:
        """Text, with wildcards, in this case."""
        value = cast("SigmaCasedString", cond.value)
        return self._text(cond.field, lambda sql: self._like(sql, value, cased=True))

    def convert_condition_field_eq_val_num(self, cond: _Equals, state: ConversionState) -> Any:
        """A number; in a text, its digits."""
        number = cast("SigmaNumber", cond.value).number
        known = self.field(cond.field)
        if known.kind == "number":
            return _sure(f"{known.sql} = {self.bind(number)}")
        return self._text(cond.field, lambda sql: f"{sql} = {self.bind(str(number))}")

    def convert_condition_field_eq_val_bool(self, cond: _Equals, state: ConversionState) -> Any:
        """True or false; in a text, the word."""
        word = str(cond.value).lower()
        return self._text(cond.field, lambda sql: f"lower({sql}) = {self.bind(word)}")

    def convert_condition_field_eq_val_timestamp_part(self, cond: _Equals, state: ConversionState) -> Any:
        """A part of a time in UTC."""
        part = cast("SigmaTimestampPart", cond.value)
        known = self.field(cond.field)
        if known.kind != "time":
            raise SigmaValueError(f"{cond.field} is no time: it has no {part.timestamp_part.name.lower()}")
        unit = self.bind(part.timestamp_part.name.lower())
        return _sure(f"date_part({unit}, {known.sql}) = {self.bind(part.number)}")

    def convert_condition_field_eq_val_re(self, cond: _Equals, state: ConversionState) -> Any:
        """A regular expression of RE2: without looking around and back-references."""
        pattern = self._pattern(cast("SigmaRegularExpression", cond.value))
        return self._text(cond.field, lambda sql: f"regexp_matches({sql}, {pattern})")

    def convert_condition_field_eq_val_cidr(self, cond: _Equals, state: ConversionState) -> Any:
        """An address inside a network."""
        network = self.bind(str(cast("SigmaCIDRExpression", cond.value).network))
        return self._text(cond.field, lambda sql: f"{IN_NETWORK}({sql}, {network})")

    def convert_condition_field_compare_op_val(self, cond: _Equals, state: ConversionState) -> Any:
        """A comparison of numbers; a text that is none does not match."""
        value = cast("SigmaCompareExpression", cond.value)
        operator, number = _OPERATORS[value.op.name], self.bind(float(value.number.number))
        known = self.field(cond.field)
        if known.kind == "number":
            return _sure(f"{known.sql} {operator} {number}")
        return self._text(cond.field, lambda sql: f"try_cast({sql} AS DOUBLE) {operator} {number}")

    def convert_condition_field_eq_field(self, cond: _Equals, state: ConversionState) -> Any:
        """Another field of the same event; of lists, any element."""
        reference = cast("SigmaFieldReference", cond.value)
        other = _as_text(self.field(reference.field))
        test = {
            (False, False): "{0} = {1}", (True, False): "starts_with({0}, {1})",
            (False, True): "suffix({0}, {1})", (True, True): "contains({0}, {1})",
        }[reference.starts_with, reference.ends_with]  # fmt: skip
        return self._text(cond.field, lambda sql: test.format(f"lower({sql})", f"lower({other})"))

    def convert_condition_field_eq_val_null(self, cond: _Equals, state: ConversionState) -> Any:
        """The field is not there."""
        return f"({self.field(cond.field).sql} IS NULL)"

    def convert_condition_field_exists(self, cond: _Equals, state: ConversionState) -> Any:
        """The field is there."""
        return f"({self.field(cond.field).sql} IS NOT NULL)"

    def convert_condition_field_not_exists(self, cond: _Equals, state: ConversionState) -> Any:
        """The field is not there."""
        return self.convert_condition_field_eq_val_null(cond, state)

    def convert_condition_field_eq_query_expr(self, cond: _Equals, state: ConversionState) -> Any:
        """Refuse SQL inside a rule."""
        raise SigmaValueError("a rule must not hold a query of its own")

    # --- a value without a field: anywhere ------------------------------------------------------------------------

    def convert_condition_val_str(self, cond: ConditionValueExpression, state: ConversionState) -> Any:
        """Find text anywhere in the event."""
        parts = list(cast("SigmaString", cond.value).s)
        _refuse_placeholders(cast("SigmaString", cond.value))
        cased = isinstance(cond.value, SigmaCasedString)
        if len(parts) == 1 and isinstance(parts[0], str):
            return _sure(_folded("contains", self._anywhere(), self.bind(parts[0]), cased=cased))
        pattern = ("" if cased else "(?i)") + _regexp(parts, anything=f"[^{_BETWEEN}]")
        return _sure(f"regexp_matches({self._anywhere()}, {self.bind(pattern)})")

    def convert_condition_val_num(self, cond: ConditionValueExpression, state: ConversionState) -> Any:
        """Find digits anywhere in the event."""
        return _sure(
            f"contains({self._anywhere()}, {self.bind(str(cast('SigmaNumber', cond.value).number))})"
        )

    def convert_condition_val_re(self, cond: ConditionValueExpression, state: ConversionState) -> Any:
        """Find what a regular expression fits anywhere in the event."""
        pattern = self._pattern(cast("SigmaRegularExpression", cond.value))
        return _sure(f"regexp_matches({self._anywhere()}, {pattern})")

    def convert_condition_query_expr(self, cond: ConditionValueExpression, state: ConversionState) -> Any:
        """Refuse SQL inside a rule."""
        raise SigmaValueError("a rule must not hold a query of its own")

    # --- correlations are whole questions: analytics/sigma/correlate.py -------------------------------------------

    def _unused(
        self, rule: SigmaCorrelationRule, output_format: str | None = None, method: str = ""
    ) -> list[Any]:
        raise NotImplementedError

    convert_correlation_event_count_rule = convert_correlation_value_count_rule = _unused
    convert_correlation_temporal_rule = convert_correlation_temporal_ordered_rule = _unused
    convert_correlation_value_sum_rule = convert_correlation_value_avg_rule = _unused
    convert_correlation_value_percentile_rule = convert_correlation_value_median_rule = _unused
    convert_correlation_extended_temporal_rule = convert_correlation_extended_temporal_ordered_rule = _unused

    # --- SQL ------------------------------------------------------------------------------------------------------

    def _text(self, name: str, test: Callable[[str], str]) -> str:
        known = self.field(name)
        if known.kind == "texts":
            return _sure(f"len(list_filter({known.sql}, lambda x: {test('x')})) > 0")
        return _sure(test(_as_text(known)))

    def _like(self, sql: str, value: SigmaString, *, cased: bool) -> str:
        _refuse_placeholders(value)
        parts = [
            part
            for i, part in enumerate(value.s)
            if part is not _MANY or i == 0 or value.s[i - 1] is not _MANY
        ]
        texts = [part for part in parts if isinstance(part, str)]
        if parts == [_MANY]:
            return f"{sql} IS NOT NULL"
        if len(texts) == len(parts) <= 1:
            return _folded("=", sql, self.bind("".join(texts)), cased=cased)
        test = {
            (_MANY, str, _MANY): "contains", (str, _MANY): "starts_with", (_MANY, str): "suffix",
        }.get(tuple(str if isinstance(part, str) else cast("SpecialChars", part) for part in parts))  # fmt: skip
        if test is not None:
            return _folded(test, sql, self.bind(texts[0]), cased=cased)
        pattern = ("(?s)" if cased else "(?is)") + _regexp(parts, anything=".")
        return f"regexp_full_match({sql}, {self.bind(pattern)})"

    def _pattern(self, value: SigmaRegularExpression) -> str:
        flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
        pattern = (f"(?{flags})" if flags else "") + str(value.regexp)
        try:
            duckdb.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
        except duckdb.Error as error:
            raise SigmaValueError(f"the regular expression is not of RE2: {error}") from error
        return self.bind(pattern)

    def _anywhere(self) -> str:
        fields = text_fields()
        self.columns |= {known.column for known in fields}
        texts = [f"array_to_string({f.sql}, chr(31))" if f.kind == "texts" else f.sql for f in fields]
        return f"concat_ws(chr(31), {', '.join(texts)})"


def _sure(sql: str) -> str:
    return f"coalesce({sql}, false)"


def _as_text(known: Field) -> str:
    if known.kind == "texts":
        return f"array_to_string({known.sql}, chr(31))"
    return known.sql if known.kind == "text" else f"CAST({known.sql} AS VARCHAR)"


def _folded(test: str, sql: str, value: str, *, cased: bool) -> str:
    left, right = (sql, value) if cased else (f"lower({sql})", f"lower({value})")
    return f"{left} = {right}" if test == "=" else f"{test}({left}, {right})"


def _regexp(parts: list[Any], *, anything: str) -> str:
    return "".join(
        re.escape(part) if isinstance(part, str) else anything + ("*" if part is _MANY else "")
        for part in parts
    )


def _refuse_placeholders(value: SigmaString) -> None:
    for part in value.s:
        if isinstance(part, Placeholder):
            raise SigmaValueError(f"the placeholder %{part.name}% stands for nothing here")


# --- networks -----------------------------------------------------------------------------------------------------

IN_NETWORK = "sigma_in_network"


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the function cidr conditions need; once or again."""
    try:
        connection.create_function(IN_NETWORK, _in_network, [str, str], bool)
    except duckdb.NotImplementedException:
        return  # it has it already


@lru_cache(maxsize=65_536)
def _in_network(address: str, network: str) -> bool:
    try:
        found = ip_address(address.strip().strip("[]"))
    except ValueError:
        return False
    whole = ip_network(network)
    mapped = getattr(found, "ipv4_mapped", None)
    return found in whole or (mapped is not None and mapped in whole)
