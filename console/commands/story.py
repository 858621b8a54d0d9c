"""Tell a session in plain words."""

from __future__ import annotations

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@click.argument("session")
@as_of_option
@lake_option
@output_options
def command(*, session: str, as_of: str | None, place: Place, output: Output) -> None:
    r"""Tell a session in plain words; every sentence names the events it was made from.

    SESSION is as for `timeline`. The same events give the same words, and what is not known is said. [3f2a91c4] is the
    beginning of an event_id; --output json gives the sentences with whole ids.

    \b
    Example:
      tooltrail story 3f2a
      tooltrail story 3f2a --output json
    """
    from analytics.ladder import ladder
    from console.story import print_story

    print_story(ladder(place.open_to_ask(), session, as_of), output)
