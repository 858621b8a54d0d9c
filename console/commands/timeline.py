"""Tell a session in order."""

from __future__ import annotations

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@click.argument("session")
@as_of_option
@lake_option
@output_options
def command(session: str, as_of: str | None, place: Place, output: Output) -> None:
    r"""Print a session in order: what was attempted, allowed or denied and why, and what was reached.

    SESSION is a session_key, the beginning of one, or the raw session id as the client sent it. A call that
    reached what an earlier call was denied is marked "denied, then reached". Other outputs than the table
    give one row per event.

    \b
    Example:
      tooltrail sql "SELECT session_key, count(*) FROM denials GROUP BY ALL"
      tooltrail timeline 3f2a
    """
    from analytics.timeline import timeline
    from console.timeline import print_timeline

    print_timeline(timeline(place.open_to_ask(), session, as_of), output)
