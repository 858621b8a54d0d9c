"""List the clients that were seen."""

from __future__ import annotations

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@click.option("--new-since", "since", metavar="TIME", help="Only clients first seen from this time on (UTC).")
@as_of_option
@lake_option
@output_options
def command(*, since: str | None, as_of: str | None, place: Place, output: Output) -> None:
    r"""List the clients that were seen, the newest first: versions, users, servers, calls, denials, findings.

    A client is attested where an OAuth client id vouches for it, else it is only what it calls itself.

    \b
    Example:
      tooltrail clients
      tooltrail clients --new-since 2026-10-01 --output csv
    """
    from console.who import list_clients

    list_clients(place, output, since, as_of)
