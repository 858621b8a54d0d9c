"""Look at records that became no row, and try them again."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, adapters_option, as_of_option, lake_option, output_options
from console.output import Output


@click.group()
def command() -> None:
    r"""Look at records that became no row, and try them again.

    \b
    Example:
      tooltrail deadletters list
    """


@command.command(name="list")
@click.option(
    "--phase", metavar="NAME", help="Only those that failed here: framing, detect, parse, validate."
)
@as_of_option
@lake_option
@output_options
def list_(phase: str | None, as_of: str | None, place: Place, output: Output) -> None:
    r"""List dead letters, the newest first.

    \b
    Example:
      tooltrail deadletters list --limit 20
    """
    from console import letters

    output.write(letters.listed(place.open_to_ask(), phase, as_of))


@command.command()
@click.argument("dead_id", metavar="ID")
@as_of_option
@lake_option
@output_options
def show(dead_id: str, as_of: str | None, place: Place, output: Output) -> None:
    r"""Print one dead letter whole: its place, what was wrong, and the record with its secrets taken out.

    ID may be the beginning of one.

    \b
    Example:
      tooltrail deadletters show 3f2a
    """
    from console import letters

    letters.print_letter(letters.one(place.open_to_ask(), dead_id, as_of), output)


@command.command()
@click.argument("dead_ids", metavar="[ID]...", nargs=-1)
@adapters_option
@lake_option
@output_options
def replay(dead_ids: tuple[str, ...], adapters: tuple[Path, ...], place: Place, output: Output) -> None:
    r"""Read dead letters again, all of them or those named, as after an adapter was mended.

    \b
    Example:
      tooltrail deadletters replay --adapters DIR
    """
    from console import letters

    output.write(letters.replayed(place, dead_ids, adapters))
