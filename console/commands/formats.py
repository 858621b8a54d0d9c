"""See which gateway formats are read, and try them on a file."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, adapters_option, lake_option, output_options
from console.output import Output, rows_of


@click.group()
def command() -> None:
    r"""See which gateway formats are read, and try them on a file.

    \b
    Example:
      tooltrail formats list
    """


@command.command(name="list")
@adapters_option
@lake_option
@output_options
def list_(adapters: tuple[Path, ...], place: Place, output: Output) -> None:
    r"""List the formats.

    \b
    Example:
      tooltrail formats list
    """
    from console import trial

    found = trial.adapters_in(place, adapters)
    output.write(
        rows_of(
            [trial.described(adapter) for adapter in found.values()], ("format", "summary", "recognised_by")
        )
    )


@command.command()
@click.argument("format_id", metavar="ID")
@adapters_option
@lake_option
def show(format_id: str, adapters: tuple[Path, ...], place: Place) -> None:
    r"""Say what a format is and how its records are recognised.

    \b
    Example:
      tooltrail formats show native
    """
    from console import trial

    click.echo(trial.page(trial.chosen(trial.adapters_in(place, adapters), format_id), adapters))


@command.command(name="try")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "format_id", metavar="ID", help="Read as this format instead of recognising it.")
@click.option(
    "--records",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="Try the first N.",
)
@click.option(
    "--skeleton",
    is_flag=True,
    help="Print a mapping file to begin with instead: for records of no format, else to add columns to theirs.",
)
@adapters_option
@lake_option
@output_options
def try_(
    *,
    file: Path,
    format_id: str | None,
    records: int,
    skeleton: bool,
    adapters: tuple[Path, ...],
    place: Place,
    output: Output,
) -> None:
    r"""Show what the first records of FILE would become, without storing anything.

    For each record: the format and why it was chosen, which came next, the columns it fills (secrets already
    taken out), what was not understood, and why it would be a dead letter; for one of no format the nearest.

    \b
    Example:
      tooltrail formats try sample_data/native/part-00000.ndjson
    """
    from console import trial

    known = trial.adapters_in(place, adapters)
    found = trial.first_records(file, records)
    if skeleton:
        click.echo(trial.written(found, known, format_id), nl=False)
        return
    trials = trial.attempt(found, known, format_id)
    trial.print_trials(trials, trial.remarks(found, trials, known), output)
