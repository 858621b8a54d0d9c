"""The shell: questions from a person or a pipe, answered one after another."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.asking import ask
from console.exits import report, say
from console.options import Place
from console.output import FORMATS, Output, rows_of
from store.errors import UsageError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

HELP = """\
A question ends with ; and may span lines. Ctrl-C stops a question, Ctrl-D leaves.

.schema           tables, views and macros
.schema NAME      columns of a table or view, or the SQL of a macro
.output FORMAT    table, json, ndjson, csv or parquet
.as-of VERSION    ask the lake as it was at a version or time; `.as-of now` for the present
.help             this
.quit             leave"""

# What may hold a semicolon that ends nothing: texts, names, comments; an open one reaches to the end.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)|;""",
    re.DOTALL,
)


def questions(text: str) -> tuple[list[str], str]:
    """Cut text at the semicolons that end questions; return the questions and what is still open."""
    found = []
    start = 0
    for match in _TOKEN.finditer(text):
        if match[0] == ";":
            found.append(text[start : match.start()].strip())
            start = match.end()
    return [q for q in found if q], text[start:]


class Shell:
    """Reads lines, answers questions, goes on after errors. `failed` says whether one from a pipe failed."""

    def __init__(self, place: Place, output: Output, as_of: str | None = None) -> None:
        self._place = place
        self._output = output
        self._as_of = as_of
        self._lake = place.open_to_ask()
        self._open = ""
        self.failed = False

    def run(self) -> None:
        """Read until the end of the input or .quit."""
        if sys.stdin.isatty():
            all(self.feed(line) for line in self._typed())
            self.failed = False  # who typed it has seen it
        elif all(self.feed(line) for line in sys.stdin) and self._open.strip():
            self._try(lambda: self._ask(self._open))

    def feed(self, line: str) -> bool:
        """Take one line (or several); return whether to go on."""
        if not self._open.strip() and line.strip().startswith("."):
            return self._command(line.split())
        found, self._open = questions(self._open + line)
        for question in found:
            self._try(lambda question=question: self._ask(question))  # type: ignore[misc]
        return True

    def _ask(self, question: str) -> None:
        ask(self._lake, self._place, self._output, question, self._as_of)

    def _command(self, words: list[str]) -> bool:
        name, argument = words[0], " ".join(words[1:])
        if name in {".quit", ".exit"}:
            return False
        known: dict[str, Callable[[str], None]] = {
            ".help": self._help, ".schema": self._schema,
            ".output": self._set_output, ".as-of": self._set_as_of,
        }  # fmt: skip
        self._try(lambda: known.get(name, self._unknown)(argument))
        return True

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BrokenPipeError:
            raise
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            say("stopped")
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is must be reported
            self.failed = True
            report(error)

    def _help(self, _argument: str) -> None:
        click.echo(HELP)

    def _unknown(self, _argument: str) -> None:
        raise UsageError("the shell has no such command", hint=".help lists them")

    def _schema(self, name: str) -> None:
        from console import schema

        if name and self._output.chosen == "table":
            click.echo(schema.page(name))
            return
        rows = schema.columns(name) if name else schema.relations()
        self._output.write(rows_of(rows, list(rows[0])))

    def _set_output(self, name: str) -> None:
        if name not in FORMATS:
            raise UsageError(f"there is no output {name!r}", hint=f"choose one of {', '.join(FORMATS)}")
        self._output = replace(self._output, format=name)

    def _set_as_of(self, when: str) -> None:
        self._as_of = None if when in {"", "now"} else when

    def _typed(self) -> Iterator[str]:
        from console.prompt import make_session

        say("SQL over the lake. .help for help, Ctrl-D to leave.")
        session: PromptSession[str] = make_session(history_file())
        while True:
            try:
                yield session.prompt("tooltrail> ") + "\n"
            except KeyboardInterrupt:
                self._open = ""
            except EOFError:
                return


def history_file() -> Path:
    """Return the file of past questions, readable for its owner only; it is the user's, not the lake's."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = state / "tooltrail"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "shell_history"
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    file.chmod(0o600)
    return file
