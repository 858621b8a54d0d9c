"""Serve the guarded door."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, lake_option


@click.group()
def command() -> None:
    r"""Let people ask the lake who may not read its files.

    \b
    Example:
      tooltrail door serve
    """


@command.command()
@click.option(
    "--socket", type=click.Path(path_type=Path), metavar="PATH", help="Where to listen: else access.socket."
)
@lake_option
def serve(socket: Path | None, place: Place) -> None:
    r"""Answer questions on a Unix socket until stopped. The kernel says who asks; [people] says in which roles.

    \b
    Example:
      tooltrail door serve --lake /srv/tooltrail/lake --socket /run/tooltrail/door.sock
    """
    from console.guarded import serve as run

    run(place, socket)
