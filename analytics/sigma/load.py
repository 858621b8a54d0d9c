"""Read a folder of Sigma rules as detections; what is wrong with one stops none of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.rule import SigmaRule

from analytics.detecting.catalog import Detection
from analytics.detecting.world import relation
from analytics.sigma import backend as sql
from analytics.sigma.backend import DuckdbBackend
from analytics.sigma.correlate import correlation
from analytics.sigma.fields import DERIVED, where
from analytics.sigma.regexes import POLICY

Rule = SigmaRule | SigmaCorrelationRule
_SEVERITY = {
    "INFORMATIONAL": "info",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "CRITICAL": "critical",
}
_CONFIDENCE = {"STABLE": 0.8, "TEST": 0.6}
"""What a rule's status says of it; any other is 0.5, and experimental or worse is 0.4."""
_DOUBTFUL = {"EXPERIMENTAL": 0.4, "DEPRECATED": 0.4, "UNSUPPORTED": 0.4}

_FOUND = """
SELECT x.key, x.event_time, x.evidence, x.seen, {entities},
       $s_title || coalesce(': ' || x.seen || $s_what || ' within ' || $s_span, '') || $s_doubt AS explanation
FROM ({found}) x JOIN (
    SELECT key, {shared} FROM (SELECT key, unnest(evidence) AS event_id FROM ({found}))
    JOIN events USING (event_id) GROUP BY key
) y USING (key) ORDER BY x.event_time, x.key"""


class _ForeignError(Exception):
    """A rule is about another product."""


@dataclass
class Rules:
    """The detections of a folder; `problems` are lines that name file and rule; `foreign` counts other products."""

    detections: list[Detection] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    foreign: dict[str, int] = field(default_factory=dict)


def load(folder: Path) -> Rules:
    """Return what the .yml and .yaml files under a folder hold."""
    found = Rules()
    rules: list[Any] = []
    for file in sorted((*folder.rglob("*.yml"), *folder.rglob("*.yaml"))):
        rules += _read(file, found)
    taken: dict[str, str] = {}
    for rule in _resolved(rules, found):
        name, place = _name(rule), _place(rule)
        if name in taken:
            found.problems.append(f"{place}, {rule.title}: there is a rule {name} already, in {taken[name]}")
            continue
        taken[name] = place
        try:
            found.detections.append(_detection(rule, name))
        except _ForeignError as error:
            found.foreign[str(error)] = found.foreign.get(str(error), 0) + 1
        except Exception as error:  # noqa: BLE001 - a rule is untrusted: whatever it breaks is said, and stops no other
            found.problems.append(f"{place}, {rule.title}: {_reason(error)}")
    return found


# --- reading ------------------------------------------------------------------------------------------------------


def _read(file: Path, found: Rules) -> list[Any]:
    """Return the rules of one file that can be read; the rest becomes problems."""
    try:
        documents = [d for d in yaml.safe_load_all(file.read_text("utf-8")) if d is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        found.problems.append(f"{file}: it is no YAML: {' '.join(str(error).split())}")
        return []
    try:
        given = SigmaCollection.from_dicts(
            documents,
            collect_errors=True,
            source=SigmaRuleLocation(file),
            collect_filters=True,
            resolve_references=False,
            policy=POLICY,
        )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - a reader of foreign YAML: whatever it trips over is the file's fault
        found.problems.append(f"{file}: it is no Sigma rule: {_reason(error)}")
        return []
    titles = {id(wrong): rule.title for rule in given.rules for wrong in rule.errors}
    for wrong in given.errors:
        named = f", {titles[id(wrong)]}" if titles.get(id(wrong)) else ""
        found.problems.append(f"{file}{named}: {_reason(wrong)}")
    kept = [rule for rule in given.rules if not rule.errors]
    for rule in kept:
        rule.source = SigmaRuleLocation(file)
    return [*kept, *(one for one in given.filters if not one.errors)]


def _resolved(rules: list[Any], found: Rules) -> Iterator[Rule]:
    """Yield the rules with filters applied, those that lack a rule they refer to left out and told."""
    whole = SigmaCollection(rules, resolve_references=False)
    known = []
    for rule in whole.rules:
        try:
            if isinstance(rule, SigmaCorrelationRule):
                rule.resolve_rule_references(whole)
                rule.aliases.resolve_rule_references(whole)
            known.append(rule)
        except SigmaError as error:
            found.problems.append(f"{_place(rule)}, {rule.title}: {_reason(error)}")
    yield from (rule for rule in known if rule._output)  # noqa: SLF001 - pySigma has no other name for it


def _name(rule: Rule) -> str:
    """Return what findings call a rule: its id or name, else its title."""
    slug = re.sub(r"[^a-z0-9]+", "_", rule.title.lower()).strip("_")
    return f"sigma_{rule.id or rule.name or slug}"


def _place(rule: Rule) -> str:
    return str(rule.source.path) if rule.source is not None else rule.title


def _reason(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(re.sub(r": b'(.*)'$", r": \1", text).split())  # RE2 tells in bytes


# --- a rule as a detection ----------------------------------------------------------------------------------------


def _detection(rule: Rule, name: str) -> Detection:
    backend = DuckdbBackend()
    seconds = 0
    if isinstance(rule, SigmaCorrelationRule):
        made = correlation(rule, backend, partial(_matches, backend))
        seconds = made.seconds
        found = f"""SELECT event_id AS key, event_time, evidence, seen FROM ({made.sql})
WHERE event_id IN (SELECT event_id FROM events WHERE fresh)"""  # noqa: S608 - our own SQL, every value bound
    else:
        found = f"""SELECT event_id AS key, event_time, [event_id] AS evidence, NULL::BIGINT AS seen FROM events
WHERE fresh AND {_matches(backend, rule)}"""  # noqa: S608 - our own SQL, every value bound
    values = {**backend.parameters, **_words(rule)}
    status = rule.status.name if rule.status else ""
    return Detection(
        id=name,
        title=rule.title,
        severity=_SEVERITY[rule.level.name] if rule.level else "medium",
        confidence={**_CONFIDENCE, **_DOUBTFUL}.get(status, 0.5),
        why=rule.description or rule.title,
        next=f"Read the rule in {_place(rule)}.",
        false_positives=tuple(str(one) for one in rule.falsepositives),
        requires=(),
        explain="{explanation}",
        tags=tuple(f"{tag.namespace}.{tag.name}" for tag in rule.tags),
        lookback_hours=max(1.0, seconds / 3600),
        columns=tuple(sorted(backend.columns - set(DERIVED))),
        find=partial(_find, _framed(found), values),
    )


def _matches(backend: DuckdbBackend, rule: SigmaRule) -> str:
    """Return the condition of a rule and its log source."""
    if (source := where(rule.logsource)) is None:
        raise _ForeignError(rule.logsource.product or rule.logsource.service or "no product")
    condition, values = source
    for key, value in values.items():
        condition = condition.replace(f"${key}", backend.bind(value))
    return f"{condition} AND ({backend.where(rule)})"


def _words(rule: Rule) -> dict[str, Any]:
    doubt = "; ".join(
        str(one) for one in rule.falsepositives if str(one).strip().lower() not in ("unknown", "none")
    )
    words = {
        "s_title": rule.title,
        "s_doubt": f" (it may be: {doubt})" if doubt else "",
        "s_what": "",
        "s_span": "",
    }
    if isinstance(rule, SigmaCorrelationRule):
        asked = rule.condition.fieldref if isinstance(rule.condition, SigmaCorrelationCondition) else None
        what = f" ({rule.type.name.lower()} of {asked})" if asked else " events"
        if rule.type.name.startswith("TEMPORAL"):
            what = " rules"
        by = f" by {', '.join(rule.group_by)}" if rule.group_by else ""
        words |= {"s_what": what, "s_span": rule.timespan.spec + by}
    return words


def _framed(found: str) -> str:
    """Return matches with whatever entities all events of the evidence share."""
    names = ("user_id", "client", "credential_id", "server_name", "tool_name", "session")
    shared = ", ".join(
        f"CASE WHEN count({n}) = count(*) AND min({n}) = max({n}) THEN min({n}) END AS {n}" for n in names
    )
    entities = ", ".join(f"y.{n}" for n in names)
    return (f"WITH found AS MATERIALIZED ({found})"
            + _FOUND.format(found="FROM found", entities=entities, shared=shared))  # fmt: skip


def _find(
    question: str,
    values: Mapping[str, Any],
    connection: duckdb.DuckDBPyConnection,
    parameters: Mapping[str, Any],
) -> duckdb.DuckDBPyRelation:
    sql.register(connection)
    return relation(connection, question, {**parameters, **values})
