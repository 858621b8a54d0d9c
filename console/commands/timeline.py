"""Tell a session in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output

_FILE: Any = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("session")
@click.option("--html", "page", type=_FILE, metavar="FILE", help="Write the session report: one HTML page.")
@click.option("--timesketch", "sketch", type=_FILE, metavar="FILE", help="Write Timesketch JSONL.")
@click.option("--witnesses", is_flag=True, help="Show each call as every witness saw it.")
@as_of_option
@lake_option
@output_options
def command(
    *, session: str, page: Path | None, sketch: Path | None, witnesses: bool, as_of: str | None, place: Place,
    output: Output,
) -> None:  # fmt: skip
    r"""Print a session in order: what was attempted, allowed or denied and why, and what was reached.

    SESSION is a session_key, the beginning of one, or the raw session id as the client sent it. A call that
    reached what an earlier call was denied is marked "denied, then reached", in another session of the same person
    too. Values that came from an earlier result, and what may have left, are named. Other outputs than the table
    give one row per event.

    \b
    Example:
      tooltrail sql "SELECT session_key, count(*) FROM denials GROUP BY ALL"
      tooltrail timeline 3f2a
      tooltrail timeline 3f2a --html session.html
    """
    from analytics.ladder import ladder
    from console.timeline import print_timeline, write_report, write_timesketch

    told = ladder(place.open_to_ask(), session, as_of)
    if page is not None:
        write_report(told, page)
    if sketch is not None:
        write_timesketch(place, told, sketch)
    if page is None and sketch is None:
        print_timeline(told, output, witnesses=witnesses)
