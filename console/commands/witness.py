"""Have a witness sign the transparency log."""

from __future__ import annotations

import click

from console.options import Place, lake_option


@click.command()
@click.argument("url")
@click.option(
    "--key", "keys", multiple=True, required=True, metavar="KEY", help="The witness's public key. Repeatable."
)
@lake_option
def command(url: str, keys: tuple[str, ...], place: Place) -> None:
    r"""Have a witness sign the log's checkpoint: that it goes on from the one the witness saw before.

    Speaks c2sp.org/tlog-witness. The witness has to know the log: give it what `tooltrail keys show` prints. Run it
    from cron; what was signed is kept in the lake's log, and `tooltrail verify --witness KEY` asks for it.

    \b
    Example:
      tooltrail witness https://witness.example/ --key "witness.example+8c1f2a3b+BG..."
    """
    from console.verifying import cosign

    cosign(place, url, keys)
