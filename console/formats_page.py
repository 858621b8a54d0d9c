"""docs/formats.md: what each format can and cannot tell, computed from the samples and the rows they become."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path
from textwrap import fill
from typing import Any

from console.recognised import ways
from console.trial import attempt
from ingest.catalog import BUILT_IN, load_adapters
from ingest.parsed import Adapter
from store.events import BY_NAME

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
"""A folder for each format: `sample.*` with its records, `expected.json` with the rows they become."""
_LONGEST_EXAMPLE = 1600
_ALWAYS = {name for name, column in BY_NAME.items() if column.required} | {"parse_warnings", "unmapped"}
"""Columns that say nothing of what a format can tell."""

Row = Mapping[str, Any]
Cell = Callable[[Sequence[Row]], str]

_INTRODUCTION = """# Formats

What is read, and what each log can and cannot tell. Several formats may be mixed in a file or topic: each record is
recognised by its own top-level keys. `tooltrail formats try FILE` shows what your records would become and why;
`tooltrail formats show ID` prints a format's notes. Fields of your own and formats of your own need no code:
[mapping files](mapping.md).

The tables are computed from the rows that each format's sample becomes (`tests/golden`). A dash says that no record
of the sample tells it: most often because nothing in the format can, sometimes because it must be switched on; the
section of the format says which. Without arguments and results in the log, nothing can be said about where values
went; without a session id, there is no `session_key`. Neither is guessed.
"""


def formats_page() -> str:
    """Return docs/formats.md."""
    adapters = load_adapters()
    rows = {name: golden_rows(name) for name, adapter in sorted(adapters.items()) if adapter.among is None}
    parts = [_INTRODUCTION]
    for title, cells in MATRIX.items():
        parts.append(f"\n## {title}\n\n{_matrix(rows, cells)}\n")
    parts += [_section(adapters[name], rows[name], adapters) for name in rows]
    return "".join(parts)


def golden_rows(name: str) -> list[Row]:
    """Return the rows a format's sample becomes, none when it has no sample."""
    file = GOLDEN / name / "expected.json"
    found: list[Row] = json.loads(file.read_text("utf-8"))["rows"] if file.exists() else []
    return found


# --- the matrix -------------------------------------------------------------------------------------------------


def _any(*columns: str) -> Cell:
    """Return a cell that says yes when some row has one of the columns."""
    return lambda rows: "yes" if any(row.get(c) is not None for row in rows for c in columns) else "–"


def _all_of(*columns: str) -> Cell:
    """Return a cell that names which of the columns are told."""

    def cell(rows: Sequence[Row]) -> str:
        told = [c.split("_")[0] for c in columns if any(row.get(c) is not None for row in rows)]
        return "yes" if len(told) == len(columns) else " ".join(told) or "–"

    return cell


def _strongest(column: str, order: Sequence[str], when: Callable[[Row], bool] = lambda _: True) -> Cell:
    """Return a cell with the first word of `order` that a row has."""

    def cell(rows: Sequence[Row]) -> str:
        found = {row.get(column) for row in rows if when(row)}
        return next((word.replace("_", " ") for word in order if word in found), "–")

    return cell


def _words(column: str, but: Iterable[str] = ()) -> Cell:
    """Return a cell with all words of a column."""

    def cell(rows: Sequence[Row]) -> str:
        words = {row.get(column) for row in rows} - {None, *but}
        return ", ".join(sorted(str(word).replace("_", " ") for word in words)) or "–"

    return cell


def _ending(rows: Sequence[Row]) -> str:
    """Name which endings of a tool call are told: that it succeeded, and that the tool itself failed."""
    calls = [row for row in rows if row.get("event_kind") == "tool_call"]
    return _words("outcome", but=set(BY_NAME["outcome"].enum) - {"success", "tool_error"})(calls)


def _session(rows: Sequence[Row]) -> str:
    kinds = _words("session_kind", but=("none",))(rows)
    return _any("session_id")(rows) if kinds == "–" else kinds


_ASSURANCE = ("verified", "proxy_asserted", "self_reported", "inferred")

MATRIX: dict[str, dict[str, Cell]] = {
    "Who, with what, in which session": {
        "user": _any("user_id", "user_email", "user_name"),
        "established how": _strongest("user_assurance", _ASSURANCE),
        "client app": _any("client_name"),
        "OAuth client": _any("client_oauth_id"),
        "auth method": _any("auth_method"),
        "credential": _any("credential_id"),
        "agent or model": _any("agent_id", "agent_name", "model_name"),
        "session": _session,
        "conversation": _any("conversation_id"),
        "trace id": _any("trace_id"),
        "request id": _any("http_request_id", "jsonrpc_id"),
    },
    "What was called, decided and answered": {
        "seen from": _words("vantage"),
        "server, tool": _all_of("server_name", "tool_name"),
        "arguments": _any("arguments"),
        "result": _any("result"),
        "denials": _strongest("decision_basis", ("explicit", "strong", "weak"), lambda r: r.get("decision") == "deny"),
        "who decided": _words("decision_source", but=("unknown",)),
        "reason": _any("decision_reason"),
        "policy": _any("policy_id"),
        "endings told": _ending,
        "latency": _any("duration_ms"),
    },
}  # fmt: skip
"""What is asked of each format, and how its rows answer."""


def _matrix(rows: Mapping[str, Sequence[Row]], cells: Mapping[str, Cell]) -> str:
    lines = [f"| format | {' | '.join(cells)} |", f"|---|{'---|' * len(cells)}"]
    for name, found in rows.items():
        answers = " | ".join(cell(found) for cell in cells.values())
        lines.append(f"| [`{name}`](#{name}) | {answers} |")
    return "\n".join(lines)


# --- a format ---------------------------------------------------------------------------------------------------


def _section(adapter: Adapter, rows: Sequence[Row], adapters: Mapping[str, Adapter]) -> str:
    notes = _notes(adapter)
    names = [name for name in (*BY_NAME, "arguments", "result", "session_id") if name not in _ALWAYS]
    filled = [name for name in names if any(name in row for row in rows)]
    parts = [
        f"\n## {adapter.id}\n\n{adapter.summary}\n\n{_wrapped(_recognised(adapter))}\n",
        f"\n{notes}\n" if notes else "",
        _example(adapter, adapters),
        f"\n{_wrapped('Its sample fills ' + ', '.join(filled))}.\n" if filled else "",
    ]
    return "".join(parts)


def _recognised(adapter: Adapter) -> str:
    texts = [way if way.startswith("it ") else f"{way} says so" for way in ways(adapter, "`")]
    return f"A record is recognised when {', or when '.join(texts)}."


def _wrapped(text: str) -> str:
    return fill(text, 110, break_long_words=False, break_on_hyphens=False)


def _notes(adapter: Adapter) -> str:
    """Return the docstring of an adapter's module."""
    file = BUILT_IN / f"{adapter.id}.py"
    return cleandoc(ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "") if file.exists() else ""


def _example(adapter: Adapter, adapters: Mapping[str, Adapter]) -> str:
    """Return a record of the sample that is recognised by itself and read, a denial if there is one."""
    samples = sorted((GOLDEN / adapter.id).glob("sample.*"))
    lines = [line for line in samples[0].read_bytes().split(b"\n") if line] if samples else []
    tried = zip(lines, attempt(lines, adapters), strict=True)
    read = [(raw, trial) for raw, trial in tried if trial.format == adapter.id and not trial.rejected]
    if not read:
        return ""
    short = [pair for pair in read if len(pair[0]) <= _LONGEST_EXAMPLE] or [
        min(read, key=lambda p: len(p[0]))
    ]
    denied = [raw for raw, trial in short if any(row["decision"] == "deny" for row in trial.rows)]
    raw = (denied or [raw for raw, _ in short])[0]
    language = "json" if raw.startswith(b"{") else "text"
    return f"\n```{language}\n{raw.decode()}\n```\n"
