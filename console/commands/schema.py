"""Say what can be asked: tables, views, macros and columns."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output, rows_of


@click.command()
@click.argument("table", required=False)
@lake_option
@output_options
def command(table: str | None, place: Place, output: Output) -> None:
    r"""List the tables, views and macros, or the columns of TABLE and what they mean.

    Every lake has the same, so none has to be there.

    \b
    Example:
      tooltrail schema
      tooltrail schema events
    """
    from console import schema

    del place  # taken because every command takes --lake

    if output.chosen == "table" and table is not None:
        click.echo(schema.page(table))
        return
    rows = schema.relations() if table is None else schema.columns(table)
    output.write(rows_of(rows, list(rows[0])))
