"""Tell a session in order."""

from __future__ import annotations

from pathlib import Path

import click

from console.exits import say
from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@click.argument("session")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it as one HTML page.",
)
@as_of_option
@lake_option
@output_options
def command(session: str, page: Path | None, as_of: str | None, place: Place, output: Output) -> None:
    r"""Print a session in order: what was attempted, allowed or denied and why, and what was reached.

    SESSION is a session_key, the beginning of one, or the raw session id as the client sent it. A call that
    reached what an earlier call was denied is marked "denied, then reached". Other outputs than the table
    give one row per event.

    \b
    Example:
      tooltrail sql "SELECT session_key, count(*) FROM denials GROUP BY ALL"
      tooltrail timeline 3f2a
      tooltrail timeline 3f2a --html session.html
    """
    from analytics.timeline import timeline
    from console.timeline import print_timeline

    told = timeline(place.open_to_ask(), session, as_of)
    if page is None:
        print_timeline(told, output)
    else:
        from reports.render import render
        from reports.timeline.context import timeline_page

        rows = told.rows.arrow().to_pylist()
        page.write_text(render("timeline/page.html.j2", timeline_page(told.summary, rows, told.rows.version)))
        say(f"{len(rows)} events written to {page}")
