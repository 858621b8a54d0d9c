"""Write an evidence bundle."""

from __future__ import annotations

from pathlib import Path

import click

from console.bundling import KINDS
from console.options import Place, lake_option


@click.command()
@click.argument("subject", metavar="SESSION|FINDING|QUERY")
@click.option("--out", "target", required=True, type=click.Path(path_type=Path), metavar="DIR|ZIP",
              help="A new folder, or a new file that ends in .zip.")  # fmt: skip
@click.option("--kind", type=click.Choice(KINDS), help="What it is, where a name could be either.")
@lake_option
def command(*, subject: str, target: Path, kind: str | None, place: Place) -> None:
    r"""Write events with their proofs, and a program that checks them without Tooltrail.

    The bundle holds the events, for each a C2SP .tlog-proof, the entries and the signed checkpoint of the transparency
    log, the question and the versions it was answered from, and a manifest. It holds what the events hold: hand it
    on as you would them.

    \b
    Example:
      tooltrail evidence 62cd8fdd-63aa-4ebd-a6c4-2401969fa388 --out case-7.zip
      tooltrail evidence "SELECT event_id FROM denials WHERE user_id = 'ana'" --out case-8
    """
    from console import bundling

    bundling.write(place, subject, kind, target)
