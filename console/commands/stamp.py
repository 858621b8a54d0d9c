"""Have an authority stamp the transparency log with the time."""

from __future__ import annotations

import click

from console.options import Place, lake_option


@click.command()
@lake_option
def command(*, place: Place) -> None:
    r"""Have a time stamp authority (RFC 3161) sign that it saw the log's checkpoint now.

    The authority is `integrity.tsa`, its certificates are `integrity.tsa_ca`. The stamp is kept in the lake's log, and
    `tooltrail verify` says what it proves. With an authority set, `tooltrail lake maintain` and `schedule run` ask for
    one by themselves, every `integrity.stamp_every`.

    \b
    Example:
      tooltrail stamp
    """
    from console.stamping import stamp

    stamp(place)
