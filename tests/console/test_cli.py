"""The door: fast, helpful about typos, and the same for every command."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from story import Run

from console.cli import FOLDER, cli, first_sentence

HEAVY = {"polars", "duckdb", "pyarrow", "kafka", "deltalake", "numpy", "rich", "prompt_toolkit", "jinja2"}


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = list(commands(cli))


def loaded(*arguments: str) -> set[str]:
    """Return the heavy libraries a command line loads."""
    code = f"import sys; sys.argv = ['tooltrail', *{list(arguments)!r}]\nfrom console.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += f"print('loaded', *({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(out.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["sql", "--help"], ["timeline", "--help"], ["nosuch"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help answers at once: heavy libraries load inside the command that needs them."""
    assert loaded(*arguments) == set()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("[a-z]*.py")), ids=lambda file: file.stem)
def test_the_list_of_commands_tells_the_truth(file: object) -> None:
    """The sentence read from a command's text is the one its help begins with."""
    name = file.stem.replace("_", "-")
    command = next(c for path, c in EVERY if path == (name,))
    assert (command.help or "").split("\n", 1)[0] == first_sentence(file)


@pytest.mark.parametrize(
    ("path", "command"), EVERY, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_one_sentence_and_an_example(path: tuple[str, ...], command: click.Command) -> None:
    """A stranger can copy something that works."""
    text = command.help or ""
    assert text.split("\n", 1)[0].endswith((".", "?")), path
    assert "\b" in text, path
    assert f"tooltrail {path[0]}" in text, path


@pytest.mark.parametrize("file", sorted(FOLDER.glob("[a-z]*.py")), ids=lambda file: file.stem)
def test_commands_are_short(file: object) -> None:
    """A command parses, calls the library and prints: 20 lines at most below its help."""
    functions = [
        n for n in ast.parse(file.read_text()).body if isinstance(n, ast.FunctionDef) and n.decorator_list
    ]
    lines = file.read_text().splitlines()
    lengths = {
        f.name: sum(1 for x in lines[f.body[0].end_lineno : f.end_lineno] if x.strip()) for f in functions
    }
    assert {name: n for name, n in lengths.items() if n > 20} == {}


def test_a_typo_gets_the_nearest_name(run: Run) -> None:
    """The nearest command or option is suggested, with exit code 2."""
    wrong = run("timelin")
    assert (wrong.returncode, "'timeline'" in wrong.stderr, wrong.stdout) == (2, True, "")
    assert "'--output'" in run("sql", "--outptu", "csv").stderr


def test_version(run: Run) -> None:
    """--version names the program and its version."""
    assert run("--version").stdout.startswith("tooltrail 0.")
