"""Print the transparency log by the hour."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.command()
@click.option("--from", "since", metavar="TIME", help="Only hours from this time on (UTC).")
@lake_option
@output_options
def command(*, since: str | None, place: Place, output: Output) -> None:
    r"""Print each hour of the log that is over: entries, events, files and the root, chained to the hour before.

    Keep the lines where who runs the lake cannot change them; `tooltrail verify --digest FILE` holds the log to them.

    \b
    Example:
      tooltrail digest --from 2026-10-01
      tooltrail digest --output ndjson > digests.ndjson
      tooltrail verify --digest digests.ndjson
    """
    from console.verifying import print_digests

    print_digests(place, output, since)
