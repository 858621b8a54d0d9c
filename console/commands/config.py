"""Show the configuration in force."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output, rows_of


@click.group()
def command() -> None:
    r"""Show the configuration in force.

    \b
    Example:
      tooltrail config show
    """


@command.command()
@lake_option
@output_options
def show(place: Place, output: Output) -> None:
    r"""Print every setting, its value, and where the value came from; secrets are only said to be set.

    \b
    Example:
      TOOLTRAIL_INGEST_FLUSH_SECONDS=1s tooltrail config show
    """
    from console.configuration import named_rows, setting_rows
    from store.door import policy
    from store.settings import find_file

    names = ("setting", "value", "origin", "meaning")
    file = find_file(place.path, place.config)
    rows = [*setting_rows(place.settings()), *named_rows(file), *policy.shown(policy.read(file))]
    output.write(rows_of(rows, names[:3] if output.chosen == "table" else names))
