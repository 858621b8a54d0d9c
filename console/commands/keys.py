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
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@click.option("--by", required=True, metavar="NAME", help="Who proposes it.")
@lake_option
def rotate(reason: str, by: str, place: Place) -> None:
    r"""Propose to sign with a new key; another person approves it with `lake approve`, which does it.

    The old key signs the entry that names the new one, and is gone.

    \b
    Example:
      tooltrail keys rotate --reason "yearly" --by cleo
    """
    from console import verifying

    verifying.propose_rotation(place, reason, by)
