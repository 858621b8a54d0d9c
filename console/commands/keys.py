"""The keys of the transparency log."""

from __future__ import annotations

import click

from console.options import Place, lake_option


@click.group()
def command() -> None:
    r"""Show and replace the key that signs the transparency log.

    \b
    Example:
      tooltrail keys show
    """


@command.command()
@lake_option
def show(place: Place) -> None:
    r"""Print the public keys the log was ever signed by, the newest last: what a verifier has to be given.

    \b
    Example:
      tooltrail keys show > log-keys.txt
    """
    from console.verifying import show_keys

    show_keys(place)


@command.command()
@lake_option
def rotate(place: Place) -> None:
    r"""Sign from now on with a new key; the old one signs the entry that names it, and is gone.

    \b
    Example:
      tooltrail keys rotate
    """
    from console import verifying

    verifying.rotate(place)
