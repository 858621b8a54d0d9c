"""List stitched sessions."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.command()
@click.option("--user", metavar="NAME", help="Only sessions of this user, as the column shows them.")
@click.option("--client", metavar="NAME", help="Only sessions of this client.")
@click.option("--update/--no-update", default=True, help="First stitch what came in since the last time.")
@lake_option
@output_options
def command(*, user: str | None, client: str | None, update: bool, place: Place, output: Output) -> None:
    r"""List sessions, the latest first: who did how much, what was denied, and what was got around.

    A session is one piece of work, put together from ids where they deserve belief, else from who acted, pauses,
    habits and where values went. Its confidence is that of the least sure of its joins. The job reads what came in
    since its last run.

    \b
    Example:
      tooltrail sessions --limit 10
      tooltrail sessions --user ana@acme.example --output csv
    """
    from console.sessions import list_sessions

    list_sessions(place, output, {"user": user, "client": client}, update=update)
