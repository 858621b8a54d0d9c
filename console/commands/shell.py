"""Ask one question after another."""

from __future__ import annotations

import click

from console.exits import Exit
from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@as_of_option
@lake_option
@output_options
@click.pass_context
def command(context: click.Context, as_of: str | None, place: Place, output: Output) -> None:
    r"""Ask one question after another, with completion, highlighting and history.

    A question ends with a semicolon and may span lines. An error does not end the shell. Questions from a
    pipe are answered too; the exit code is then 1 if one of them failed.

    \b
    Example:
      tooltrail shell
      echo "FROM tool_calls LIMIT 5;" | tooltrail shell --output csv
    """
    from console.shell import Shell

    shell = Shell(place, output, as_of)
    shell.run()
    context.exit(Exit.FAILED if shell.failed else Exit.DONE)
