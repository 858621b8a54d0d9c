"""The door: finds the commands in console/commands and loads one only when it is asked for."""

from __future__ import annotations

import ast
import gc
import importlib
import os
import sys
from functools import cache
from pathlib import Path

import click

from console.exits import leave, run

FOLDER = Path(__file__).with_name("commands")


class Commands(click.Group):
    """The command group whose registry is the folder: name = file stem, `_` as `-`.

    Listing the commands reads their files' text only, so that `tooltrail --help` imports nothing heavy.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(file.stem.replace("_", "-") for file in FOLDER.glob("[a-z]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"console.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        command.name = cmd_name
        _mark_examples(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command asked for; a misspelt one gets the nearest names."""
        if args[0] not in (names := self.list_commands(ctx)) and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=names, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the first sentence of its help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(_file(name))) for name in self.list_commands(ctx)])


def _file(name: str) -> Path:
    return FOLDER / f"{name.replace('-', '_')}.py"


def _mark_examples(command: click.Command) -> None:
    r"""Turn a `\b` line of a raw docstring into click's mark for text that is not to be re-wrapped."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for child in command.commands.values() if isinstance(command, click.Group) else ():
        _mark_examples(child)


@cache
def first_sentence(file: Path) -> str:
    """Return the first line of a command's help without importing it."""
    tree = ast.parse(file.read_text("utf-8"))
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "command"]
    text = ast.get_docstring(functions[0] if functions else tree) or ""
    return text.split("\n", 1)[0]


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"tooltrail {version('tooltrail')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `tooltrail demo`. Each command's --help has an example to copy.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and stop.",
)
def cli() -> None:
    """Turn MCP gateway logs into evidence, and question it in SQL."""


_NEW_OBJECTS = 50_000
"""So many make Python look for cycles: a command makes rows by ten thousands, none of them in one."""


def main() -> None:
    """Run the command line and exit with one of the documented codes. What it writes is for its user alone."""
    os.umask(0o077)
    gc.set_threshold(_NEW_OBJECTS)
    leave(run(_start))


def _start() -> object:
    """Run click without its own handling of signals and pipes: console/exits.py maps every ending."""
    if "_TOOLTRAIL_COMPLETE" in os.environ:
        return cli.main(prog_name="tooltrail")
    with cli.make_context("tooltrail", sys.argv[1:]) as context:
        return cli.invoke(context)


if __name__ == "__main__":
    main()
