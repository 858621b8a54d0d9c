"""The prompt of the shell: history, highlighting, completion, and Enter that waits for the semicolon."""

from __future__ import annotations

from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]

from console.schema import words
from console.shell import questions

SQL_WORDS = [
    *[
        "SELECT",
        "FROM",
        "WHERE",
        "LIMIT",
        "HAVING",
        "QUALIFY",
        "JOIN",
        "USING",
        "ON",
        "AS",
        "AND",
        "OR",
        "NOT",
        "IN",
        "BETWEEN",
        "LIKE",
        "ILIKE",
        "CASE",
    ],
    *["WHEN", "THEN", "ELSE", "END", "DISTINCT", "WITH", "DESC", "ASC", "INTERVAL", "TIMESTAMPTZ", "EXPLAIN"],
    *("GROUP BY ALL", "ORDER BY", "LEFT JOIN", "IS NULL", "IS NOT NULL", "UNION ALL", "FILTER (", "OVER ("),
    *("count(*)", "min(", "max(", "sum(", "avg(", "quantile_cont(", "date_trunc(", "coalesce(", "now()"),
    *("list_contains(", "list_has_any(", "starts_with("),
]


def completer() -> WordCompleter:
    """Return the completer of tables, views, macros, columns and SQL's own words."""
    named = words()
    return WordCompleter([*named, *SQL_WORDS], ignore_case=True, meta_dict=dict(named))


def complete_input(text: str) -> bool:
    """Tell whether Enter should submit: a dot command, nothing, or a question with its semicolon."""
    if not text.strip() or text.lstrip().startswith("."):
        return True
    found, rest = questions(text)
    return bool(found) and not rest.strip()


def make_session(history: Path) -> PromptSession[str]:
    """Return a prompt over many lines that submits when the input is complete."""
    keys = KeyBindings()

    @keys.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if complete_input(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return PromptSession(
        history=FileHistory(str(history)),
        lexer=PygmentsLexer(SqlLexer),
        completer=completer(),
        key_bindings=keys,
        multiline=True,
        prompt_continuation="      ...> ",
    )
